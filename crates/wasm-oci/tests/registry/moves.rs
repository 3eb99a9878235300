//! Push, pull, copy, tags, delete, attach, discover, when nothing goes wrong.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use oci_spec::image::MediaType;
use test_registry::{On, Options as Server};
use wasm_oci::{
    Error, Format, Layout, Overwrite, Platform,
    registry::{Attachment, Event, How, Pick, Registry},
    sha256,
};

use crate::{client, hello, name, quick};

fn layout(dir: &tempfile::TempDir) -> Layout {
    Layout::open_or_create(&dir.path().join("layout")).unwrap()
}

#[test]
fn every_format_comes_back_as_it_went() {
    let server = Server::default().start().unwrap();
    let registry = client();
    for format in Format::ALL.into_iter().filter(Format::is_written) {
        let (image, at) = (hello(format), name(&server, &format!("me/{format}:v1")));
        let pushed = registry.push(&image, &at).unwrap();
        assert_eq!(pushed.digest(), image.digest());
        assert_eq!(registry.resolve(&at).unwrap(), *image.descriptor());
        let back = registry.artifact(&at, None).unwrap();
        assert_eq!(back.manifest_bytes(), image.manifest_bytes());
        assert_eq!(back.wasm().unwrap(), guests::HELLO.wasm());

        let dir = tempfile::tempdir().unwrap();
        let mut into = layout(&dir);
        let pulled = registry.pull(&at, &Pick::Wasm, &mut into, Some("here"), Overwrite::Refuse).unwrap();
        assert_eq!(pulled.digest(), image.digest());
        assert_eq!(into.artifact(Some("here")).unwrap().digest(), image.digest());
        assert!(into.verify().unwrap().corrupt.is_empty());
        let again = registry.pull(&at, &Pick::Wasm, &mut into, Some("here"), Overwrite::Refuse);
        assert!(matches!(again, Err(Error::TagExists { .. })));

        let from_layout = name(&server, &format!("me/{format}:v2"));
        assert_eq!(registry.push_layout(&into, Some("here"), &from_layout).unwrap().digest(), image.digest());
    }
}

#[test]
fn what_is_there_is_not_sent_again() {
    let server = Server::default().start().unwrap();
    let registry = client();
    let image = hello(Format::Artifact);
    registry.push(&image, &name(&server, "a:v1")).unwrap();
    server.clear_requests();
    registry.push(&image, &name(&server, "a:v2")).unwrap();
    assert_eq!(server.count(&On::upload_start()), 0);
    assert_eq!(server.tags("a").len(), 2);
    // By digest there is no tag.
    let by_digest = name(&server, &format!("b@{}", image.digest()));
    registry.push(&image, &by_digest).unwrap();
    assert!(server.tags("b").is_empty() && server.manifest("b", image.digest().as_ref()).is_some());
    let other = name(&server, &format!("b@{}", sha256(b"other")));
    assert!(matches!(registry.push(&image, &other), Err(Error::Digest { .. })));
}

#[test]
fn a_copy_within_a_registry_moves_no_blob() {
    let server = Server::default().start().unwrap();
    let registry = client();
    let image = hello(Format::Compat);
    registry.push(&image, &name(&server, "one:v1")).unwrap();
    server.clear_requests();
    registry.copy(&name(&server, "one:v1"), &Pick::All, &name(&server, "two:v9")).unwrap();
    assert_eq!(server.count(&On::blob_get()), 0);
    assert_eq!(server.count(&On::upload_finish()), 0);
    assert_eq!(server.tags("two"), BTreeMap::from([("v9".to_owned(), image.digest().to_string())]));
}

#[test]
fn a_copy_without_mounts_and_between_registries() {
    let (one, two) = (Server::default().start().unwrap(), Server::default().without_mount().start().unwrap());
    let registry = client();
    let image = hello(Format::Artifact);
    registry.push(&image, &name(&one, "one:v1")).unwrap();
    registry.copy(&name(&one, "one:v1"), &Pick::All, &name(&two, "two:v1")).unwrap();
    registry.copy(&name(&two, "two:v1"), &Pick::All, &name(&two, "three:v1")).unwrap();
    assert_eq!(registry.artifact(&name(&two, "three:v1"), None).unwrap().digest(), image.digest());
}

/// An index of an image for each format, under `index:v1`; its digest.
fn index(server: &test_registry::Registry, registry: &Registry) -> String {
    let entries = [(Format::Compat, "linux", "amd64"), (Format::Artifact, "wasip1", "wasm")].map(
        |(format, os, arch)| {
            let image = hello(format);
            let at = name(server, &format!("index@{}", image.digest()));
            registry.push(&image, &at).unwrap();
            serde_json::json!({
                "mediaType": image.descriptor().media_type(),
                "digest": image.digest(),
                "size": image.descriptor().size(),
                "platform": {"os": os, "architecture": arch},
            })
        },
    );
    let index =
        serde_json::json!({"schemaVersion": 2, "mediaType": MediaType::ImageIndex, "manifests": entries});
    server.put_manifest("index", "v1", MediaType::ImageIndex.as_ref(), index.to_string())
}

#[test]
fn of_an_index_one_image_or_all() {
    let server = Server::default().start().unwrap();
    let registry = client();
    let digest = index(&server, &registry);
    let at = name(&server, "index:v1");
    let wasm = hello(Format::Artifact);
    let native = Pick::Platform("linux/amd64".parse::<Platform>().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let mut into = layout(&dir);
    let mut pull =
        |pick: &Pick, tag| registry.pull(&at, pick, &mut into, Some(tag), Overwrite::Refuse).unwrap();
    assert_eq!(pull(&Pick::Wasm, "wasm").digest(), wasm.digest());
    assert_eq!(pull(&native, "native").digest(), hello(Format::Compat).digest());
    assert_eq!(pull(&Pick::All, "all").digest().as_ref(), digest);
    assert_eq!(registry.artifact(&at, None).unwrap().digest(), wasm.digest());
    assert_eq!(into.artifact(Some("all")).unwrap().digest(), wasm.digest());
    assert!(into.verify().unwrap().missing.is_empty());

    let to = name(&server, "copied:v1");
    assert_eq!(registry.push_layout(&into, Some("all"), &to).unwrap().digest().as_ref(), digest);
    let to = name(&server, "again:v1");
    assert_eq!(registry.copy(&at, &Pick::All, &to).unwrap().digest().as_ref(), digest);
    assert_eq!(registry.artifact(&to, None).unwrap().digest(), wasm.digest());
}

#[test]
fn tags_come_in_pages_and_can_be_deleted() {
    let server = Server::default().page(3).start().unwrap();
    let registry = client();
    let image = hello(Format::Artifact);
    let tags: Vec<String> = (0..10).map(|n| format!("v{n}")).collect();
    for tag in &tags {
        registry.push(&image, &name(&server, &format!("a:{tag}"))).unwrap();
    }
    assert_eq!(registry.tags(&name(&server, "a")).unwrap(), tags);
    assert!(server.count(&On::tags()) >= 4);
    registry.delete(&name(&server, "a:v3")).unwrap();
    assert_eq!(registry.tags(&name(&server, "a")).unwrap().len(), 9);
    registry.delete(&name(&server, &format!("a@{}", image.digest()))).unwrap();
    assert!(matches!(registry.resolve(&name(&server, "a:v1")), Err(Error::NotFound { .. })));
    let gone = registry.tags(&name(&server, "nobody")).unwrap_err();
    assert!(matches!(gone, Error::NotFound { .. }), "{gone}");
}

#[test]
fn what_is_attached_is_found() {
    for api in [true, false] {
        let server = Server::default();
        let server = if api { server } else { server.without_referrers() };
        let server = server.start().unwrap();
        let registry = client();
        let at = name(&server, "a:v1");
        registry.push(&hello(Format::Artifact), &at).unwrap();
        assert!(registry.referrers(&at, None).unwrap().is_empty());
        let sbom = Attachment::new("application/vnd.cyclonedx+json").annotation("who", "we").file(
            "application/vnd.cyclonedx+json",
            "sbom.json",
            br#"{"bomFormat":"CycloneDX"}"#.as_slice(),
        );
        let one = registry.attach(&at, &sbom).unwrap();
        // The same input is the same attachment.
        assert_eq!(registry.attach(&at, &sbom).unwrap(), one);
        let two = registry.attach(&at, &Attachment::new("example/empty")).unwrap();
        let found = registry.referrers(&at, None).unwrap();
        let digests: Vec<_> = found.iter().map(|found| found.digest().clone()).collect();
        assert_eq!(digests.len(), 2, "{api}");
        assert!(digests.contains(one.digest()) && digests.contains(two.digest()));
        let of_type = registry.referrers(&at, Some("application/vnd.cyclonedx+json")).unwrap();
        assert_eq!(of_type.len(), 1);
        assert_eq!(of_type[0].annotations().as_ref().unwrap()["who"], "we");

        // What is attached is an artifact as any other.
        let dir = tempfile::tempdir().unwrap();
        let mut into = layout(&dir);
        let sbom = name(&server, &format!("a@{}", one.digest()));
        registry.pull(&sbom, &Pick::Wasm, &mut into, Some("sbom"), Overwrite::Refuse).unwrap();
        registry.push_layout(&into, Some("sbom"), &name(&server, "elsewhere:sbom")).unwrap();
        let fallback = server.tags("a").keys().filter(|tag| tag.starts_with("sha256-")).count();
        assert_eq!(fallback, usize::from(!api));
    }
}

#[test]
fn events_tell_what_moves() {
    let server = Server::default().start().unwrap();
    let events = Arc::new(Mutex::new(vec![]));
    let note = Arc::clone(&events);
    let registry =
        Registry::new(quick().on_event(move |event| note.lock().unwrap().push(event.clone()))).unwrap();
    let image = hello(Format::Artifact);
    let (at, layer) = (name(&server, "a:v1"), image.layers()[0].descriptor().clone());
    registry.push(&image, &at).unwrap();
    registry.push(&image, &at).unwrap();
    registry.copy(&at, &Pick::All, &name(&server, "b:v1")).unwrap();
    registry.artifact(&at, None).unwrap();
    let events = events.lock().unwrap();
    let ended: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Ended { digest, how, size } if digest == layer.digest() => {
                assert_eq!(*size, layer.size());
                Some(*how)
            }
            _ => None,
        })
        .collect();
    assert_eq!(ended, [How::Moved, How::Present, How::Mounted, How::Moved]);
    let last = events.iter().rev().find_map(|event| match event {
        Event::Moved { digest, position } if digest == layer.digest() => Some(*position),
        _ => None,
    });
    assert_eq!(last, Some(layer.size()));
}

/// Larger than a chunk, than a piece, and empty.
#[test]
fn blobs_of_all_sizes() {
    let server = Server::default().start().unwrap();
    let registry = client();
    let at = name(&server, "sizes:v1");
    let mut attachment = Attachment::new("example/sizes");
    for size in [0, 1, (256 << 10) - 1, 256 << 10, (256 << 10) + 1, 9 << 20] {
        let bytes: Vec<u8> = (0..size).map(|n: usize| (n * 7 + size) as u8).collect();
        attachment = attachment.file("a/b", &format!("{size}"), Bytes::from(bytes));
    }
    registry.push(&hello(Format::Artifact), &at).unwrap();
    let attached = registry.attach(&at, &attachment).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut into = layout(&dir);
    let from = name(&server, &format!("sizes@{}", attached.digest()));
    registry.pull(&from, &Pick::All, &mut into, Some("x"), Overwrite::Refuse).unwrap();
    assert!(into.verify().unwrap().corrupt.is_empty());
    let other = Server::default().start().unwrap();
    registry.push_layout(&into, Some("x"), &name(&other, "sizes:v1")).unwrap();
    registry.copy(&from, &Pick::All, &name(&other, "relayed:v1")).unwrap();
}

#[test]
fn a_registry_can_be_used_from_everywhere() {
    let server = Server::default().start().unwrap();
    let registry = client();
    let at = name(&server, "a:v1");
    registry.push(&hello(Format::Artifact), &at).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async { registry.resolve(&at).unwrap() });
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| registry.artifact(&at, None).unwrap());
        }
    });
}
