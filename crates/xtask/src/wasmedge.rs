//! `cargo xtask wasmedge`: the WasmEdge engine, which the workspace builds without, built and tested.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{At as _, Error, Result};
use crate::{guests, paths, process, tools};

/// Gets what it takes, builds `wasmctr-wasmedge` and tests `wasm-exec` with this engine alone; the arguments are those of `cargo test`.
pub(crate) fn run(args: &[String]) -> Result<()> {
    tools::run(&[])?;
    guests::run()?;
    let root = paths::root()?;
    let package = root.join("crates/wasmctr-wasmedge");
    let target = host()?;
    let cargo = |task: &str| {
        let mut cargo = process::cargo();
        cargo.args([task, "--locked", "--target", &target, "--target-dir"]).arg(root.join("target/wasmedge"));
        // The bindings that wasmedge-sys brings along, so that no libclang is needed.
        cargo.env("WASMEDGE_RUST_BINDGEN_PATH", package.join("bindings.sh"));
        if env::var_os("WASMEDGE_DIR").is_none() {
            use_lab(&mut cargo, &lab::prefix().join("wasmedge"))?;
        }
        Ok(cargo)
    };
    process::run(cargo("build")?.current_dir(&package))?;
    process::run(
        cargo("test")?
            .args(["--package", "wasm-exec", "--no-default-features", "--features", "bundle,wasmedge"])
            .args(args)
            .current_dir(&root),
    )
}

/// Links the lab's library, and makes programs start with the C library that it was made for.
///
/// A target is named in the command, so that the flags are not those of build scripts.
fn use_lab(cargo: &mut Command, wasmedge: &Path) -> Result<()> {
    if lab::find("libwasmedge").is_none() {
        return Err(Error::new(
            "libwasmedge is not here: `cargo xtask lab` gets it, or set WASMEDGE_DIR".to_owned(),
        ));
    }
    let set = wasmedge.canonicalize().at(wasmedge)?;
    let libraries = entry(&set.with_file_name("root").join("usr/lib"), |name| name.ends_with("-linux-gnu"))?;
    let loader = entry(&libraries, |name| name.starts_with("ld-linux"))?;
    let flags = [
        format!("-Clink-arg=-Wl,--dynamic-linker={}", loader.display()),
        format!("-Clink-arg=-Wl,--disable-new-dtags,-rpath,{}", libraries.display()),
        // The library's own libraries are newer than the linker's C library.
        "-Clink-arg=-Wl,--allow-shlib-undefined".to_owned(),
    ];
    cargo.env("WASMEDGE_DIR", set).env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    Ok(())
}

/// The entry of a folder whose name is as described.
fn entry(dir: &Path, is_it: impl Fn(&str) -> bool) -> Result<PathBuf> {
    let mut entries = fs::read_dir(dir).at(dir)?.flatten();
    entries
        .find(|entry| entry.file_name().to_str().is_some_and(&is_it))
        .map(|entry| entry.path())
        .ok_or_else(|| Error::new(format!("{}: not what the lab makes", dir.display())))
}

/// The target that rustc compiles for by itself.
fn host() -> Result<String> {
    let version = process::capture(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Error::new("rustc does not tell its host".to_owned()))
}
