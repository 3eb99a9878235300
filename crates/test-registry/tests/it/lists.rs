//! Tags and referrers, and their pages.

use serde_json::{Value, json};
use test_registry::{Fault, On, Registry, sha256};

use crate::client::{Reply, ask, send, status};
use crate::{INDEX, MANIFEST, digest_of, image};

fn tagged(tags: &[&str]) -> Registry {
    let registry = Registry::start().unwrap();
    for tag in tags {
        registry.put_manifest("a", tag, MANIFEST, "{}");
    }
    registry
}

/// The pages from this one on, each as its tags.
fn pages(registry: &Registry, target: &str) -> Vec<Value> {
    let mut pages = Vec::new();
    let mut next = Some(target.to_owned());
    while let Some(target) = next.take().filter(|_| pages.len() < 10) {
        let reply = ask(registry, "GET", &target);
        pages.push(reply.json()["tags"].clone());
        next = follow(&reply);
    }
    pages
}

fn follow(reply: &Reply) -> Option<String> {
    let link = reply.header("Link")?;
    Some(link.strip_prefix('<')?.strip_suffix(">; rel=\"next\"")?.to_owned())
}

#[test]
fn tags_are_listed_in_order() {
    let registry = tagged(&["b", "a", "C"]);
    let reply = ask(&registry, "GET", "/v2/a/tags/list");
    assert_eq!(reply.json(), json!({"name": "a", "tags": ["C", "a", "b"]}));
    assert_eq!(reply.header("Link"), None);
    let reply = ask(&registry, "GET", "/v2/b/tags/list");
    assert_eq!((reply.status(), reply.code()), (404, "NAME_UNKNOWN".into()));
    assert_eq!(status(&registry, "POST", "/v2/a/tags/list"), 405);
}

#[test]
fn tags_come_in_pages() {
    let registry = tagged(&["a", "b", "c", "d", "e"]);
    let all = [json!(["a", "b"]), json!(["c", "d"]), json!(["e"])];
    assert_eq!(pages(&registry, "/v2/a/tags/list?n=2"), all);
    assert_eq!(pages(&registry, "/v2/a/tags/list?n=5"), [json!(["a", "b", "c", "d", "e"])]);
    assert_eq!(pages(&registry, "/v2/a/tags/list?n=0"), [json!([])]);
    assert_eq!(pages(&registry, "/v2/a/tags/list?last=c"), [json!(["d", "e"])]);
    assert_eq!(pages(&registry, "/v2/a/tags/list?n=1&last=d"), [json!(["e"])]);
    assert_eq!(pages(&registry, "/v2/a/tags/list?last=z"), [json!([])]);
}

#[test]
fn pages_may_be_shorter_than_asked() {
    let registry = Registry::options().page(2).start().unwrap();
    for tag in ["a", "b", "c"] {
        registry.put_manifest("a", tag, MANIFEST, "{}");
    }
    for target in ["/v2/a/tags/list", "/v2/a/tags/list?n=100"] {
        assert_eq!(pages(&registry, target), [json!(["a", "b"]), json!(["c"])], "{target}");
    }
}

#[test]
fn pages_may_never_end() {
    let registry = tagged(&["a", "b"]);
    registry.fault(On::tags().first(20), Fault::PageLoop);
    let looped = pages(&registry, "/v2/a/tags/list?n=1");
    assert_eq!(looped, vec![json!(["a"]); 10]);
    registry.clear_faults();
    registry.fault(On::tags(), Fault::PageEndless);
    let endless = pages(&registry, "/v2/a/tags/list");
    assert_eq!(endless.len(), 10);
    assert_eq!(endless[9], json!(["endless-000000000010"]));
}

/// Two referrers of one subject, of different kinds; the subject's digest.
fn referred(registry: &Registry) -> String {
    let subject = sha256(b"not there, which is no error");
    for (kind, tag) in [("sbom/x", "s1"), ("signature/y+json", "s2")] {
        let mut referrer = image(registry, "a", kind);
        referrer["subject"] = json!({"mediaType": MANIFEST, "digest": subject, "size": 3});
        referrer["annotations"] = json!({"of": kind});
        if tag == "s1" {
            referrer["artifactType"] = json!(kind);
        } else {
            referrer["config"]["mediaType"] = json!(kind);
        }
        let headers = [("Content-Type", MANIFEST)];
        let body = referrer.to_string();
        let target = format!("/v2/a/manifests/{}", digest_of(&referrer));
        let reply = send(registry, "PUT", &target, &headers, body.as_bytes());
        assert_eq!(reply.status(), 201, "{}", String::from_utf8_lossy(reply.body()));
        assert_eq!(reply.header("OCI-Subject"), Some(subject.clone()));
    }
    subject
}

#[test]
fn referrers_are_listed_and_filtered() {
    let registry = Registry::start().unwrap();
    let subject = referred(&registry);
    let target = format!("/v2/a/referrers/{subject}");
    let reply = ask(&registry, "GET", &target);
    assert_eq!(reply.header("Content-Type").as_deref(), Some(INDEX));
    assert_eq!(reply.header("OCI-Filters-Applied"), None);
    let mut kinds: Vec<_> = reply.json()["manifests"].as_array().unwrap().clone();
    assert!(kinds.iter().all(|one| one["annotations"]["of"] == one["artifactType"] && one["size"].is_u64()));
    kinds.sort_by_key(|one| one["artifactType"].to_string());
    assert_eq!((&kinds[0]["artifactType"], kinds.len()), (&json!("sbom/x"), 2));

    let reply = ask(&registry, "GET", &format!("{target}?artifactType=signature/y%2Bjson"));
    assert_eq!(reply.header("OCI-Filters-Applied").as_deref(), Some("artifactType"));
    assert_eq!(reply.json()["manifests"].as_array().unwrap().len(), 1);
    assert_eq!(reply.json()["manifests"][0]["artifactType"], "signature/y+json");
    let reply = ask(&registry, "GET", &format!("{target}?artifactType=other"));
    assert_eq!(reply.json()["manifests"], json!([]));
}

#[test]
fn who_is_not_referred_to_has_an_empty_list() {
    let registry = Registry::start().unwrap();
    for repository in ["a", "unknown"] {
        let reply = ask(&registry, "GET", &format!("/v2/{repository}/referrers/{}", sha256(b"x")));
        assert_eq!((reply.status(), &reply.json()["manifests"]), (200, &json!([])));
    }
    let reply = ask(&registry, "GET", "/v2/a/referrers/v1");
    assert_eq!((reply.status(), reply.code()), (400, "DIGEST_INVALID".into()));
}

#[test]
fn referrers_come_in_pages() {
    let registry = Registry::options().page(1).start().unwrap();
    let subject = referred(&registry);
    let first = ask(&registry, "GET", &format!("/v2/a/referrers/{subject}"));
    let second = ask(&registry, "GET", &follow(&first).unwrap());
    let digest = |reply: &Reply| reply.json()["manifests"][0]["digest"].clone();
    assert_ne!(digest(&first), digest(&second));
    assert_eq!(follow(&second), None);
    registry.fault(On::referrers(), Fault::PageEndless);
    let endless = ask(&registry, "GET", &format!("/v2/a/referrers/{subject}"));
    assert_eq!(endless.json()["manifests"][0]["artifactType"], "made/up");
    assert!(follow(&endless).is_some());
}

#[test]
fn a_registry_of_old_knows_no_referrers() {
    let registry = Registry::options().without_referrers().start().unwrap();
    let mut referrer = image(&registry, "a", "x");
    let subject = sha256(b"x");
    referrer["subject"] = json!({"mediaType": MANIFEST, "digest": subject, "size": 1});
    let body = referrer.to_string();
    let reply = send(&registry, "PUT", "/v2/a/manifests/v1", &[("Content-Type", MANIFEST)], body.as_bytes());
    assert_eq!((reply.status(), reply.header("OCI-Subject")), (201, None));
    assert_eq!(status(&registry, "GET", &format!("/v2/a/referrers/{subject}")), 404);
}
