//! Many pull the same at once: each blob comes once.

use std::{
    process::{Command, Stdio},
    thread,
};

use test_registry::{Fault, On, Options as ServerOptions};
use wasm_oci::{
    Format, Layout, Overwrite,
    registry::{Pick, Registry},
};

use crate::{case::prepare, hello, name, quick};

const SELF: &str = "WASM_OCI_TEST_TOGETHER";
/// Threads in each process, and processes: 64 altogether.
const THREADS: usize = 8;
const PROCESSES: usize = 8;

/// The child: eight threads that pull.
#[test]
fn child() {
    let Ok(told) = std::env::var(SELF) else { return };
    let (host, dir) = told.split_once(' ').unwrap();
    let mut options = quick();
    options.timeouts.answer = std::time::Duration::from_secs(30);
    options.timeouts.window = std::time::Duration::from_secs(30);
    let registry = Registry::new(options).unwrap();
    let at = format!("{host}/a:v1").parse().unwrap();
    thread::scope(|scope| {
        for number in 0..THREADS {
            let (registry, at) = (&registry, &at);
            scope.spawn(move || {
                let mut layout = Layout::open_or_create(dir.as_ref()).unwrap();
                let tag = format!("t{}-{number}", std::process::id());
                registry.pull(at, &Pick::All, &mut layout, Some(&tag), Overwrite::Refuse).unwrap();
            });
        }
    });
    println!("all of them");
}

#[test]
fn sixty_four_pulls_are_one_download() {
    let server = ServerOptions::default().start().unwrap();
    prepare(&server);
    // So slow that all of them meet.
    server.fault(On::blob_get(), Fault::SlowBody(400));
    let dir = tempfile::tempdir().unwrap();
    let layout = dir.path().join("layout");
    drop(Layout::open_or_create(&layout).unwrap());
    let children: Vec<_> = (0..PROCESSES)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "together::child", "--nocapture"])
                .env(SELF, format!("{} {}", server.host(), layout.display()))
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("all of them"), "{text} {}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(server.count(&On::blob_get()), 2, "one config and one layer");
    let layout = Layout::open(&layout).unwrap();
    assert_eq!(layout.tags().count(), THREADS * PROCESSES);
    assert!(layout.verify().unwrap().corrupt.is_empty());
}

/// Who pulls is killed; who pulls next goes on where that one was.
#[test]
fn a_download_that_was_broken_off_is_gone_on_with() {
    let server = ServerOptions::default().start().unwrap();
    prepare(&server);
    let dir = tempfile::tempdir().unwrap();
    let mut layout = Layout::open_or_create(&dir.path().join("layout")).unwrap();
    let layer = hello(Format::Artifact).layers()[0].descriptor().clone();
    let path = layer.digest().to_string();
    server.fault(On::blob_get().path(&path).nth(1), Fault::ResetInBody(100));
    let mut options = quick();
    options.retries = 0;
    let pull = |options, layout: &mut Layout| {
        let registry = Registry::new(options).unwrap();
        registry.pull(&name(&server, "a:v1"), &Pick::All, layout, Some("v1"), Overwrite::Refuse)
    };
    pull(options, &mut layout).unwrap_err();
    server.clear_requests();
    pull(quick(), &mut layout).unwrap();
    assert_eq!(server.count(&On::blob_get().path(&path).ranged()), 1);
    assert_eq!(server.count(&On::blob_get().path(&path).whole()), 0);
}

/// A blob that was damaged on disk is fetched again.
#[test]
fn a_damaged_blob_is_fetched_again() {
    let server = ServerOptions::default().start().unwrap();
    prepare(&server);
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("layout");
    let mut layout = Layout::open_or_create(&place).unwrap();
    let registry = Registry::new(quick()).unwrap();
    let mut pull =
        |tag| registry.pull(&name(&server, "a:v1"), &Pick::All, &mut layout, Some(tag), Overwrite::Refuse);
    pull("one").unwrap();
    let layer = hello(Format::Artifact).layers()[0].descriptor().clone();
    let blob = place.join("blobs/sha256").join(layer.digest().digest());
    let mut bytes = std::fs::read(&blob).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&blob, bytes).unwrap();
    server.clear_requests();
    pull("two").unwrap();
    assert_eq!(server.count(&On::blob_get()), 1);
    assert_eq!(
        Layout::open(&place).unwrap().artifact(Some("two")).unwrap().wasm().unwrap(),
        guests::HELLO.wasm()
    );
}
