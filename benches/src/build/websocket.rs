//! The servers on other WebSocket libraries.

use super::{Builder, Result, Unavailable, as_text, works};
use crate::process::{Launch, run_tool};
use std::fs;
use std::process::Command;

/// The major version of the package `ws`.
const WS: &str = "ws@8";

impl Builder {
    /// uWebSockets and its uSockets, as a crate carries them.
    pub(super) fn uwebsockets(&mut self) -> Result<Launch> {
        self.need_header("g++", "c++", "openssl/ssl.h", "libssl-dev")?;
        self.need_header("g++", "c++", "zlib.h", "zlib1g-dev")?;
        let sources = self.sources_of("libuwebsockets-sys", "0.0.10")?.join("uWebSockets");
        let networking = sources.join("uSockets/src");
        let include = format!("-I{}", networking.display());
        let headers = format!("-I{}", sources.join("src").display());
        // The C compiler takes files of both languages for what they are.
        let flags = ["-O3", "-std=c++20", "-w", "-DLIBUS_USE_OPENSSL", &include, &headers];
        let file = |name: &str| networking.join(name).display().to_string();
        let mut files = ["bsd.c", "context.c", "loop.c", "socket.c", "udp.c"].map(file).to_vec();
        files.extend(["eventing/epoll_kqueue.c", "crypto/openssl.c"].map(file));
        files.push(file("crypto/sni_tree.cpp"));
        files.extend(["-lssl", "-lcrypto", "-lz", "-lstdc++", "-pthread"].map(str::to_owned));
        let program =
            self.compile("cc", "peers/cpp/uwebsockets_echo.cpp", &flags, &as_text(&files))?;
        Ok(Launch { program, ..Launch::default() })
    }

    pub(super) fn beast(&mut self) -> Result<Launch> {
        self.need_header("g++", "c++", "boost/beast/version.hpp", "libboost-dev")?;
        self.need_header("g++", "c++", "openssl/ssl.h", "libssl-dev")?;
        let flags = ["-O2", "-std=c++17", "-Wall", "-Wextra"];
        let libraries = ["-lssl", "-lcrypto", "-pthread"];
        let program = self.compile("g++", "peers/cpp/beast_echo.cpp", &flags, &libraries)?;
        Ok(Launch { program, ..Launch::default() })
    }

    pub(super) fn websocketpp(&mut self) -> Result<Launch> {
        self.need_header("g++", "c++", "websocketpp/version.hpp", "libwebsocketpp-dev")?;
        self.need_header("g++", "c++", "boost/asio/version.hpp", "libboost-dev")?;
        self.need_header("g++", "c++", "openssl/ssl.h", "libssl-dev")?;
        self.need_header("g++", "c++", "zlib.h", "zlib1g-dev")?;
        let flags = ["-O2", "-std=c++14", "-Wall", "-Wextra"];
        let libraries = ["-lssl", "-lcrypto", "-lz", "-pthread"];
        let program = self.compile("g++", "peers/cpp/websocketpp_echo.cpp", &flags, &libraries)?;
        Ok(Launch { program, ..Launch::default() })
    }

    pub(super) fn libwebsockets(&mut self) -> Result<Launch> {
        self.need_header("cc", "c", "libwebsockets.h", "libwebsockets-dev")?;
        let flags = ["-O2", "-Wall", "-Wextra"];
        let libraries = ["-lwebsockets", "-pthread"];
        let program = self.compile("cc", "peers/c/libwebsockets_echo.c", &flags, &libraries)?;
        Ok(Launch { program, ..Launch::default() })
    }

    pub(super) fn node_ws(&mut self) -> Result<Launch> {
        for (program, package) in [("node", "nodejs"), ("npm", "npm")] {
            if !works(program, &["--version"]) {
                self.install(package)?;
            }
            if !works(program, &["--version"]) {
                return Err(Unavailable::Skipped(format!("install {package}")));
            }
        }
        let directory = self.out.join("node");
        let modules = directory.join("node_modules");
        if self.install && !modules.join("ws").is_dir() {
            eprintln!("installing {WS} into {}", directory.display());
            fs::create_dir_all(&directory)?;
            let install = |command: &mut Command| {
                command.args(["install", "--no-audit", "--no-fund", "--prefix"]);
                command.arg(&directory).arg(WS);
            };
            run_tool("npm", install, &self.out.join("npm.log"))?;
        }
        if !modules.join("ws").is_dir() {
            return Err(Unavailable::Skipped(format!(
                "install ws (npm install --prefix {} {WS})",
                directory.display()
            )));
        }
        let modules = modules.display().to_string();
        Ok(self.script("node".into(), "peers/js/ws_echo.js", &[("NODE_PATH", &modules)], &[]))
    }
}
