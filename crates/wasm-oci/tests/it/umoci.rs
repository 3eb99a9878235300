//! A layout that umoci made: we read it, and put an image of ours beside its own.

use std::{fs, process::Command};

use wasm_oci::{Layout, Overwrite};

use crate::hello;

#[test]
fn we_read_its_layout_and_it_ours() {
    let Some(umoci) = lab::need!("umoci") else { return };
    let dir = tempfile::tempdir().unwrap();
    let layout = dir.path().join("layout");
    let file = dir.path().join("program");
    fs::write(&file, guests::HELLO.wasm()).unwrap();
    let run = |args: &[&str]| {
        let output = Command::new(&umoci).args(args).output().unwrap();
        assert!(output.status.success(), "umoci {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let place = layout.to_str().unwrap();
    let image = format!("{place}:theirs");
    run(&["init", "--layout", place]);
    run(&["new", "--image", &image]);
    let rootless = lab::root().is_none().then_some("--rootless");
    let insert: Vec<_> = ["insert"].into_iter().chain(rootless).collect();
    run(&[&insert[..], &["--image", &image, file.to_str().unwrap(), "/bin/app.wasm"]].concat());
    let entrypoint = ["--config.entrypoint", "/bin/app.wasm", "--os", "wasi", "--architecture", "wasm"];
    run(&[&["config", "--image", &image], &entrypoint[..]].concat());

    let theirs = Layout::open(&layout).unwrap().artifact(Some("theirs")).unwrap();
    assert_eq!(theirs.wasm().unwrap(), guests::HELLO.wasm());
    assert_eq!(theirs.entrypoint(), Some("/bin/app.wasm"));
    assert_eq!(theirs.platform().to_string(), "wasi/wasm");

    Layout::write(&layout, "ours", &hello(), Overwrite::Refuse).unwrap();
    let tags = run(&["list", "--layout", place]);
    let mut tags: Vec<_> = tags.lines().collect();
    tags.sort_unstable();
    assert_eq!(tags, ["ours", "theirs"]);
    assert!(run(&["stat", "--json", "--image", &format!("{place}:ours")]).contains("\"history\""));
    let read = Layout::open(&layout).unwrap();
    assert_eq!(read.artifact(Some("theirs")).unwrap().digest(), theirs.digest());
    assert_eq!(read.artifact(Some("ours")).unwrap().digest(), hello().digest());
}
