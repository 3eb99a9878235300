//! Takes an image as Docker or buildah built it to the artifact that wkg and wasmCloud read, and back.
//!
//! `cargo run -p examples --example convert [-- LOCATION]`, as `oci:DIR:TAG` or `oci-archive:FILE`; without one, an image
//! that it packs itself.

#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::env;

use wasm_oci::{Error, Format, Location, Loss, Pack};

fn main() -> anyhow::Result<()> {
    let image = match env::args().nth(1) {
        Some(text) => text.parse::<Location>()?.artifact(None)?,
        None => Pack::new(guests::HELLO.wasm(), "/app.wasm")?
            .arg("--verbose")
            .annotation("org.opencontainers.image.version", "1.2.3")
            .file("/etc/app.toml", "level = 3\n")?
            .build(Format::Compat)?,
    };
    println!("{} {}", image.format(), image.digest());

    // An artifact is one module and nothing else. What would be lost is an error, until we say that we mean it.
    if let Err(Error::Lossy { lost, .. }) = image.convert(Format::Artifact, Loss::Refuse) {
        println!("not in an artifact: {}", lost.join(", "));
    }
    let artifact = image.convert(Format::Artifact, Loss::Accept)?.artifact;
    println!("{} {}", artifact.format(), artifact.digest());
    assert_eq!(artifact.wasm()?, image.wasm()?);

    // Arguments and the like have no field in an artifact. They travel in annotations and come back.
    let back = artifact.convert(Format::Compat, Loss::Refuse)?.artifact;
    assert_eq!(back.config().config(), image.config().config());
    println!("back {}", back.digest());
    Ok(())
}
