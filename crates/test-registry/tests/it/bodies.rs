//! Faults of lengths, bodies and ranges.

use std::io::Read as _;

use test_registry::{Answer, Fault, On, Registry, sha256};

use crate::client::{End, Reply, ask, connect, request, send, write};

const BLOB: &[u8] = b"0123456789";

/// What comes under the faults.
fn under(faults: impl IntoIterator<Item = Fault>, headers: &[(&str, &str)]) -> Reply {
    let registry = Registry::start().unwrap();
    let target = format!("/v2/a/blobs/{}", registry.put_blob("a", BLOB));
    for fault in faults {
        registry.fault(On::blob_get(), fault);
    }
    send(&registry, "GET", &target, headers, b"")
}

#[test]
fn lengths_lie() {
    for (fault, length) in [
        (Fault::LengthShorter(3), "7"),
        (Fault::LengthLonger(5), "15"),
        (Fault::ContentLength(u64::MAX), "18446744073709551615"),
        (Fault::header("Content-Length", "-1"), "-1"),
        (Fault::header("Content-Length", "10, 10"), "10, 10"),
    ] {
        let reply = under([fault], &[]);
        assert_eq!(reply.header("Content-Length").as_deref(), Some(length));
        assert_eq!((reply.body(), reply.end), (BLOB, End::Fin), "{length}");
    }
}

#[test]
fn lengths_are_missing() {
    let reply = under([Fault::NoLength], &[]);
    assert_eq!((reply.header("Content-Length"), reply.body()), (None, BLOB));
    let reply = under([Fault::Chunked], &[]);
    assert_eq!(reply.header("Transfer-Encoding").as_deref(), Some("chunked"));
    assert_eq!((reply.header("Content-Length"), reply.body()), (None, &b"a\r\n0123456789\r\n0\r\n\r\n"[..]));
    let reply = under([Fault::ChunkedUnfinished], &[]);
    assert_eq!((reply.body(), reply.end), (&b"a\r\n0123456789\r\n"[..], End::Fin));
}

#[test]
fn an_endless_body_goes_on_while_somebody_reads() {
    let registry = Registry::start().unwrap();
    let target = format!("/v2/a/blobs/{}", registry.put_blob("a", BLOB));
    registry.fault(On::blob_get(), Fault::Endless);
    let mut stream = connect(registry.address());
    write(&mut stream, &request(&registry, "GET", &target, &[], b""));
    let mut read = vec![0; 20 << 20];
    stream.read_exact(&mut read).unwrap();
    let text = String::from_utf8_lossy(&read[..1000]);
    assert!(text.contains("Transfer-Encoding: chunked\r\n") && text.contains("01234567890123456789"));
}

#[test]
fn documents_grow() {
    let registry = Registry::start().unwrap();
    registry.put_manifest("a", "v1", crate::MANIFEST, r#"{"a":1}"#);
    registry.fault(On::manifest_get(), Fault::Oversize(5 << 20));
    let reply = ask(&registry, "GET", "/v2/a/manifests/v1");
    assert_eq!((reply.body().len(), reply.json()["a"].as_u64()), (5 << 20, Some(1)));
    assert_eq!(reply.header("Content-Length").as_deref(), Some("5242880"));
    // The error of an unknown manifest too, and without a length.
    registry.fault(On::manifest_get(), Fault::NoLength);
    let reply = ask(&registry, "GET", "/v2/a/manifests/v2");
    assert_eq!((reply.status(), reply.body().len(), reply.code()), (404, 5 << 20, "MANIFEST_UNKNOWN".into()));
    registry.fault(On::manifest_get(), Fault::Chunked);
    assert!(ask(&registry, "GET", "/v2/a/manifests/v1").body().len() > 5 << 20);
}

#[test]
fn bits_flip() {
    assert_eq!(under([Fault::FlipBit(0)], &[]).body(), b"1123456789");
    assert_eq!(under([Fault::FlipBit(99)], &[]).body(), b"0123456788");
    let both = [Fault::FlipBit(0), Fault::FlipBit(2)];
    assert_eq!(under(both, &[]).body(), b"1133456789");
}

#[test]
fn other_content_comes_under_the_old_digest() {
    let content = || Fault::Content("abcdefghijklmno".into());
    let reply = under([content()], &[]);
    assert_eq!(
        (reply.body(), reply.header("Docker-Content-Digest")),
        (&b"abcdefghijklmno"[..], Some(sha256(BLOB)))
    );
    let reply = under([content()], &[("Range", "bytes=5-")]);
    assert_eq!((reply.status(), reply.body()), (206, &b"fghijklmno"[..]));
    assert_eq!(reply.header("Content-Range").as_deref(), Some("bytes 5-14/15"));
}

#[test]
fn a_blob_changes_between_resumes() {
    let registry = Registry::start().unwrap();
    let target = format!("/v2/a/blobs/{}", registry.put_blob("a", BLOB));
    registry.fault(On::blob_get().whole(), Fault::CloseInBody(4));
    registry.fault(On::blob_get().ranged(), Fault::Content("abcdefghij".into()));
    assert_eq!(ask(&registry, "GET", &target).body(), b"0123");
    assert_eq!(send(&registry, "GET", &target, &[("Range", "bytes=4-")], b"").body(), b"efghij");
}

#[test]
fn bodies_are_compressed_or_said_to_be() {
    let reply = under([Fault::Gzip], &[]);
    assert_eq!(reply.header("Content-Encoding").as_deref(), Some("gzip"));
    assert_eq!((&reply.body()[..3], &reply.body()[15..25]), (&[0x1f, 0x8b, 8][..], BLOB));
    let reply = under([Fault::header("Content-Encoding", "gzip")], &[]);
    assert_eq!((reply.header("Content-Encoding").as_deref(), reply.body()), (Some("gzip"), BLOB));
}

#[test]
fn ranges_go_wrong() {
    let range = [("Range", "bytes=4-7")];
    let reply = under([Fault::IgnoreRange], &range);
    assert_eq!((reply.status(), reply.body(), reply.header("Content-Range")), (200, BLOB, None));
    let reply = under([Fault::RefuseRange], &range);
    assert_eq!((reply.status(), reply.header("Content-Range").as_deref()), (416, Some("bytes */10")));
    assert_eq!(under([Fault::RefuseRange], &[]).status(), 200);
    for (fault, said, body) in [
        (Fault::ShiftRange(1), "bytes 5-8/10", "5678"),
        (Fault::ShiftRange(u64::MAX), "bytes 9-9/10", "9"),
        (Fault::LieAboutRange(2), "bytes 4-7/10", "6789"),
        (Fault::LieAboutRange(3), "bytes 4-7/10", "1234"),
    ] {
        let reply = under([fault], &range);
        assert_eq!((reply.status(), reply.body()), (206, body.as_bytes()));
        assert_eq!(reply.header("Content-Range").as_deref(), Some(said));
    }
}

#[test]
fn headers_go_wrong() {
    let reply = under([Fault::wrong_digest()], &[]);
    assert_eq!(reply.header("Docker-Content-Digest"), Some(sha256(b"something else")));
    let reply = under([Fault::WithoutHeader("docker-content-digest".into())], &[]);
    assert_eq!(reply.header("Docker-Content-Digest"), None);
    let reply = under([Fault::content_type("text/html")], &[]);
    assert_eq!(reply.header("Content-Type").as_deref(), Some("text/html"));
    assert_eq!(reply.head().matches("Content-Type").count(), 1);
    let warning = "w".repeat(8192);
    let reply = under([Fault::header("Warning", warning.clone())], &[]);
    assert_eq!(reply.header("Warning"), Some(warning));
}

#[test]
fn any_answer_may_be_given() {
    let answer = Answer::new(299).header("X-Y", "z").body("text/html", "<html>");
    let reply = under([Fault::Answer(answer)], &[]);
    assert_eq!((reply.status(), reply.header("X-Y").as_deref()), (299, Some("z")));
    assert_eq!((reply.header("Content-Type").as_deref(), reply.body()), (Some("text/html"), &b"<html>"[..]));
}

#[test]
fn faults_meet_on_one_request() {
    let faults =
        [Fault::FlipBit(0), Fault::Chunked, Fault::CloseInBody(5), Fault::status(500), Fault::status(501)];
    let reply = under(faults, &[]);
    assert_eq!((reply.status(), reply.body().len(), reply.end), (500, 5, End::Fin));
}
