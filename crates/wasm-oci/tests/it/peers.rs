//! The real skopeo, docker-registry and umoci read what we write, and give it back unchanged.

use std::{fs, path::Path, process::Command};

use wasm_oci::{Layout, Overwrite};

use crate::hello;

/// Runs a peer and fails with what it printed.
#[track_caller]
fn run(program: &Path, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{} {args:?}: {}\n{text}", program.display(), output.status);
    text
}

#[test]
fn through_a_registry_and_back() {
    let Some(skopeo) = lab::need!("skopeo") else { return };
    let Some(registry) = lab::need!("docker-registry") else { return };
    let dir = tempfile::tempdir().unwrap();
    let ours = dir.path().join("ours");
    let back = dir.path().join("back");
    Layout::write(&ours, "v1", &hello(), Overwrite::Refuse).unwrap();

    let registry = lab::Registry::start(&registry, &dir.path().join("registry")).unwrap();
    let remote = format!("docker://{}/hello:v1", registry.address());
    let tls = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    for (from, to) in [
        (format!("oci:{}:v1", ours.display()), &remote),
        (remote.clone(), &format!("oci:{}:v1", back.display())),
    ] {
        run(&skopeo, &["--insecure-policy", "copy", tls[0], tls[1], &from, to]);
    }

    let back = Layout::open(&back).unwrap().artifact(Some("v1")).unwrap();
    assert_eq!(back.digest(), hello().digest());
    assert_eq!(back.manifest_bytes(), hello().manifest_bytes());
}

#[test]
fn umoci_reads_the_layout() {
    let Some(umoci) = lab::need!("umoci") else { return };
    let dir = tempfile::tempdir().unwrap();
    let layout = dir.path().join("layout");
    let rootfs = dir.path().join("rootfs");
    Layout::write(&layout, "v1", &hello(), Overwrite::Refuse).unwrap();

    let image = format!("{}:v1", layout.display());
    let mut args = vec!["raw", "unpack", "--image", &image];
    if lab::root().is_none() {
        args.push("--rootless");
    }
    args.push(rootfs.to_str().unwrap());
    run(&umoci, &args);
    assert_eq!(fs::read(rootfs.join("hello.wasm")).unwrap(), guests::HELLO.wasm());
}
