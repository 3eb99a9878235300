//! `cargo xtask interop`: tests against crates of others that have dependencies of their own.

use std::fs;

use crate::error::{At as _, Result};
use crate::{paths, process, tools};

/// Gets the tools and tests every workspace in `interop/`; the arguments are those of `cargo test`.
pub(crate) fn run(args: &[String]) -> Result<()> {
    tools::run(&[])?;
    let root = paths::root()?;
    let dir = root.join("interop");
    let mut workspaces: Vec<_> = fs::read_dir(&dir).at(&dir)?.flatten().map(|entry| entry.path()).collect();
    workspaces.sort();
    for workspace in workspaces.iter().filter(|workspace| workspace.join("Cargo.toml").is_file()) {
        let mut cargo = process::cargo();
        cargo.args(["test", "--locked", "--target-dir"]).arg(root.join("target/interop")).args(args);
        process::run(cargo.current_dir(workspace))?;
    }
    Ok(())
}
