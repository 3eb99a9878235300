//! Packs a module as an image that crun, youki, podman and Docker take, with a file beside it, for two platforms.
//!
//! `cargo run -p examples --example pack [-- FILE.wasm]`; without a file, a guest that says hello.

#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::{env, fs};

use wasm_oci::{Format, Index, Layout, Metadata, Overwrite, Pack, Strip, strip};

fn main() -> anyhow::Result<()> {
    let wasm = match env::args().nth(1) {
        Some(path) => fs::read(path)?,
        None => guests::HELLO.wasm(),
    };
    // What only a debugger reads stays behind; what the module says about itself becomes annotations.
    let small = strip(&wasm, Strip::Debug)?.into_owned();
    let pack = Pack::new(small, "/app.wasm")?
        .arg("--verbose")
        .env("MODE=production")
        .file("/etc/app.toml", "level = 3\n")?
        .described(&Metadata::of(&wasm)?);

    // Engines that know WebAssembly look for wasi/wasm, others for the platform of their host.
    let image = pack.build(Format::Compat)?;
    let on_linux = pack.platform("linux/amd64".parse()?).build(Format::Compat)?;
    let index = Index::new(vec![image, on_linux])?;

    let dir = tempfile::tempdir()?;
    let layout = dir.path().join("layout");
    Layout::write(&layout, "v1", &index, Overwrite::Refuse)?;

    let read = Layout::open(&layout)?.artifact(Some("v1"))?;
    println!(
        "{} has {} bytes of WebAssembly at {:?}",
        read.platform(),
        read.wasm()?.len(),
        read.entrypoint()
    );
    println!("the index is {}", index.digest());
    Ok(())
}
