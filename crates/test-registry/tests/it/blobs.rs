//! `/v2/` and blobs.

use test_registry::{Registry, sha256, sha512};

use crate::client::{End, ask, send, status};

#[test]
fn the_api_is_there() {
    let registry = Registry::start().unwrap();
    let reply = ask(&registry, "GET", "/v2/");
    assert_eq!((reply.status(), reply.body()), (200, &b"{}"[..]));
    assert_eq!(reply.header("Docker-Distribution-Api-Version").as_deref(), Some("registry/2.0"));
    assert_eq!(status(&registry, "POST", "/v2/"), 405);
    assert_eq!(status(&registry, "GET", "/"), 404);
    assert_eq!(status(&registry, "GET", "/token"), 404);
}

#[test]
fn a_blob_is_read_and_looked_for() {
    let registry = Registry::start().unwrap();
    let digest = registry.put_blob("a/b", "hello");
    let reply = ask(&registry, "GET", &format!("/v2/a/b/blobs/{digest}"));
    assert_eq!((reply.status(), reply.body(), reply.end), (200, &b"hello"[..], End::Fin));
    assert_eq!(reply.header("Docker-Content-Digest"), Some(digest.clone()));
    assert_eq!(reply.header("Content-Type").as_deref(), Some("application/octet-stream"));
    let reply = ask(&registry, "HEAD", &format!("/v2/a/b/blobs/{digest}"));
    assert_eq!((reply.status(), reply.body()), (200, &b""[..]));
    assert_eq!(reply.header("Content-Length").as_deref(), Some("5"));
}

#[test]
fn a_blob_belongs_to_its_repository() {
    let registry = Registry::start().unwrap();
    let digest = registry.put_blob("a", "hello");
    let reply = ask(&registry, "GET", &format!("/v2/b/blobs/{digest}"));
    assert_eq!((reply.status(), reply.code()), (404, "BLOB_UNKNOWN".into()));
    assert_eq!(status(&registry, "HEAD", &format!("/v2/a/blobs/{}", sha256(b"else"))), 404);
}

#[test]
fn names_and_digests_are_checked() {
    let registry = Registry::start().unwrap();
    let reply = ask(&registry, "GET", "/v2/A/blobs/sha256:00");
    assert_eq!((reply.status(), reply.code()), (400, "NAME_INVALID".into()));
    for digest in ["sha256:00", "md5:d41d8cd98f00b204e9800998ecf8427e"] {
        let reply = ask(&registry, "GET", &format!("/v2/a/blobs/{digest}"));
        assert_eq!((reply.status(), reply.code()), (400, "DIGEST_INVALID".into()));
    }
    // A path that leads elsewhere leads nowhere.
    assert_eq!(status(&registry, "GET", "/v2/a/blobs/sha256:..%2f..%2fx"), 404);
}

#[test]
fn both_algorithms_are_served() {
    let registry = Registry::start().unwrap();
    registry.put_blob_as("a", &sha512(b"hello"), "hello");
    let reply = ask(&registry, "GET", &format!("/v2/a/blobs/{}", sha512(b"hello")));
    assert_eq!((reply.status(), reply.body()), (200, &b"hello"[..]));
}

#[test]
fn ranges_are_served() {
    let registry = Registry::start().unwrap();
    let target = format!("/v2/a/blobs/{}", registry.put_blob("a", "0123456789"));
    let ranged = |range: &str| send(&registry, "GET", &target, &[("Range", range)], b"");
    for (range, said, bytes) in [
        ("bytes=2-5", "bytes 2-5/10", "2345"),
        ("bytes=7-", "bytes 7-9/10", "789"),
        ("bytes=-2", "bytes 8-9/10", "89"),
        ("bytes=0-99", "bytes 0-9/10", "0123456789"),
    ] {
        let reply = ranged(range);
        assert_eq!((reply.status(), reply.body()), (206, bytes.as_bytes()), "{range}");
        assert_eq!(reply.header("Content-Range").as_deref(), Some(said));
    }
    let reply = ranged("bytes=10-");
    assert_eq!((reply.status(), reply.header("Content-Range").as_deref()), (416, Some("bytes */10")));
    let reply = ranged("bytes=1-2,4-5");
    assert_eq!((reply.status(), reply.body().len()), (200, 10));
}

#[test]
fn a_range_of_another_version_is_everything() {
    let registry = Registry::start().unwrap();
    let digest = registry.put_blob("a", "0123456789");
    let target = format!("/v2/a/blobs/{digest}");
    let same = format!("\"{digest}\"");
    for (tag, status) in [(same.as_str(), 206), ("\"other\"", 200)] {
        let headers = [("Range", "bytes=2-5"), ("If-Range", tag)];
        assert_eq!(send(&registry, "GET", &target, &headers, b"").status(), status, "{tag}");
    }
}

#[test]
fn a_blob_is_deleted_once() {
    let registry = Registry::start().unwrap();
    let target = format!("/v2/a/blobs/{}", registry.put_blob("a", "hello"));
    assert_eq!(status(&registry, "DELETE", &target), 202);
    assert_eq!(status(&registry, "DELETE", &target), 404);
    assert_eq!(status(&registry, "GET", &target), 404);
    assert_eq!(status(&registry, "PUT", &target), 405);
}

#[test]
fn deletion_may_be_off() {
    let registry = Registry::options().without_deletion().start().unwrap();
    let target = format!("/v2/a/blobs/{}", registry.put_blob("a", "hello"));
    assert_eq!(status(&registry, "DELETE", &target), 405);
    assert_eq!(status(&registry, "DELETE", "/v2/a/manifests/v1"), 405);
    assert_eq!(status(&registry, "GET", &target), 200);
}
