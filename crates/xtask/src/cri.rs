//! `cargo xtask cri`: the client by which the tests do what a kubelet does.

use crate::error::{Error, Result};
use crate::{paths, process, tools};

/// Builds it into `target/cri-client`, an own workspace with the lab's protoc.
pub(crate) fn run() -> Result<()> {
    tools::run(&[])?;
    let protoc =
        lab::find("protoc").ok_or_else(|| Error::new("protoc is not here: `cargo xtask lab` gets it"))?;
    let root = paths::root()?;
    let mut cargo = process::cargo();
    cargo.args(["build", "--quiet", "--locked", "--target-dir"]).arg(root.join("target/cri-client"));
    process::run(cargo.current_dir(root.join("crates/cri-client")).env("PROTOC", protoc))
}
