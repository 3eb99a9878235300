//! Indexes with all their images, and images with all that is attached to them.

use oci_spec::image::{Descriptor, MediaType};
use test_registry::Options as Server;
use wasm_oci::{
    Archive, Error, Format, Index, Layout, Overwrite, Pack,
    registry::{Attachment, Pick},
    sha256,
};

use crate::{client, hello, name};

/// Two formats of one module under one tag.
fn formats() -> Index {
    let compat =
        Pack::new(guests::HELLO.wasm(), "/hello.wasm").unwrap().platform("linux/amd64".parse().unwrap());
    Index::new(vec![compat.build(Format::Compat).unwrap(), hello(Format::Artifact)]).unwrap()
}

#[test]
fn an_index_goes_with_all_its_images() {
    let server = Server::default().start().unwrap();
    let registry = client();
    let index = formats();
    let dir = tempfile::tempdir().unwrap();
    let archive = dir.path().join("both.tar");
    Archive::write(&archive, Some("v1"), &index, Overwrite::Refuse).unwrap();
    let place = dir.path().join("layout");
    Layout::write(&place, "v1", &index, Overwrite::Refuse).unwrap();
    let at = |name: &str| crate::name(&server, &format!("{name}:v1"));
    registry.push(&index, &at("memory")).unwrap();
    registry.push_archive(&Archive::open(&archive).unwrap(), None, &at("archive")).unwrap();
    registry.push_layout(&Layout::open(&place).unwrap(), Some("v1"), &at("layout")).unwrap();
    registry.copy(&at("memory"), &Pick::All, &at("copied")).unwrap();
    for name in ["memory", "archive", "layout", "copied"] {
        let (media_type, bytes) = server.manifest(name, "v1").unwrap();
        assert_eq!((media_type.as_str(), &bytes), (MediaType::ImageIndex.as_ref(), index.bytes()), "{name}");
        for image in index.artifacts() {
            let there = registry.artifact(&at(name), Some(&image.platform())).unwrap();
            assert_eq!(there.manifest_bytes(), image.manifest_bytes(), "{name}");
        }
        assert_eq!(server.tags(name).len(), 1, "{name}");
    }
}

#[test]
fn a_damaged_archive_is_not_pushed() {
    let server = Server::default().start().unwrap();
    let registry = client();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("app.tar");
    let image = hello(Format::Artifact);
    Archive::write(&file, Some("v1"), &image, Overwrite::Refuse).unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    let layer = image.layers()[0].blob();
    let at = bytes.windows(layer.len()).position(|window| window == layer).unwrap();
    bytes[at + 20] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let error =
        registry.push_archive(&Archive::open(&file).unwrap(), None, &name(&server, "a:v1")).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error:?}");
    assert!(server.tags("a").is_empty());
}

/// An image in an index, with an SBOM, whose signature is signed again; each registry with the API and without.
#[test]
fn a_copy_with_what_is_attached() {
    for (one, two) in [(true, true), (true, false), (false, true), (false, false)] {
        let start = |api: bool| {
            let server = Server::default();
            if api { server } else { server.without_referrers() }.start().unwrap()
        };
        let (from, to) = (start(one), start(two));
        let registry = client();
        let index = formats();
        let at = name(&from, "app:v1");
        registry.push(&index, &at).unwrap();
        let attach = |to: &str, kind: &str| {
            let attachment =
                Attachment::new(kind).file("text/plain", "a", kind.to_owned()).annotation("who", "we");
            registry.attach(&name(&from, to), &attachment).unwrap()
        };
        let by_digest = |digest: &dyn std::fmt::Display| format!("app@{digest}");
        let signature = attach("app:v1", "example/signature");
        let sbom = attach(&by_digest(index.artifacts()[0].digest()), "example/sbom");
        let of_sbom = attach(&by_digest(sbom.digest()), "example/signature");

        let copied = name(&to, "copy:v1");
        let (root, found) = registry.copy_with_referrers(&at, &Pick::All, &copied).unwrap();
        assert_eq!(root.digest(), index.digest());
        let mut digests: Vec<_> = found.iter().map(|found| found.digest().to_string()).collect();
        let mut all = [&signature, &sbom, &of_sbom].map(|one| one.digest().to_string());
        digests.sort();
        all.sort();
        assert_eq!(digests, all, "{one} {two}");
        let there =
            |of: &dyn std::fmt::Display| registry.referrers(&name(&to, &format!("copy@{of}")), None).unwrap();
        assert_eq!(there(index.digest())[0].digest(), signature.digest());
        let listed = there(index.artifacts()[0].digest());
        assert_eq!(listed[0].digest(), sbom.digest());
        assert_eq!(listed[0].artifact_type().as_ref().unwrap().as_ref(), "example/sbom");
        assert_eq!(listed[0].annotations().as_ref().unwrap()["who"], "we");
        assert_eq!(there(sbom.digest())[0].digest(), of_sbom.digest());
        let dir = tempfile::tempdir().unwrap();
        let mut into = Layout::open_or_create(&dir.path().join("layout")).unwrap();
        let read = name(&to, &format!("copy@{}", of_sbom.digest()));
        registry.pull(&read, &Pick::All, &mut into, Some("s"), Overwrite::Refuse).unwrap();

        // One image of the index, and what is its own; and a copy without.
        let pick = Pick::Platform("linux/amd64".parse().unwrap());
        let (_, found) = registry.copy_with_referrers(&at, &pick, &name(&to, "one:v1")).unwrap();
        assert_eq!(found.len(), 2);
        registry.copy(&at, &Pick::All, &name(&to, "none:v1")).unwrap();
        assert!(registry.referrers(&name(&to, "none:v1"), None).unwrap().is_empty());
    }
}

/// Lists of referrers that lead in a circle, name what is somebody else's, or what is not there.
#[test]
fn lists_of_referrers_that_lie() {
    let server = Server::default().without_referrers().start().unwrap();
    let registry = client();
    let at = name(&server, "a:v1");
    let image = registry.push(&hello(Format::Artifact), &at).unwrap();
    let other = registry.push(&hello(Format::Compat), &name(&server, "a:v2")).unwrap();
    let attached = registry.attach(&at, &Attachment::new("example/one")).unwrap();
    let copy = || {
        registry.copy_with_referrers(&at, &Pick::All, &name(&server, "b:v1")).map(|(_, found)| found.len())
    };
    let list = |of: &Descriptor, entries: &[&Descriptor]| {
        let index =
            serde_json::json!({"schemaVersion": 2, "mediaType": MediaType::ImageIndex, "manifests": entries});
        let tag = of.digest().to_string().replace(':', "-");
        server.put_manifest("a", &tag, MediaType::ImageIndex.as_ref(), index.to_string());
    };
    assert_eq!(copy().unwrap(), 1);
    // In a circle: each is copied once.
    list(&attached, &[&attached, &image]);
    assert_eq!(copy().unwrap(), 1);
    list(&image, &[&attached, &attached, &other]);
    let error = copy().unwrap_err().to_string();
    assert!(error.contains("which belongs to something else"), "{error}");
    let mut missing = other.clone();
    missing.set_digest(sha256(b"nothing"));
    list(&image, &[&missing]);
    assert!(matches!(copy(), Err(Error::NotFound { .. })));
}

#[test]
fn referrers_of_referrers_have_an_end() {
    let server = Server::default().start().unwrap();
    let registry = client();
    let at = name(&server, "a:v1");
    let mut last = registry.push(&hello(Format::Artifact), &at).unwrap();
    for depth in 0..9 {
        if depth == 8 {
            let (_, found) = registry.copy_with_referrers(&at, &Pick::All, &name(&server, "b:v1")).unwrap();
            assert_eq!(found.len(), 8);
        }
        let on = name(&server, &format!("a@{}", last.digest()));
        last = registry.attach(&on, &Attachment::new("example/deep")).unwrap();
    }
    let error = registry.copy_with_referrers(&at, &Pick::All, &name(&server, "c:v1")).unwrap_err();
    assert!(error.to_string().contains("more than 8 deep"), "{error}");
}
