//! Manifests, tags, and what refers to them.

use serde_json::json;
use test_registry::{Registry, sha256, sha512};

use crate::client::{Reply, ask, send, status};
use crate::{CONFIG, INDEX, MANIFEST, digest_of, image};

fn put(registry: &Registry, reference: &str, media_type: &str, document: &serde_json::Value) -> Reply {
    let headers = [("Content-Type", media_type)];
    send(registry, "PUT", &format!("/v2/a/manifests/{reference}"), &headers, document.to_string().as_bytes())
}

#[test]
fn a_manifest_is_read_as_it_was_written() {
    let registry = Registry::start().unwrap();
    let image = image(&registry, "a", "layer");
    let digest = digest_of(&image);
    let reply = put(&registry, "v1", MANIFEST, &image);
    assert_eq!((reply.status(), reply.header("Docker-Content-Digest")), (201, Some(digest.clone())));
    assert_eq!(reply.header("Location"), Some(format!("/v2/a/manifests/{digest}")));
    for reference in ["v1", &digest] {
        let reply = ask(&registry, "GET", &format!("/v2/a/manifests/{reference}"));
        assert_eq!((reply.status(), reply.body()), (200, image.to_string().as_bytes()));
        assert_eq!(reply.header("Content-Type").as_deref(), Some(MANIFEST));
        let reply = ask(&registry, "HEAD", &format!("/v2/a/manifests/{reference}"));
        assert_eq!((reply.status(), reply.body()), (200, &b""[..]));
        assert_eq!(reply.header("Content-Length"), Some(image.to_string().len().to_string()));
        assert_eq!(reply.header("Docker-Content-Digest"), Some(digest.clone()));
    }
}

#[test]
fn manifests_are_kept_by_either_digest() {
    let registry = Registry::start().unwrap();
    let image = image(&registry, "a", "layer");
    let text = image.to_string();
    for digest in [sha256(text.as_bytes()), sha512(text.as_bytes())] {
        assert_eq!(put(&registry, &digest, MANIFEST, &image).status(), 201);
        assert_eq!(ask(&registry, "GET", &format!("/v2/a/manifests/{digest}")).body(), text.as_bytes());
    }
    assert_eq!(put(&registry, &sha256(b"x"), MANIFEST, &image).code(), "DIGEST_INVALID");
    assert!(registry.tags("a").is_empty());
}

#[test]
fn unknown_manifests_are_unknown() {
    let registry = Registry::start().unwrap();
    for reference in ["v1", ".invalid", &sha256(b"x"), "sha256:00"] {
        let reply = ask(&registry, "GET", &format!("/v2/a/manifests/{reference}"));
        assert_eq!((reply.status(), reply.code()), (404, "MANIFEST_UNKNOWN".into()), "{reference}");
    }
}

#[test]
fn who_does_not_accept_it_does_not_get_it() {
    let registry = Registry::start().unwrap();
    registry.put_manifest("a", "v1", MANIFEST, "{}");
    let both = format!("{INDEX};q=0.5, {MANIFEST}");
    for (accept, status) in
        [(MANIFEST, 200), (&both, 200), ("*/*", 200), (INDEX, 404), ("text/html, application/json", 404)]
    {
        let reply = send(&registry, "GET", "/v2/a/manifests/v1", &[("Accept", accept)], b"");
        assert_eq!(reply.status(), status, "{accept}");
    }
}

#[test]
fn wrong_manifests_are_refused() {
    let registry = Registry::start().unwrap();
    let good = image(&registry, "a", "layer");
    let with = |name: &str, value: serde_json::Value| {
        let mut document = good.clone();
        document[name] = value;
        document
    };
    let unknown = json!([{"mediaType": "x/y", "digest": sha256(b"unknown"), "size": 7}]);
    for (document, code) in [
        (json!([]), "MANIFEST_INVALID"),
        (with("schemaVersion", json!(1)), "MANIFEST_INVALID"),
        (with("mediaType", json!(INDEX)), "MANIFEST_INVALID"),
        (with("manifests", json!([])), "MANIFEST_INVALID"),
        (with("layers", json!([{"digest": "sha256:00"}])), "MANIFEST_INVALID"),
        (with("subject", json!({"digest": 7})), "MANIFEST_INVALID"),
        (with("layers", unknown.clone()), "MANIFEST_BLOB_UNKNOWN"),
    ] {
        let reply = put(&registry, "v1", MANIFEST, &document);
        assert_eq!((reply.status(), reply.code().as_str()), (400, code), "{document}");
    }
    let index = json!({"schemaVersion": 2, "manifests": unknown});
    assert_eq!(put(&registry, "v1", INDEX, &index).code(), "MANIFEST_BLOB_UNKNOWN");
    assert_eq!(put(&registry, ".v1", MANIFEST, &good).code(), "TAG_INVALID");
    assert_eq!(put(&registry, "v1", "", &good).code(), "MANIFEST_INVALID");
    let foreign = json!([{"digest": sha256(b"unknown"), "size": 7, "urls": ["http://example.com/"]}]);
    assert_eq!(put(&registry, "v1", MANIFEST, &with("layers", foreign)).status(), 201);
}

#[test]
fn an_index_of_what_is_there_is_kept() {
    let registry = Registry::start().unwrap();
    let image = image(&registry, "a", "layer");
    put(&registry, "v1", MANIFEST, &image);
    let child = json!({"mediaType": MANIFEST, "digest": digest_of(&image), "size": image.to_string().len()});
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [child]});
    assert_eq!(put(&registry, "all", INDEX, &index).status(), 201);
    assert_eq!(registry.manifest("a", "all").unwrap().0, INDEX);
}

#[test]
fn four_mebibytes_are_enough() {
    let registry = Registry::start().unwrap();
    let mut image = image(&registry, "a", "layer");
    image["annotations"] = json!({"x": ""});
    image["annotations"]["x"] = json!("x".repeat((4 << 20) - image.to_string().len()));
    assert_eq!(put(&registry, "v1", MANIFEST, &image).status(), 201);
    for more in ["y", &"y".repeat(100_000)] {
        image["annotations"]["y"] = json!(more);
        let reply = put(&registry, "v2", MANIFEST, &image);
        assert_eq!((reply.status(), reply.code()), (413, "MANIFEST_INVALID".into()));
    }
}

#[test]
fn tags_and_manifests_are_deleted() {
    let registry = Registry::start().unwrap();
    let digest = registry.put_manifest("a", "v1", MANIFEST, "{}");
    assert!(registry.tag("a", "v2", &digest));
    assert!(!registry.tag("a", "v3", &sha256(b"x")));
    assert_eq!(status(&registry, "DELETE", "/v2/a/manifests/v1"), 202);
    assert_eq!(status(&registry, "DELETE", "/v2/a/manifests/v1"), 404);
    assert_eq!(status(&registry, "GET", "/v2/a/manifests/v2"), 200);
    assert_eq!(status(&registry, "DELETE", &format!("/v2/a/manifests/{digest}")), 202);
    assert_eq!(status(&registry, "GET", "/v2/a/manifests/v2"), 404);
    assert!(registry.tags("a").is_empty());
    assert_eq!(status(&registry, "DELETE", &format!("/v2/b/manifests/{digest}")), 404);
}

#[test]
fn artifacts_may_be_refused() {
    let registry = Registry::options().refuse_artifacts().start().unwrap();
    let good = image(&registry, "a", "layer");
    assert_eq!(put(&registry, "v1", MANIFEST, &good).status(), 201);
    let mut wasm = good.clone();
    wasm["config"]["mediaType"] = json!("application/vnd.wasm.config.v0+json");
    let mut typed = good.clone();
    typed["artifactType"] = json!("application/x");
    for document in [wasm, typed] {
        let reply = put(&registry, "v2", MANIFEST, &document);
        assert_eq!((reply.status(), reply.code()), (400, "MANIFEST_INVALID".into()));
    }
    assert_eq!(good["config"]["mediaType"], CONFIG);
}
