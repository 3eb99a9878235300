//! Uploads.

use std::io::{Read as _, Write as _};

use test_registry::{Bearer, Registry, sha256, sha512};

use crate::client::{Reply, ask, connect, request, send, status};

const UPLOADS: &str = "/v2/a/blobs/uploads/";

fn begin(registry: &Registry) -> String {
    let reply = ask(registry, "POST", UPLOADS);
    assert_eq!(reply.status(), 202);
    reply.header("Location").unwrap()
}

fn patch(registry: &Registry, location: &str, range: &str, bytes: &str) -> Reply {
    send(registry, "PATCH", location, &[("Content-Range", range)], bytes.as_bytes())
}

#[test]
fn one_request_is_enough() {
    let registry = Registry::start().unwrap();
    for (digest, stored) in [(sha256(b"hello"), true), (sha512(b"hello"), true), (sha256(b"other"), false)] {
        let reply = send(&registry, "POST", &format!("{UPLOADS}?digest={digest}"), &[], b"hello");
        assert_eq!(reply.status(), if stored { 201 } else { 400 });
        assert_eq!(registry.blob("a", &digest).is_some(), stored);
        if stored {
            assert_eq!(reply.header("Location"), Some(format!("/v2/a/blobs/{digest}")));
            assert_eq!(reply.header("Docker-Content-Digest"), Some(digest));
        } else {
            assert_eq!(reply.code(), "DIGEST_INVALID");
        }
    }
}

#[test]
fn two_requests_too() {
    let registry = Registry::start().unwrap();
    let location = begin(&registry);
    let digest = sha256(b"hello").replace(':', "%3A");
    let reply = send(&registry, "PUT", &format!("{location}?digest={digest}"), &[], b"hello");
    assert_eq!((reply.status(), registry.open_uploads()), (201, 0));
    assert_eq!(registry.blob("a", &sha256(b"hello")).as_deref(), Some(&b"hello"[..]));
}

#[test]
fn an_empty_blob_is_one() {
    let registry = Registry::start().unwrap();
    let location = begin(&registry);
    assert_eq!(status(&registry, "PUT", &format!("{location}?digest={}", sha256(b""))), 201);
    assert_eq!(registry.blob("a", &sha256(b"")).as_deref(), Some(&b""[..]));
}

#[test]
fn chunks_come_in_order() {
    let registry = Registry::start().unwrap();
    let location = begin(&registry);
    let reply = patch(&registry, &location, "5-9", "56789");
    assert_eq!((reply.status(), reply.header("Location")), (416, Some(location.clone())));
    let reply = patch(&registry, &location, "0-4", "01234");
    assert_eq!((reply.status(), reply.header("Range").as_deref()), (202, Some("0-4")));
    for wrong in ["0-4", "6-10", "5-8", "9-5", "5", "bytes 5-9/10"] {
        let reply = patch(&registry, &location, wrong, "56789");
        assert_eq!((reply.status(), reply.header("Range").as_deref()), (416, Some("0-4")), "{wrong}");
    }
    let reply = ask(&registry, "GET", &location);
    assert_eq!((reply.status(), reply.header("Range").as_deref()), (204, Some("0-4")));
    assert_eq!(reply.header("Location"), Some(location.clone()));
    assert_eq!(patch(&registry, &location, "5-9", "56789").status(), 202);
    let target = format!("{location}?digest={}", sha256(b"0123456789ab"));
    let reply = send(&registry, "PUT", &target, &[("Content-Range", "10-11")], b"ab");
    assert_eq!(reply.status(), 201);
}

#[test]
fn a_stream_needs_no_range() {
    let registry = Registry::start().unwrap();
    let location = begin(&registry);
    let body = b"3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nTrailer: x\r\n\r\n";
    let reply = send(&registry, "PATCH", &location, &[("Transfer-Encoding", "chunked")], body);
    assert_eq!((reply.status(), reply.header("Range").as_deref()), (202, Some("0-4")));
    assert_eq!(status(&registry, "PUT", &format!("{location}?digest={}", sha256(b"hello"))), 201);
}

#[test]
fn who_expects_is_told_to_go_on() {
    let registry = Registry::start().unwrap();
    let target = format!("{UPLOADS}?digest={}", sha256(b"hello"));
    let headers = [("Expect", "100-continue"), ("Content-Length", "5")];
    let mut stream = connect(registry.address());
    stream.write_all(&request(&registry, "POST", &target, &headers, b"")).unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"hello").unwrap();
    assert_eq!(crate::client::read(&mut stream).status(), 201);
}

#[test]
fn an_upload_ends_with_the_right_digest_or_in_an_error() {
    let registry = Registry::start().unwrap();
    let location = begin(&registry);
    assert_eq!(ask(&registry, "PUT", &location).code(), "DIGEST_INVALID");
    let reply = send(&registry, "PUT", &format!("{location}?digest={}", sha256(b"x")), &[], b"y");
    assert_eq!((reply.status(), reply.code()), (400, "DIGEST_INVALID".into()));
    let reply = ask(&registry, "GET", &location);
    assert_eq!((reply.status(), reply.code()), (404, "BLOB_UPLOAD_UNKNOWN".into()));
}

#[test]
fn an_upload_is_given_up() {
    let registry = Registry::start().unwrap();
    let location = begin(&registry);
    assert_eq!(registry.open_uploads(), 1);
    assert_eq!(status(&registry, "GET", &location.replace("/a/", "/b/")), 404);
    assert_eq!(status(&registry, "DELETE", &location), 204);
    assert_eq!(registry.open_uploads(), 0);
    assert_eq!(patch(&registry, &location, "0-0", "x").status(), 404);
}

#[test]
fn a_blob_is_mounted_when_it_is_there() {
    let registry = Registry::start().unwrap();
    let digest = registry.put_blob("from/here", "hello");
    let reply = ask(&registry, "POST", &format!("{UPLOADS}?mount={digest}&from=from/here"));
    assert_eq!((reply.status(), reply.header("Location")), (201, Some(format!("/v2/a/blobs/{digest}"))));
    assert!(registry.blob("a", &digest).is_some());
    for query in [
        format!("mount={digest}&from=nowhere"),
        format!("mount={digest}"),
        format!("mount={}&from=from/here", sha256(b"else")),
        "mount=nonsense&from=from/here".to_owned(),
    ] {
        let reply = ask(&registry, "POST", &format!("{UPLOADS}?{query}"));
        assert_eq!(reply.status(), 202, "{query}");
        assert!(reply.header("Location").unwrap().starts_with("/v2/a/blobs/uploads/"));
    }
}

#[test]
fn only_what_may_be_read_is_mounted() {
    let registry = Registry::options().auth(Bearer::new("user", "secret")).start().unwrap();
    let digest = registry.put_blob("from", "hello");
    for (scopes, status) in
        [(&["repository:a:pull,push"][..], 202), (&["repository:a:pull,push", "repository:from:pull"], 201)]
    {
        let token = format!("Bearer {}", registry.issue_token(scopes).unwrap());
        let target = format!("{UPLOADS}?mount={digest}&from=from");
        let reply = send(&registry, "POST", &target, &[("Authorization", &token)], b"");
        assert_eq!(reply.status(), status);
    }
}

#[test]
fn options_change_uploads() {
    let registry = Registry::options().without_mount().chunk_min(4).absolute_locations().max_blob(8);
    let registry = registry.start().unwrap();
    let digest = registry.put_blob("from", "hello");
    let reply = ask(&registry, "POST", &format!("{UPLOADS}?mount={digest}&from=from"));
    assert_eq!((reply.status(), reply.header("OCI-Chunk-Min-Length").as_deref()), (202, Some("4")));
    let location = reply.header("Location").unwrap();
    let location = location.strip_prefix(&registry.url()).unwrap();
    assert_eq!(patch(&registry, location, "0-3", "0123").status(), 202);
    assert_eq!(patch(&registry, location, "4-5", "45").status(), 202);
    assert_eq!(patch(&registry, location, "6-7", "67").code(), "BLOB_UPLOAD_INVALID");
    let reply = send(&registry, "POST", &format!("{UPLOADS}?digest={}", sha256(b"x")), &[], b"123456789");
    assert_eq!((reply.status(), reply.code()), (413, "SIZE_INVALID".into()));
}

#[test]
fn nothing_is_written_where_nothing_may() {
    let registry = Registry::options().read_only().start().unwrap();
    let digest = registry.put_blob("a", "hello");
    for (method, target) in [
        ("POST", UPLOADS),
        ("PATCH", "/v2/a/blobs/uploads/session-1"),
        ("PUT", "/v2/a/manifests/v1"),
        ("DELETE", "/v2/a/manifests/v1"),
        ("DELETE", &format!("/v2/a/blobs/{digest}")),
    ] {
        let reply = ask(&registry, method, target);
        assert_eq!((reply.status(), reply.code()), (405, "UNSUPPORTED".into()), "{method} {target}");
    }
    assert_eq!(status(&registry, "GET", &format!("/v2/a/blobs/{digest}")), 200);
}
