//! Push a module to a registry as an artifact, attach a document to it, and pull it again.
//!
//! `cargo run -p examples --example push_pull [app.wasm localhost:5000/me/app:v1]`
//!
//! Without arguments it uses the hello guest, and a registry of its own in this process.

#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::{env, fs};

use wasm_oci::{
    Format, Layout, Overwrite, Pack, Reference,
    registry::{Attachment, Event, Options, Pick, Registry},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let own = test_registry::Registry::start()?;
    let (wasm, name) = match args.as_slice() {
        [file, name] => (fs::read(file)?, name.clone()),
        _ => (guests::HELLO.wasm(), format!("{}/me/app:v1", own.host())),
    };
    let name: Reference = name.parse()?;

    // The files of `docker login` and `podman login`; a registry on this machine needs none.
    let mut options = Options::default();
    options.auth_files = env::home_dir().into_iter().map(|home| home.join(".docker/config.json")).collect();
    let registry = Registry::new(options.on_event(|event| match event {
        Event::Ended { digest, size, how } => println!("blob        {digest} {size} bytes: {how:?}"),
        Event::Retrying { why, after } => println!("again       in {after:?}: {why}"),
        _ => {}
    }))?;

    let image = Pack::new(wasm, "/app.wasm")?.build(Format::Artifact)?;
    let pushed = registry.push(&image, &name)?;
    println!("pushed      {}/{}@{}", name.registry(), name.repository(), pushed.digest());

    let note = Attachment::new("example/note").file("text/plain", "note.txt", b"it works".as_slice());
    registry.attach(&name, &note)?;
    for found in registry.referrers(&name, None)? {
        let kind = found.artifact_type().as_ref().map(ToString::to_string).unwrap_or_default();
        println!("attached    {kind} {}", found.digest());
    }

    // Into a layout: what is there is not fetched again, and what broke is gone on with.
    let dir = tempfile::tempdir()?;
    let mut layout = Layout::open_or_create(&dir.path().join("images"))?;
    registry.pull(&name, &Pick::Wasm, &mut layout, Some("v1"), Overwrite::Replace)?;
    let pulled = layout.artifact(Some("v1"))?;
    assert_eq!(pulled.digest(), image.digest());
    println!("pulled      {} bytes", pulled.wasm()?.len());
    println!("tags        {}", registry.tags(&name)?.join(" "));
    Ok(())
}
