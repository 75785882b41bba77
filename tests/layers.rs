//! Who may import whom. The layers of the crate, from the bottom to the top:
//!
//! * `error` imports nothing of the crate.
//! * `proto` turns bytes into bytes: it knows no socket, clock or thread.
//! * `reactor` moves bytes: it alone uses mio, socket2 and libc, and knows no protocol.
//! * `net` decides what happens, with what `reactor` and `proto` offer.
//! * `nano` speaks the scalability protocols over `net`.
//! * `ffi` is the C ABI of `net` and `nano`.
//!
//! The rules are checked by reading the source text, so that a wrong import is found with the
//! sentence that says why, and before it has grown roots.

#[path = "layers/source.rs"]
mod source;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use source::{code_of, paths, tokens};

struct Layer {
    name: &'static str,
    /// Layers of the crate that it may import, besides itself.
    layers: &'static [&'static str],
    /// Crates that it may use. `loom` stands in for `std::sync` in some tests.
    crates: &'static [&'static str],
    /// Parts of the standard library that it must not use.
    forbidden: &'static [&'static str],
    why: &'static str,
}

const LAYERS: [Layer; 6] = [
    Layer {
        name: "error",
        layers: &[],
        crates: &[],
        forbidden: &["std::net", "std::time", "std::thread"],
        why: "Errors are values that every layer uses, so they depend on none.",
    },
    Layer {
        name: "proto",
        layers: &["error"],
        crates: &[
            "rustls",
            "pkcs8",
            "x509_cert",
            "base64ct",
            "md5",
            "cbc",
            "des",
            "aes",
            "zeroize",
            "ring",
            "tungstenite",
            "bytes",
            "flate2",
            "simdutf8",
        ],
        forbidden: &["std::net", "std::time", "std::thread", "std::fs"],
        why: "Protocols are bytes in and bytes out, so that they can be tested and fuzzed alone.",
    },
    Layer {
        name: "reactor",
        layers: &["error"],
        crates: &["mio", "socket2", "libc", "loom", "rustls_native_certs", "if_addrs"],
        forbidden: &[],
        why: "The reactor moves bytes for any protocol and knows none.",
    },
    Layer {
        name: "net",
        layers: &["reactor", "proto", "error"],
        crates: &["httpdate"],
        forbidden: &["std::net::TcpStream", "std::net::TcpListener", "std::net::UdpSocket"],
        why: "Endpoints reach the system through the reactor only.",
    },
    Layer {
        name: "nano",
        layers: &["net", "proto", "error"],
        crates: &[],
        forbidden: &["std::net::TcpStream", "std::net::TcpListener", "std::net::UdpSocket"],
        why: "Scalability protocols are patterns over endpoints, without I/O of their own.",
    },
    Layer {
        name: "ffi",
        layers: &["net", "nano", "error"],
        crates: &[],
        forbidden: &["std::net::TcpStream", "std::net::TcpListener", "std::net::UdpSocket"],
        why: "The C ABI only translates what the Rust API offers.",
    },
];

/// Names of `error` that the crate's root offers too; every layer may take them there.
const ERRORS: [&str; 6] = ["Category", "Error", "Result", "SpFailure", "Status", "TlsFailure"];

/// Where `unsafe` is allowed: what C hands over, and what the system does.
const UNSAFE: [&str; 2] = ["ffi/", "reactor/sys/"];

/// A file above this has more than one job.
const LINES: usize = 600;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the sources are there") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The crates that the manifest names, as the source text spells them.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut inside = false;
    let mut names = BTreeSet::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line.trim_matches(['[', ']']).ends_with("dependencies");
        } else if let Some((name, _)) = line.split_once('=')
            && inside
        {
            let name = name.split('.').next().unwrap_or(name);
            names.insert(name.trim().replace('-', "_"));
        }
    }
    names
}

/// The layer of a file, named relative to `src`. The root of the crate is none.
fn layer_of(file: &str) -> Option<&str> {
    let first = file.split('/').next().unwrap_or(file);
    let name = first.trim_end_matches(".rs");
    (name != "lib").then_some(name)
}

/// What breaks a rule in one file, each in a sentence.
fn problems(file: &str, text: &str, crates: &BTreeSet<String>) -> Vec<String> {
    let mut problems = Vec::new();
    let lines = text.lines().count();
    if lines > LINES {
        problems.push(format!("src/{file} has {lines} lines; split it, {LINES} are the limit."));
    }
    let code = code_of(text);
    let tokens = tokens(&code);
    let is_unsafe = tokens.contains(&"unsafe");
    if is_unsafe && !UNSAFE.iter().any(|folder| file.starts_with(folder)) {
        problems.push(format!(
            "src/{file} uses `unsafe`, which only src/{} and src/{} may.",
            UNSAFE[0], UNSAFE[1]
        ));
    }
    let Some(name) = layer_of(file) else { return problems };
    let Some(layer) = LAYERS.iter().find(|layer| layer.name == name) else {
        problems.push(format!("src/{file} is in no layer; tell this test where `{name}` belongs."));
        return problems;
    };
    // The depth of the file's module, to see where `super` leads.
    let parts: Vec<_> = file.trim_end_matches(".rs").split('/').collect();
    let depth = parts.iter().filter(|part| **part != "mod").count();
    for path in paths(&tokens) {
        let joined = path.join("::");
        let supers = path.iter().take_while(|word| *word == "super").count();
        let inside = match path[0].as_str() {
            "crate" => path.get(1),
            // Tests in the file are one level deeper, so only names of layers count.
            "super" if supers >= depth => path.get(supers).filter(|word| is_layer(word)),
            _ => None,
        };
        if let Some(target) = inside {
            let allowed = target == layer.name
                || layer.layers.contains(&target.as_str())
                || ERRORS.contains(&target.as_str())
                // The root offers what net does.
                || (layer.layers.contains(&"net") && !is_layer(target));
            if !allowed {
                problems.push(format!(
                    "src/{file} imports `{joined}`, but `{}` may only import {}. {}",
                    layer.name,
                    list(layer.layers),
                    layer.why
                ));
            }
        }
        if crates.contains(&path[0]) && !layer.crates.contains(&path[0].as_str()) {
            problems.push(format!(
                "src/{file} uses `{joined}`, but `{}` may only use the crates {}. {}",
                layer.name,
                list(layer.crates),
                layer.why
            ));
        }
        for forbidden in layer.forbidden {
            let parts: Vec<_> = forbidden.split("::").collect();
            if path.len() >= parts.len() && path.iter().zip(&parts).all(|(a, b)| a == b) {
                problems.push(format!(
                    "src/{file} uses `{joined}`, but `{}` must not use `{forbidden}`. {}",
                    layer.name, layer.why
                ));
            }
        }
    }
    problems
}

fn is_layer(name: &str) -> bool {
    LAYERS.iter().any(|layer| layer.name == name)
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

#[test]
fn every_file_keeps_to_its_layer() {
    let source = root().join("src");
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("there is a manifest");
    let crates = dependencies(&manifest);
    let mut found = Vec::new();
    files(&source, &mut found);
    assert!(found.len() > 20, "the sources were not found in {source:?}");
    let mut all = Vec::new();
    for path in found {
        let text = fs::read_to_string(&path).expect("the sources can be read");
        let file = path.strip_prefix(&source).expect("it is below src");
        let file = file.to_string_lossy().replace('\\', "/");
        all.extend(problems(&file, &text, &crates));
    }
    assert!(all.is_empty(), "The layers are mixed up:\n{}", all.join("\n"));
}

/// The checker itself: it has to find what it is for, in whatever way it is written.
#[test]
fn the_checker_finds_bad_imports() {
    let crates = dependencies(
        "[dependencies]\nmio = { version = \"1\" }\nsocket2.workspace = true\n\
         [target.'cfg(unix)'.dependencies]\nlibc = \"0.2\"\n[lints.rust]\nrustls = \"deny\"\n",
    );
    assert_eq!(crates.iter().map(String::as_str).collect::<Vec<_>>(), ["libc", "mio", "socket2"]);
    let bad = [
        ("proto/raw.rs", "use crate::reactor::slots::Key;"),
        ("proto/raw.rs", "use crate::{error::Error, net::Session};"),
        ("proto/raw.rs", "use super::super::net::Session;"),
        ("proto/raw.rs", "fn now() -> std::time::Instant { std::time::Instant::now() }"),
        ("proto/raw.rs", "use std::{io, net::TcpStream};"),
        ("proto/raw.rs", "use crate::Session;"),
        ("proto/ws/codec.rs", "use super::super::super::reactor::sys;"),
        ("reactor/slots.rs", "use crate::proto::Wire;"),
        ("reactor/slots.rs", "use crate::{error, {net}};"),
        ("net/server.rs", "use mio::net::TcpListener;"),
        ("net/server.rs", "let socket: socket2::SockRef = x;"),
        ("net/server.rs", "use std::net::{SocketAddr, TcpStream};"),
        ("net/server.rs", "use crate::ffi::types;"),
        ("ffi/server.rs", "use crate::reactor::sockets;"),
        ("ffi/server.rs", "fn f() { libc::close(0) }"),
        ("error.rs", "use crate::net::Reason;"),
        ("error.rs", "fn f() { unsafe { g() } }"),
        ("net/server.rs", "unsafe impl Send for X {}"),
        ("reactor/sockets.rs", "fn f() { unsafe { g() } }"),
        ("lib.rs", "unsafe fn f() {}"),
        ("magic/wand.rs", "use std::io;"),
    ];
    for (file, text) in bad {
        let found = problems(file, text, &crates);
        assert_eq!(found.len().min(1), 1, "nothing was found in {file}: {text}");
        assert!(found[0].starts_with(&format!("src/{file} ")) && found[0].ends_with('.'));
    }
    let long = "\n".repeat(LINES + 1);
    assert_eq!(problems("net/server.rs", &long, &crates).len(), 1);
}

#[test]
fn the_checker_leaves_good_imports_alone() {
    let crates = dependencies("[dependencies]\nmio = \"1\"\nsocket2 = \"0.6\"\nlibc = \"0.2\"\n");
    let good = [
        ("proto/raw.rs", "use super::{Event, Wire};\nuse crate::error::Result;"),
        ("proto/raw.rs", "use std::sync::Arc; // not std::time::Instant"),
        ("proto/raw.rs", "/* crate::net */ const TEXT: &str = \"crate::net::X and std::net\";"),
        ("proto/raw.rs", "const TEXT: &str = r#\"crate::net::\"X\" \"#; const C: char = '\"';"),
        ("proto/raw.rs", "mod tests { use super::super::Wire; use super::*; }"),
        ("proto/raw.rs", "struct Wire<'a>(&'a str); const Q: char = '\\'';"),
        ("reactor/event_loop.rs", "use mio::{Events, Poll};\nuse super::slots::Key;"),
        ("reactor/sys/linux.rs", "let r = unsafe { libc::ioctl(fd, 1) };"),
        ("net/server.rs", "use crate::{Error, reactor::{resolver, sockets}, proto::Wire};"),
        ("net/server.rs", "use std::net::{IpAddr, SocketAddr};\nuse super::ffi_like::X;"),
        ("net/server.rs", "#![allow(unsafe_code)]"),
        ("ffi/server.rs", "use crate::net::Server;\nuse crate::{Client, Status};"),
        ("ffi/server.rs", "unsafe fn f() {}"),
        ("lib.rs", "pub use net::*;\nmod reactor;"),
    ];
    for (file, text) in good {
        assert_eq!(problems(file, text, &crates), Vec::<String>::new(), "in {file}: {text}");
    }
}
