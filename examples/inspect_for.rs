//! Tells who of crun, youki, runwasi, … takes an image, why, and what to do where one does not.
//!
//! `cargo run -p examples --example inspect_for [-- LOCATION]`, as `oci:DIR:TAG` or `oci-archive:FILE`; without one, an
//! artifact that it packs itself.

#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::env;

use wasm_oci::{Consumer, Format, Location, Pack};

fn main() -> anyhow::Result<()> {
    let image = match env::args().nth(1) {
        Some(text) => text.parse::<Location>()?.artifact(None)?,
        None => Pack::new(guests::HELLO.wasm(), "/app.wasm")?.build(Format::Artifact)?,
    };
    let interface = image.interface()?;
    println!("{} of a {}, WASI {}", image.format(), interface.kind, interface.wasi);
    for consumer in Consumer::ALL {
        let verdict = consumer.judge(&image)?;
        println!("{consumer}: {}, {}", if verdict.accepts { "yes" } else { "no" }, verdict.why);
        if let Some(remedy) = verdict.remedy {
            println!("    {remedy}");
        }
    }
    Ok(())
}
