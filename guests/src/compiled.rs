//! Guests compiled from Rust.

use std::path::{Path, PathBuf};

/// Names of the guests that `cargo xtask guests` compiles, each an own workspace in a folder of this name.
pub const COMPILED: &[&str] = &[
    "hello-world",
    "http-server",
    "probe-sockets",
    "hello-component",
    "http-axum",
    "http-component",
    "http-wstd",
    "probe-component",
];

/// Path of a compiled guest, if it has been compiled.
#[must_use]
pub fn compiled(name: &str) -> Option<PathBuf> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/guests").join(name).with_extension("wasm");
    path.is_file().then_some(path)
}

/// [`compiled`], or `None` when the test `test` must be skipped, which is then recorded: [`need!`](crate::need!).
///
/// # Panics
///
/// When the guest is not compiled and `CI` is set.
#[must_use]
pub fn need(name: &str, test: &str) -> Option<PathBuf> {
    lab::require(compiled(name), &format!("the guest {name}"), "cargo xtask guests", test)
}

/// Whether there is such a guest; `need!` asks while it is compiled.
#[doc(hidden)]
#[must_use]
pub const fn is_compiled(name: &str) -> bool {
    let mut at = 0;
    while at < COMPILED.len() {
        if lab::same(COMPILED[at], name) {
            return true;
        }
        at += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_guest_has_its_source_and_its_lock() {
        for name in COMPILED {
            let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
            assert!(dir.join("Cargo.toml").is_file() && dir.join("Cargo.lock").is_file(), "{name}");
        }
    }

    #[test]
    fn hello_world_is_a_module() {
        let Some(path) = crate::need!("hello-world") else { return };
        assert!(fs::read(path).unwrap().starts_with(b"\0asm\x01\0\0\0"));
    }

    #[test]
    fn http_server_is_a_module() {
        let Some(path) = crate::need!("http-server") else { return };
        assert!(fs::read(path).unwrap().starts_with(b"\0asm\x01\0\0\0"));
    }

    #[test]
    fn hello_component_is_a_component() {
        let Some(path) = crate::need!("hello-component") else { return };
        assert!(fs::read(path).unwrap().starts_with(b"\0asm\x0d\0\x01\0"));
    }
}
