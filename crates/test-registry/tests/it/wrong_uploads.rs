//! Faults of uploads.

use test_registry::{Fault, On, Registry, sha256};

use crate::client::{ask, send, status};

const UPLOADS: &str = "/v2/a/blobs/uploads/";

fn begun() -> (Registry, String) {
    let registry = Registry::start().unwrap();
    let location = ask(&registry, "POST", UPLOADS).header("Location").unwrap();
    (registry, location)
}

#[test]
fn an_upload_is_lost() {
    let (registry, location) = begun();
    registry.fault(On::upload_chunk().nth(2), Fault::LoseUpload);
    let patch = || send(&registry, "PATCH", &location, &[], b"0123");
    assert_eq!(patch().status(), 202);
    let reply = patch();
    assert_eq!((reply.status(), reply.code()), (404, "BLOB_UPLOAD_UNKNOWN".into()));
    assert_eq!((patch().status(), registry.open_uploads()), (404, 0));
}

#[test]
fn a_chunk_is_refused() {
    let (registry, location) = begun();
    registry.fault(On::upload_chunk().nth(2), Fault::RefuseChunk);
    let patch = |range| send(&registry, "PATCH", &location, &[("Content-Range", range)], b"0123");
    assert_eq!(patch("0-3").status(), 202);
    let reply = patch("4-7");
    assert_eq!((reply.status(), reply.header("Range").as_deref()), (416, Some("0-3")));
    assert_eq!(patch("4-7").header("Range").as_deref(), Some("0-7"));
}

#[test]
fn a_chunk_is_kept_in_part() {
    let (registry, location) = begun();
    registry.fault(On::upload_chunk().nth(1), Fault::KeepOfChunk(3));
    let patch = |range, bytes: &[u8]| send(&registry, "PATCH", &location, &[("Content-Range", range)], bytes);
    let reply = patch("0-7", b"01234567");
    assert_eq!((reply.status(), reply.header("Range").as_deref()), (202, Some("0-2")));
    assert_eq!(patch("8-9", b"89").status(), 416);
    assert_eq!(patch("3-9", b"3456789").header("Range").as_deref(), Some("0-9"));
    assert_eq!(status(&registry, "PUT", &format!("{location}?digest={}", sha256(b"0123456789"))), 201);
}

#[test]
fn a_range_lies() {
    let (registry, location) = begun();
    registry.fault(On::upload_chunk(), Fault::header("Range", "0-999"));
    let reply = send(&registry, "PATCH", &location, &[], b"0123");
    assert_eq!(reply.header("Range").as_deref(), Some("0-999"));
}

#[test]
fn locations_are_elsewhere_or_short() {
    let (registry, location) = begun();
    registry.fault(On::upload_chunk().nth(1), Fault::LocationAt("http://127.0.0.2:9".into()));
    registry.fault(On::upload_chunk().nth(2), Fault::LocationRelative);
    let moved = || send(&registry, "PATCH", &location, &[], b"0123").header("Location").unwrap();
    assert_eq!(moved(), format!("http://127.0.0.2:9{location}"));
    assert_eq!(moved(), location.strip_prefix(UPLOADS).unwrap());
    let absolute = Registry::options().absolute_locations().start().unwrap();
    absolute.fault(On::upload_start(), Fault::LocationAt("https://x".into()));
    let reply = ask(&absolute, "POST", UPLOADS);
    assert_eq!(reply.header("Location").as_deref(), Some("https://x/v2/a/blobs/uploads/session-1"));
}

#[test]
fn a_mount_becomes_an_upload() {
    let registry = Registry::start().unwrap();
    let digest = registry.put_blob("b", "hello");
    registry.fault(On::mount().nth(1), Fault::IgnoreMount);
    let mount = || status(&registry, "POST", &format!("{UPLOADS}?mount={digest}&from=b"));
    assert_eq!((mount(), mount()), (202, 201));
}
