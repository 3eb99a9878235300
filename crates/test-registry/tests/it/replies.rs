//! Faults of the answer as a whole: errors, redirects, tags that move; and which requests they meet.

use std::time::Duration;

use test_registry::{Fault, Kind, On, Registry, RetryAfter, Status, sha256};

use crate::MANIFEST;
use crate::client::{Reply, ask, send, status};

const TAG: &str = "/v2/a/manifests/v1";

fn tagged() -> Registry {
    let registry = Registry::start().unwrap();
    registry.put_manifest("a", "v1", MANIFEST, "{}");
    registry
}

fn under(fault: impl Into<Fault>) -> Reply {
    let registry = tagged();
    registry.fault(On::any(), fault.into());
    ask(&registry, "GET", &format!("{TAG}?x=y"))
}

#[test]
fn errors_have_their_codes() {
    for (status, code) in [
        (401, "UNAUTHORIZED"),
        (403, "DENIED"),
        (408, "UNKNOWN"),
        (429, "TOOMANYREQUESTS"),
        (500, "UNKNOWN"),
        (503, "UNKNOWN"),
    ] {
        let reply = under(Fault::status(status));
        assert_eq!(
            (reply.status(), reply.code().as_str(), reply.header("Retry-After")),
            (status, code, None)
        );
    }
    assert_eq!(under(Status::new(400).code("MANIFEST_INVALID")).code(), "MANIFEST_INVALID");
}

#[test]
fn errors_say_when_to_come_again() {
    let after = |when| under(Status::new(429).retry_after(when)).header("Retry-After").unwrap();
    assert_eq!(after(RetryAfter::Seconds(1_000_000_000)), "1000000000");
    assert_eq!(after(RetryAfter::Text("soon".into())), "soon");
    for when in [RetryAfter::Date(Duration::from_secs(90)), RetryAfter::Past(Duration::from_secs(90))] {
        let date = after(when);
        assert!(date.len() == 29 && date.ends_with(" GMT"), "{date}");
    }
    assert!(after(RetryAfter::Date(Duration::from_secs(1 << 50))).contains(" 9999 "));
    assert!(after(RetryAfter::Date(Duration::MAX)).ends_with(" GMT"));
}

#[test]
fn errors_flap() {
    let registry = tagged();
    let first = registry.fault(On::manifest_get().first(2), Fault::status(503));
    let third = registry.fault(On::manifest_get().nth(4), Fault::status(500));
    let later = registry.fault(On::manifest_get().after(5).first(1), Fault::status(502));
    let seen: Vec<_> = (0..7).map(|_| status(&registry, "GET", TAG)).collect();
    assert_eq!(seen, [503, 503, 200, 500, 200, 502, 200]);
    assert_eq!([first, third, later].map(|rule| registry.fired(rule)), [2, 1, 1]);
}

#[test]
fn redirects_go_anywhere() {
    let other = Registry::options().address([127, 0, 0, 2]).start().unwrap();
    let path = format!("{TAG}?x=y");
    for (fault, status, location) in [
        (Fault::redirect("file:///etc/passwd"), 307, "file:///etc/passwd".to_owned()),
        (Fault::redirect("../blobs/x"), 307, "../blobs/x".to_owned()),
        (Fault::Redirect { status: 301, location: "http://x/".into() }, 301, "http://x/".to_owned()),
        (Fault::RedirectTo(other.url()), 307, format!("{}{path}", other.url())),
        (Fault::RedirectLoop, 307, path.clone()),
    ] {
        let reply = under(fault);
        assert_eq!((reply.status(), reply.header("Location")), (status, Some(location)));
    }
    assert!(other.host().starts_with("127.0.0.2:"));
}

#[test]
fn a_tag_moves_between_two_requests() {
    let registry = tagged();
    let moved = registry.put_manifest("a", "v2", MANIFEST, "{\"b\":2}");
    registry.fault(On::manifest_head(), Fault::move_tag("a", "v1", &moved));
    let digest = |method| ask(&registry, method, TAG).header("Docker-Content-Digest").unwrap();
    assert_eq!(digest("HEAD"), sha256(b"{}"));
    assert_eq!(digest("GET"), moved);
    assert_eq!(registry.tags("a")["v1"], moved);
}

#[test]
fn rules_meet_what_they_say() {
    let digest = sha256(b"x");
    let (blob, upload) = (format!("/v2/a/blobs/{digest}"), "/v2/a/blobs/uploads/1");
    let (referrers, mount) =
        (format!("/v2/a/referrers/{digest}"), format!("/v2/a/blobs/uploads/?mount={digest}&from=b"));
    let cases: &[(On, &str, &str)] = &[
        (On::base(), "GET", "/v2/"),
        (On::blob_get(), "GET", &blob),
        (On::blob_head(), "HEAD", &blob),
        (On::blob_delete(), "DELETE", &blob),
        (On::upload_start(), "POST", "/v2/a/blobs/uploads/"),
        (On::mount(), "POST", &mount),
        (On::upload_chunk(), "PATCH", upload),
        (On::upload_finish(), "PUT", upload),
        (On::upload_status(), "GET", upload),
        (On::upload_cancel(), "DELETE", upload),
        (On::manifest_get(), "GET", TAG),
        (On::manifest_head(), "HEAD", TAG),
        (On::manifest_put(), "PUT", TAG),
        (On::manifest_delete(), "DELETE", TAG),
        (On::tags(), "GET", "/v2/a/tags/list"),
        (On::referrers(), "GET", &referrers),
        (On::token_get(), "GET", "/token"),
        (On::token_post(), "POST", "/token"),
    ];
    let registry = Registry::start().unwrap();
    for (_, method, target) in cases {
        ask(&registry, method, target);
    }
    for (on, method, target) in cases {
        assert_eq!(registry.count(on), 1, "{method} {target}");
        assert_eq!(registry.count(&on.clone().nth(7)), 1, "{method} {target}");
    }
    assert_eq!(registry.count(&On::any()), cases.len());
    assert_eq!(registry.count(&On::token()), 2);
    assert_eq!(registry.count(&On::kind(Kind::Upload)), 4);
    assert_eq!(registry.count(&On::kind(Kind::Upload).method("GET")), 1);
    assert_eq!(registry.count(&On::any().repository("a")), cases.len() - 3);
    assert_eq!(registry.count(&On::any().path(&digest[..20])), 5);
    assert_eq!((registry.hits("GET", TAG), registry.hits("GET", "/v2/")), (1, 1));
}

#[test]
fn rules_see_headers() {
    let registry = tagged();
    let headers = [("Range", "bytes=0-1"), ("Authorization", "Basic x")];
    send(&registry, "GET", TAG, &headers, b"");
    ask(&registry, "GET", TAG);
    for on in [On::any().ranged(), On::any().whole(), On::any().authorized(), On::any().anonymous()] {
        assert_eq!(registry.count(&on), 1, "{on:?}");
    }
    registry.clear_requests();
    assert_eq!((registry.count(&On::any()), registry.requests().len()), (0, 0));
}

#[test]
fn rules_end() {
    let registry = tagged();
    let rule = registry.fault(On::any(), Fault::status(500));
    assert_eq!(status(&registry, "GET", TAG), 500);
    registry.clear_faults();
    assert_eq!((status(&registry, "GET", TAG), registry.fired(rule)), (200, 1));
}
