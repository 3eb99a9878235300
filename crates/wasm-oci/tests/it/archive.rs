//! Layouts in a tar file, and what `docker load` reads.

use std::{fs, io::Read, path::PathBuf};

use serde_json::{Value, json};
use wasm_oci::{Archive, Artifact, Error, Format, Location, Overwrite, Pack, sha256};

use crate::hello;

fn legacy() -> Artifact {
    Pack::new(b"\0asm\x01\0\0\0".as_slice(), "/empty.wasm").unwrap().build(Format::Legacy).unwrap()
}

fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.tar");
    (dir, file)
}

fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(vec![]);
    for (name, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, name, *bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

#[test]
fn written_and_read() {
    for format in Format::ALL.into_iter().filter(Format::is_written) {
        let (_dir, file) = place();
        let artifact = Pack::new(guests::HELLO.wasm(), "/hello.wasm").unwrap().build(format).unwrap();
        Archive::write(&file, Some("v1"), &artifact, Overwrite::Refuse).unwrap();
        let archive = Archive::open(&file).unwrap();
        for tag in [Some("v1"), None] {
            let read = archive.artifact_for(tag, None).unwrap();
            assert_eq!(read.manifest_bytes(), artifact.manifest_bytes());
            assert_eq!(read.wasm().unwrap(), guests::HELLO.wasm());
        }
        let error = archive.artifact_for(Some("v2"), None).unwrap_err();
        assert_eq!(error.to_string(), "the layout has no tag `v2`: it has v1");
    }
}

/// Nothing of the machine or the time is in it. Do not update this figure.
#[test]
fn same_input_same_bytes() {
    let (_dir, file) = place();
    Archive::write(&file, Some("v1"), &legacy(), Overwrite::Refuse).unwrap();
    let digest = sha256(&fs::read(&file).unwrap());
    assert_eq!(digest.as_ref(), "sha256:f4ac25918429edbc40de484af9ae18d997a9b7a192be9d1b56e0046ea8753273");
}

#[test]
fn what_is_there_is_replaced_only_when_asked() {
    let (dir, file) = place();
    fs::write(&file, "a letter").unwrap();
    let write = |overwrite| Archive::write(&file, None, &legacy(), overwrite);
    assert!(matches!(write(Overwrite::Refuse), Err(Error::AlreadyExists { .. })));
    assert_eq!(fs::read(&file).unwrap(), b"a letter");
    write(Overwrite::Replace).unwrap();
    assert!(Archive::open(&file).unwrap().artifact_for(None, None).is_ok());
    assert_eq!(
        Archive::write(&file, Some("a/b"), &legacy(), Overwrite::Replace).unwrap_err().to_string(),
        "`a/b` is not a tag"
    );
    let missing = Archive::write(&dir.path().join("no/where.tar"), None, &legacy(), Overwrite::Refuse);
    assert!(matches!(missing, Err(Error::Io { action: "create", .. })));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn archives_that_are_none() {
    let (dir, file) = place();
    let open = |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        Archive::open(&file).map(drop).unwrap_err().to_string()
    };
    let marker = br#"{"imageLayoutVersion":"1.0.0"}"#.as_slice();
    let no = |why: &str| format!("`{}` is no OCI image layout: {why}", file.display());
    assert_eq!(open(b""), no("there is no file `oci-layout`"));
    assert!(open(&[b'x'; 2000]).starts_with("the archive: "));
    assert_eq!(open(&tar(&[("a", b"b")])), no("there is no file `oci-layout`"));
    assert_eq!(open(&tar(&[("oci-layout", marker)])), no("there is no file `index.json`"));
    assert_eq!(open(&tar(&[("oci-layout", b"{}")])), "malformed oci-layout");
    assert_eq!(open(&tar(&[("oci-layout", marker), ("index.json", b"[")])), "malformed index.json");
    let twice = [("oci-layout", marker), ("./oci-layout", marker)];
    assert_eq!(open(&tar(&twice)), "the archive: it has `oci-layout` twice");
    let old = br#"{"imageLayoutVersion":"2.0.0"}"#.as_slice();
    assert_eq!(open(&tar(&[("oci-layout", old), ("index.json", b"{}")])), no("its version is not 1.0.0"));
    let large = vec![b' '; 5 << 20];
    let limit = "index.json has 5242880 bytes, more than the limit of 4194304";
    assert_eq!(open(&tar(&[("oci-layout", marker), ("index.json", &large)])), limit);
    assert!(matches!(Archive::open(dir.path()), Err(Error::Io { action: "read", .. })));
    assert!(matches!(Archive::open(&dir.path().join("none")), Err(Error::Io { action: "read", .. })));
}

/// Cut anywhere it is an error, or what is cut off was only the end mark.
#[test]
fn truncated() {
    let (_dir, file) = place();
    Archive::write(&file, Some("v1"), &legacy(), Overwrite::Refuse).unwrap();
    let whole = fs::read(&file).unwrap();
    for length in (0..whole.len()).step_by(100) {
        fs::write(&file, &whole[..length]).unwrap();
        let read = Archive::open(&file).and_then(|archive| archive.artifact_for(None, None));
        assert!(read.is_err() || length > whole.len() - 1536, "{length} of {}", whole.len());
    }
}

#[test]
fn blobs_are_checked() {
    let (_dir, file) = place();
    Archive::write(&file, Some("v1"), &legacy(), Overwrite::Refuse).unwrap();
    let mut bytes = fs::read(&file).unwrap();
    let at = bytes.windows(4).position(|window| window == b"\0asm").unwrap();
    bytes[at + 7] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let read = Archive::open(&file).unwrap().artifact_for(None, None);
    assert!(matches!(read, Err(Error::Digest { .. })), "{read:?}");
    let index = json!({"schemaVersion": 2, "manifests": [{
        "mediaType": crate::made::MANIFEST, "size": 2, "digest": sha256(b"{}").to_string(),
    }]});
    let marker = br#"{"imageLayoutVersion":"1.0.0"}"#.as_slice();
    fs::write(&file, tar(&[("oci-layout", marker), ("index.json", index.to_string().as_bytes())])).unwrap();
    let read = Archive::open(&file).unwrap().artifact_for(None, None);
    assert!(matches!(read, Err(Error::Io { action: "read", .. })), "{read:?}");
}

#[test]
fn for_docker() {
    let (_dir, file) = place();
    let name = "localhost:5000/me/hello:v1".parse().unwrap();
    Archive::write_docker(&file, Some(&name), &hello(), Overwrite::Refuse).unwrap();
    let mut archive = tar::Archive::new(fs::File::open(&file).unwrap());
    let mut files: Vec<(String, Vec<u8>)> = vec![];
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut bytes = vec![];
        entry.read_to_end(&mut bytes).unwrap();
        files.push((entry.path().unwrap().display().to_string(), bytes));
    }
    let diff_id = hello().config().rootfs().diff_ids()[0].clone();
    let layer = format!("{}.tar", diff_id.trim_start_matches("sha256:"));
    let config = format!("{}.json", hello().manifest().config().digest().digest());
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, [layer.as_str(), &config, "manifest.json"]);
    assert_eq!(sha256(&files[0].1).to_string(), diff_id);
    assert_eq!(files[1].1, hello().config_bytes()[..]);
    let manifest: Value = serde_json::from_slice(&files[2].1).unwrap();
    let tags = ["localhost:5000/me/hello:v1"];
    assert_eq!(manifest, json!([{"Config": config, "Layers": [layer], "RepoTags": tags}]));

    let error = Archive::write_docker(&file, None, &legacy(), Overwrite::Replace).unwrap_err();
    assert_eq!(error.to_string(), "`docker load` takes images with tar layers, not the format `legacy`");
}

#[test]
fn places_that_hold_no_image() {
    for (text, read, write) in [
        ("-", "it is a file and no image", "it is no place for an image"),
        ("a.wasm", "it is a file and no image", "it is no place for an image"),
        ("docker://docker.io/library/a", "it is in a registry", "it is in a registry"),
    ] {
        let location: Location = text.parse().unwrap();
        assert_eq!(location.artifact(None).unwrap_err().to_string(), format!("cannot read `{text}`: {read}"));
        let error = location.write(&legacy(), Overwrite::Refuse).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot write `{text}`: {write}"));
        assert!(error.help().is_some());
    }
    let docker: Location = "docker-archive:a".parse().unwrap();
    let error = docker.artifact(None).unwrap_err();
    assert_eq!(error.to_string(), "cannot read `docker-archive:a`: archives of Docker are written, not read");
    let layout: Location = "oci:a".parse().unwrap();
    let error = layout.write(&legacy(), Overwrite::Refuse).unwrap_err();
    assert_eq!(error.to_string(), "cannot write `oci:a`: it names no tag");
}
