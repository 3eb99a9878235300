//! skopeo, oras and docker-registry: what one pushes the other pulls, byte for byte.

use std::{fs, path::Path, process::Command};

use wasm_oci::{
    Format, Index, Layout, Location, Overwrite, Pack, Reference,
    registry::{Attachment, Options, Pick, Registry},
    sha256,
};

use crate::hello;

/// Runs a peer and fails with what it printed.
#[track_caller]
fn run(program: &Path, dir: &Path, args: &[&str]) -> String {
    let output = Command::new(program).args(args).current_dir(dir).env("HOME", dir).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{} {args:?}: {}\n{text}", program.display(), output.status);
    text
}

fn reference(host: &str, rest: &str) -> Reference {
    format!("{host}/{rest}").parse().unwrap()
}

#[test]
fn what_we_push_skopeo_and_oras_pull() {
    let Some(skopeo) = lab::need!("skopeo") else { return };
    let Some(oras) = lab::need!("oras") else { return };
    let Some(server) = lab::need!("docker-registry") else { return };
    let dir = tempfile::tempdir().unwrap();
    let server = lab::Registry::start(&server, &dir.path().join("registry")).unwrap();
    let host = server.address().to_string();
    let registry = Registry::new(Options::default()).unwrap();
    for format in Format::ALL.into_iter().filter(Format::is_written) {
        let image = hello(format);
        registry.push(&image, &reference(&host, &format!("{format}:v1"))).unwrap();
        let remote = format!("docker://{host}/{format}:v1");
        let at = dir.path().join(format!("skopeo-{format}"));
        run(
            &skopeo,
            dir.path(),
            &[
                "--insecure-policy",
                "copy",
                "--src-tls-verify=false",
                &remote,
                &format!("dir:{}", at.display()),
            ],
        );
        assert_eq!(sha256(&fs::read(at.join("manifest.json")).unwrap()), *image.digest(), "{format}");
        let layout = dir.path().join(format!("oras-{format}"));
        let to = format!("{}:v1", layout.display());
        run(
            &oras,
            dir.path(),
            &["copy", "--from-plain-http", &format!("{host}/{format}:v1"), "--to-oci-layout", &to],
        );
        let pulled = Layout::open(&layout).unwrap().artifact(Some("v1")).unwrap();
        assert_eq!(pulled.manifest_bytes(), image.manifest_bytes(), "{format}");
    }
    // A module as oras leaves it: a file under its title.
    let files = dir.path().join("files");
    fs::create_dir(&files).unwrap();
    run(&oras, &files, &["pull", "--plain-http", &format!("{host}/artifact:v1")]);
    assert_eq!(fs::read(files.join("hello.wasm")).unwrap(), guests::HELLO.wasm());
}

#[test]
fn what_skopeo_and_oras_push_we_pull() {
    let Some(skopeo) = lab::need!("skopeo") else { return };
    let Some(oras) = lab::need!("oras") else { return };
    let Some(server) = lab::need!("docker-registry") else { return };
    let dir = tempfile::tempdir().unwrap();
    let server = lab::Registry::start(&server, &dir.path().join("registry")).unwrap();
    let host = server.address().to_string();
    let registry = Registry::new(Options::default()).unwrap();
    for format in Format::ALL.into_iter().filter(Format::is_written) {
        let image = hello(format);
        let ours = format!("oci:{}:v1", dir.path().join(format!("ours-{format}")).display());
        ours.parse::<Location>().unwrap().write(&image, Overwrite::Refuse).unwrap();
        let remote = format!("docker://{host}/{format}:v1");
        run(&skopeo, dir.path(), &["--insecure-policy", "copy", "--dest-tls-verify=false", &ours, &remote]);
        let layout = ours.strip_prefix("oci:").unwrap();
        run(
            &oras,
            dir.path(),
            &["copy", "--from-oci-layout", layout, "--to-plain-http", &format!("{host}/{format}:v2")],
        );
        for tag in ["v1", "v2"] {
            let at = reference(&host, &format!("{format}:{tag}"));
            assert_eq!(
                registry.artifact(&at, None).unwrap().manifest_bytes(),
                image.manifest_bytes(),
                "{format} {tag}"
            );
        }
        assert_eq!(registry.tags(&reference(&host, &format.to_string())).unwrap(), ["v1", "v2"]);
    }
    // What oras makes itself: a CNCF artifact as far as it knows.
    fs::write(dir.path().join("hello.wasm"), guests::HELLO.wasm()).unwrap();
    fs::write(dir.path().join("config.json"), hello(Format::Artifact).config_bytes()).unwrap();
    let pushed = run(
        &oras,
        dir.path(),
        &[
            "push",
            "--plain-http",
            &format!("{host}/made:v1"),
            "--config",
            "config.json:application/vnd.wasm.config.v0+json",
            "hello.wasm:application/wasm",
        ],
    );
    let made = registry.artifact(&reference(&host, "made:v1"), None).unwrap();
    assert_eq!(made.wasm().unwrap(), guests::HELLO.wasm());
    assert!(pushed.contains(made.digest().as_ref()), "{pushed}");
}

/// docker-registry 2.8 has no API for referrers: both keep to the tag that stands in for it.
#[test]
fn what_one_attaches_the_other_finds() {
    let Some(oras) = lab::need!("oras") else { return };
    let Some(server) = lab::need!("docker-registry") else { return };
    let dir = tempfile::tempdir().unwrap();
    let server = lab::Registry::start(&server, &dir.path().join("registry")).unwrap();
    let host = server.address().to_string();
    let registry = Registry::new(Options::default()).unwrap();
    let at = reference(&host, "app:v1");
    registry.push(&hello(Format::Artifact), &at).unwrap();
    let sbom = Attachment::new("application/vnd.cyclonedx+json").file(
        "application/vnd.cyclonedx+json",
        "sbom.json",
        b"{}".as_slice(),
    );
    let ours = registry.attach(&at, &sbom).unwrap();
    fs::write(dir.path().join("note.txt"), "note").unwrap();
    run(
        &oras,
        dir.path(),
        &[
            "attach",
            "--plain-http",
            "--artifact-type",
            "example/note",
            &format!("{host}/app:v1"),
            "note.txt:text/plain",
        ],
    );
    let found =
        run(&oras, dir.path(), &["discover", "--plain-http", "--format", "json", &format!("{host}/app:v1")]);
    assert!(found.contains(ours.digest().as_ref()), "{found}");
    let found = registry.referrers(&at, None).unwrap();
    assert_eq!(found.len(), 2, "{found:?}");
    let note = registry.referrers(&at, Some("example/note")).unwrap();
    assert_eq!(note.len(), 1);
    let mut layout = Layout::open_or_create(&dir.path().join("notes")).unwrap();
    let note = reference(&host, &format!("app@{}", note[0].digest()));
    registry.pull(&note, &Pick::All, &mut layout, Some("note"), Overwrite::Refuse).unwrap();
}

/// An index of two formats under one tag, and what is attached to it: skopeo and oras have all of it.
#[test]
fn whole_indexes_and_what_is_attached() {
    let Some(skopeo) = lab::need!("skopeo") else { return };
    let Some(oras) = lab::need!("oras") else { return };
    let Some(server) = lab::need!("docker-registry") else { return };
    let dir = tempfile::tempdir().unwrap();
    let server = lab::Registry::start(&server, &dir.path().join("registry")).unwrap();
    let host = server.address().to_string();
    let registry = Registry::new(Options::default()).unwrap();
    let linux =
        Pack::new(guests::HELLO.wasm(), "/hello.wasm").unwrap().platform("linux/amd64".parse().unwrap());
    let index = Index::new(vec![linux.build(Format::Compat).unwrap(), hello(Format::Artifact)]).unwrap();
    let at = reference(&host, "both:v1");
    assert_eq!(registry.push(&index, &at).unwrap().digest(), index.digest());
    let dest = dir.path().join("skopeo");
    let (from, to) = (format!("docker://{host}/both:v1"), format!("dir:{}", dest.display()));
    let copy = ["--insecure-policy", "copy", "--all", "--preserve-digests", "--src-tls-verify=false"];
    run(&skopeo, dir.path(), &[&copy[..], &[&from, &to]].concat());
    assert_eq!(sha256(&fs::read(dest.join("manifest.json")).unwrap()), *index.digest());
    for image in index.artifacts() {
        let name = format!("{}.manifest.json", image.digest().digest());
        assert_eq!(fs::read(dest.join(name)).unwrap(), *image.manifest_bytes());
    }

    // We attach and copy, oras finds; oras copies, we find.
    let sbom = Attachment::new("example/sbom").file("text/plain", "sbom", b"sbom".as_slice());
    let sbom = registry.attach(&at, &sbom).unwrap();
    let (copied, found) =
        registry.copy_with_referrers(&at, &Pick::All, &reference(&host, "ours:v1")).unwrap();
    assert_eq!((copied.digest(), found[0].digest()), (index.digest(), sbom.digest()));
    let told =
        run(&oras, dir.path(), &["discover", "--plain-http", "--format", "json", &format!("{host}/ours:v1")]);
    assert!(told.contains(sbom.digest().as_ref()), "{told}");
    let (from, to) = (format!("{host}/both:v1"), format!("{host}/theirs:v1"));
    run(&oras, dir.path(), &["cp", "-r", "--from-plain-http", "--to-plain-http", &from, &to]);
    let theirs = registry.referrers(&reference(&host, "theirs:v1"), None).unwrap();
    assert_eq!(theirs[0].digest(), sbom.digest());
}
