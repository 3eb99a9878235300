use std::io::Read;

use wasm_oci::{Error, Format, Pack, oci_spec::image::MediaType, sha256};

use crate::{empty, hello};

#[test]
fn manifest() {
    let image = empty();
    let manifest = std::str::from_utf8(image.manifest_bytes()).unwrap();
    // Digest and size of the compressed layer belong to one release of the compressor: not in a snapshot.
    let layer = image.layers()[0].descriptor();
    let manifest = manifest
        .replace(layer.digest().as_ref(), "sha256:LAYER")
        .replace(&format!("\"size\":{}", layer.size()), "\"size\":LAYER");
    insta::assert_snapshot!(manifest);
}

#[test]
fn config() {
    let image = Pack::new(guests::HELLO.wasm(), "/bin/hello.wasm")
        .unwrap()
        .arg("--loud")
        .env("A=1")
        .platform("linux/arm64/v8".parse().unwrap())
        .build(Format::Compat)
        .unwrap();
    let diff_id = image.config().rootfs().diff_ids()[0].clone();
    insta::assert_snapshot!(
        std::str::from_utf8(image.config_bytes()).unwrap().replace(&diff_id, "sha256:DIFF")
    );
}

/// The one promise across releases: the digest of the uncompressed layer. Do not update this figure; a change of it
/// breaks every image that shares the layer.
#[test]
fn diff_id_is_stable_across_releases() {
    assert_eq!(
        empty().config().rootfs().diff_ids()[0],
        "sha256:be5eead97c42a81687808e35d320113d10d7f60c7bedd9068043d2aaec8bf083"
    );
}

#[test]
fn layer_is_one_file() {
    let image = hello();
    assert_eq!(*image.layers()[0].descriptor().media_type(), MediaType::ImageLayerGzip);

    let mut tar = Vec::new();
    image.layers()[0].open().unwrap().read_to_end(&mut tar).unwrap();
    assert_eq!(image.config().rootfs().diff_ids()[0], sha256(&tar).to_string());

    let mut archive = tar::Archive::new(tar.as_slice());
    let mut entries = archive.entries().unwrap();
    let entry = entries.next().unwrap().unwrap();
    let header = entry.header();
    assert_eq!(entry.path().unwrap().to_str(), Some("hello.wasm"));
    assert_eq!((header.mode().unwrap(), header.uid().unwrap(), header.gid().unwrap()), (0o755, 0, 0));
    assert_eq!(header.mtime().unwrap(), 0);
    assert!(entries.next().is_none());
}

#[test]
fn packing_twice_gives_the_same_bytes() {
    assert_eq!(hello().digest(), hello().digest());
}

#[test]
fn the_module_comes_out_as_it_went_in() {
    assert_eq!(hello().wasm().unwrap(), guests::HELLO.wasm());
}

#[test]
fn annotations_of_the_user_are_kept() {
    let pack = Pack::new(guests::HELLO.wasm(), "/hello.wasm").unwrap();
    let image = pack
        .annotation("org.opencontainers.image.title", "Hello")
        .annotation("module.wasm.image/variant", "compat-smart")
        .build(Format::Compat)
        .unwrap();
    let annotations = image.manifest().annotations().as_ref().unwrap();
    assert_eq!(annotations["org.opencontainers.image.title"], "Hello");
    assert_eq!(annotations["module.wasm.image/variant"], "compat-smart");
}

#[test]
fn modification_time_is_the_callers() {
    let pack = Pack::new(guests::HELLO.wasm(), "/hello.wasm").unwrap();
    let image = pack.modified(86400).build(Format::Compat).unwrap();
    assert_ne!(image.digest(), hello().digest());
}

/// A long path needs an extended tar header; reading finds it again.
#[test]
fn long_entrypoint() {
    let path = format!("/{}/app.wasm", "directory/".repeat(30).trim_end_matches('/'));
    let image = Pack::new(guests::HELLO.wasm(), &path).unwrap().build(Format::Compat).unwrap();
    assert_eq!(image.wasm().unwrap(), guests::HELLO.wasm());
}

/// Cut anywhere, the module is refused with a reason, or the cut is a whole, smaller module.
#[test]
fn truncated_modules_are_refused() {
    let whole = guests::HELLO.wasm();
    for length in 0..whole.len() {
        match Pack::new(whole[..length].to_vec(), "/a.wasm") {
            Err(Error::NotWasm { .. }) => assert!(length < 8),
            Err(Error::InvalidWasm { offset, .. }) => assert!(offset <= length as u64),
            Err(other) => panic!("{other}"),
            Ok(_) => assert!(wasmparser::validate(&whole[..length]).is_ok()),
        }
    }
}
