//! `cargo xtask static`: a statically linked `wasmctr`, which runs in an image that has nothing else.

use std::fs;

use crate::error::{At as _, Result};
use crate::{paths, process};

/// Builds `target/static/wasmctr`: the program that `cargo run --release` has built already,
/// linked once more. It needs the C library as an
/// archive, which Debian has in libc6-dev.
pub(crate) fn run() -> Result<()> {
    let root = paths::root()?;
    let mut cargo = process::cargo();
    // The flag is for the program alone: what it depends on is not compiled again.
    cargo.args([
        "rustc",
        "--quiet",
        "--locked",
        "--release",
        "--package",
        "wasmctr",
        "--bin",
        "wasmctr",
        "--",
    ]);
    cargo.args(["-Ctarget-feature=+crt-static", "-Cstrip=symbols"]);
    process::run(cargo.current_dir(&root))?;
    let place = root.join("target/static");
    fs::create_dir_all(&place).at(&place)?;
    let built = root.join("target/release/wasmctr");
    paths::write(&place.join("wasmctr"), &fs::read(&built).at(&built)?)?;
    let program = place.join("wasmctr");
    fs::set_permissions(&program, fs::metadata(&built).at(&built)?.permissions()).at(&program)
}
