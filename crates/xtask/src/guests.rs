//! `cargo xtask guests`: the guests that are written in Rust, compiled.

use std::fs;
use std::path::Path;

use crate::error::{At as _, Result};
use crate::toolchain::{self, Rustc};
use crate::{paths, process};

/// Each guest, an own workspace below `guests`, with the target it is compiled for.
const GUESTS: &[(&str, &str)] = &[
    ("hello-world", "wasm32-wasip1"),
    ("http-server", "wasm32-wasip1"),
    ("probe-sockets", "wasm32-wasip1"),
    ("hello-component", "wasm32-wasip2"),
    ("http-axum", "wasm32-wasip2"),
    ("http-component", "wasm32-wasip2"),
    ("http-wstd", "wasm32-wasip2"),
    ("probe-component", "wasm32-wasip2"),
];

/// Every target of the guests.
pub(crate) const TARGETS: &[&str] = &["wasm32-wasip1", "wasm32-wasip2"];

/// Compiles what has changed, into `target/guests/NAME.wasm`.
pub(crate) fn run() -> Result<()> {
    let root = paths::root()?;
    let place = root.join("target/guests");
    fs::create_dir_all(&place).at(&place)?;
    let rustc = toolchain::find()?;
    for (name, target) in GUESTS {
        compile(&rustc, &root, name, target)?;
        let release = root.join("target/guests-build").join(target).join("release");
        // A library has no `-` in the name of its file.
        let names = [format!("{name}.wasm"), format!("{}.wasm", name.replace('-', "_"))]
            .map(|name| release.join(name));
        let [program, library] = names;
        let built = if program.is_file() { program } else { library };
        let wasm = fs::read(&built).at(&built)?;
        paths::write(&place.join(name).with_extension("wasm"), &wasm)?;
        println!("guests: target/guests/{name}.wasm, {} bytes", wasm.len());
    }
    Ok(())
}

/// The committed lock and no flags of the caller: a guest is the same whoever compiles it.
fn compile(rustc: &Rustc, root: &Path, name: &str, target: &str) -> Result<()> {
    let mut cargo = process::cargo();
    cargo
        .args(["build", "--quiet", "--release", "--locked", "--target", target, "--target-dir"])
        .arg(root.join("target/guests-build"))
        .current_dir(root.join("guests").join(name))
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET");
    if let Rustc::Debian(program) = rustc {
        cargo.env("RUSTC", program);
    }
    process::run(&mut cargo)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_workspace_below_guests_is_compiled() {
        let dir = paths::root().unwrap().join("guests");
        let folders: BTreeSet<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.join("Cargo.toml").is_file())
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(folders, GUESTS.iter().map(|(name, _)| (*name).to_owned()).collect());
        assert!(GUESTS.iter().all(|(_, target)| TARGETS.contains(target)));
    }
}
