//! From an image to pods: what the node needs, what the cluster needs, and whether it is sound.
//!
//! `cargo run -p examples --example manifests`

#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use wasm_bundle::{
    kubernetes::{App, Subject, Via, lint},
    node::{Config, Distribution, Runtime, Version},
};
use wasm_oci::{Format, Pack};

fn main() -> anyhow::Result<()> {
    // The node: a drop-in for containerd 2.x that offers crun to pods.
    let crun: Runtime = "crun=/usr/local/bin/crun".parse()?;
    let drop_in = Distribution::Containerd.setup(Version::V3, &[crun])?;
    println!("# {}\n{drop_in}", Distribution::Containerd.path(Version::V3));
    assert!(Config::parse(&drop_in)?.lint().is_empty());

    // The image, by its digest.
    let image = Pack::new(guests::HELLO.wasm(), "/hello.wasm")?.build(Format::Compat)?;
    let name = format!("ghcr.io/me/hello@{}", image.digest());

    // The cluster: what runs it, and what finds it.
    let app = App::new("hello", name, Via::Crun)?.replicas(2).port(8080);
    let yaml = app.manifests()?.to_yaml()?;
    println!("{yaml}");

    // Sound, also in the light of the image itself: crun takes it, and it gets the memory that it asks for.
    let findings = lint(&yaml, None, Some(&Subject::of(image)?))?;
    println!("{} findings", findings.len());
    Ok(())
}
