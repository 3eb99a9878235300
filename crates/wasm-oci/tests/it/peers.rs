//! The real skopeo, docker-registry and umoci read what we write, and give it back unchanged.

use std::{fs, path::Path, process::Command};

use wasm_oci::{Artifact, Format, Layout, Location, Overwrite, Pack, sha256};

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

/// The hello guest in each format that is written.
fn all() -> impl Iterator<Item = Artifact> {
    let formats = Format::ALL.into_iter().filter(Format::is_written);
    formats.map(|format| Pack::new(guests::HELLO.wasm(), "/hello.wasm").unwrap().build(format).unwrap())
}

/// From our layout and our archive to skopeo's `dir:`, which has each blob as it is, and back into both.
#[test]
fn skopeo_copies_every_format() {
    let Some(skopeo) = lab::need!("skopeo") else { return };
    for artifact in all() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name).display().to_string();
        for (from, there, to) in [
            (format!("oci:{}:v1", at("layout")), "one", format!("oci-archive:{}:v1", at("back.tar"))),
            (format!("oci-archive:{}:v1", at("our.tar")), "two", format!("oci:{}:v1", at("back"))),
            (format!("oci-archive:{}", at("nameless.tar")), "three", format!("oci-archive:{}", at("b.tar"))),
        ] {
            let format = artifact.format();
            from.parse::<Location>().unwrap().write(&artifact, Overwrite::Refuse).unwrap();
            let dir = format!("dir:{}", at(there));
            run(&skopeo, &["--insecure-policy", "copy", &from, &dir]);
            let manifest = fs::read(place.path().join(there).join("manifest.json")).unwrap();
            assert_eq!(sha256(&manifest), *artifact.digest(), "{format}");
            run(&skopeo, &["--insecure-policy", "copy", &dir, &to]);
            let back = to.parse::<Location>().unwrap().artifact(None).unwrap();
            assert_eq!(back.manifest_bytes(), artifact.manifest_bytes(), "{format}");
            assert_eq!(back.wasm().unwrap(), guests::HELLO.wasm(), "{format}");
        }
    }
}

/// skopeo reads the archive as Docker does; the image that it makes of it has the same layer, uncompressed.
#[test]
fn skopeo_reads_the_archive_for_docker() {
    let Some(skopeo) = lab::need!("skopeo") else { return };
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name).display().to_string();
    let from = format!("docker-archive:{}:localhost:5000/hello:v1", at("hello.tar"));
    from.parse::<Location>().unwrap().write(&hello(), Overwrite::Refuse).unwrap();
    let to = format!("oci:{}:v1", at("layout"));
    run(&skopeo, &["--insecure-policy", "copy", &from, &to]);
    let image = to.parse::<Location>().unwrap().artifact(None).unwrap();
    assert_eq!(image.wasm().unwrap(), guests::HELLO.wasm());
    assert_eq!(image.config().rootfs().diff_ids(), hello().config().rootfs().diff_ids());
    assert_eq!(image.entrypoint(), Some("/hello.wasm"));
}

#[test]
fn umoci_unpacks_our_archive() {
    let Some(umoci) = lab::need!("umoci") else { return };
    let place = tempfile::tempdir().unwrap();
    let (archive, layout) = (place.path().join("a.tar"), place.path().join("layout"));
    Location::Archive { file: archive.clone(), tag: Some("v1".into()) }
        .write(&hello(), Overwrite::Refuse)
        .unwrap();
    fs::create_dir(&layout).unwrap();
    tar::Archive::new(fs::File::open(archive).unwrap()).unpack(&layout).unwrap();
    let rootfs = place.path().join("rootfs");
    let image = format!("{}:v1", layout.display());
    let mut args = vec!["raw", "unpack", "--image", &image];
    if lab::root().is_none() {
        args.push("--rootless");
    }
    args.push(rootfs.to_str().unwrap());
    run(&umoci, &args);
    assert_eq!(fs::read(rootfs.join("hello.wasm")).unwrap(), guests::HELLO.wasm());
}

/// Every format goes through a real registry and comes back with the same manifest.
#[test]
fn a_registry_takes_every_format() {
    let Some(skopeo) = lab::need!("skopeo") else { return };
    let Some(registry) = lab::need!("docker-registry") else { return };
    let place = tempfile::tempdir().unwrap();
    let registry = lab::Registry::start(&registry, &place.path().join("registry")).unwrap();
    for artifact in all() {
        let format = artifact.format();
        let layout = format!("oci:{}:v1", place.path().join(format.to_string()).display());
        let back = format!("oci:{}:v1", place.path().join(format!("{format}-back")).display());
        layout.parse::<Location>().unwrap().write(&artifact, Overwrite::Refuse).unwrap();
        let remote = format!("docker://{}/{format}:v1", registry.address());
        let copy = ["--insecure-policy", "copy", "--src-tls-verify=false", "--dest-tls-verify=false"];
        run(&skopeo, &[&copy[..], &[&layout, &remote]].concat());
        run(&skopeo, &[&copy[..], &[&remote, &back]].concat());
        assert_eq!(back.parse::<Location>().unwrap().artifact(None).unwrap().digest(), artifact.digest());
    }
}
