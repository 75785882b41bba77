//! Gives the shared library the name that programs remember it by.
//!
//! Without it the path of the build directory ends up in the programs that link the library.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // The first number of the package version, so that a new major version installs beside the old.
    let major = std::env::var("CARGO_PKG_VERSION_MAJOR").unwrap_or_default();
    match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("linux") => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libcppserver.so.{major}");
        }
        Ok("macos") => {
            println!(
                "cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libcppserver.{major}.dylib"
            );
        }
        _ => {}
    }
}
