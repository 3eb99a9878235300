//! What comes in pages: tags and referrers.

use serde_json::{Value, json};

use super::manifests::describe;
use crate::digest::Digest;
use crate::fault::{Endlessness, Faults};
use crate::http::{Answer, Request, encode};
use crate::refusal::{digest_invalid, name_unknown, unsupported};
use crate::registry::Shared;
use crate::route::Route;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

impl Shared {
    /// `/v2/NAME/tags/list`
    pub(super) fn tags(&self, request: &Request, route: &Route, faults: &Faults) -> Answer {
        if !matches!(request.method.as_str(), "GET" | "HEAD") {
            return unsupported();
        }
        let tags: Vec<String> = match self.store().repositories.get(&route.repository) {
            Some(own) => own.tags.keys().cloned().collect(),
            None => return name_unknown(&route.repository),
        };
        let listed: Vec<_> = tags.into_iter().map(|tag| (tag.clone(), json!(tag))).collect();
        let page = self.page_of(request, faults, listed, |name| json!(name));
        page.link(Answer::new(200).json(&json!({"name": route.repository, "tags": page.entries})))
    }

    /// `/v2/NAME/referrers/DIGEST`
    pub(super) fn referrers(&self, request: &Request, route: &Route, faults: &Faults) -> Answer {
        if !self.options.referrers {
            return Answer::new(404).body("text/plain", "404 page not found\n");
        }
        if !matches!(request.method.as_str(), "GET" | "HEAD") {
            return unsupported();
        }
        let Some(subject) = Digest::parse(&route.last) else { return digest_invalid(&route.last) };
        let wanted = request.parameter("artifactType").filter(|wanted| !wanted.is_empty());
        let store = self.store();
        let all = store.repositories.get(&route.repository).into_iter().flat_map(|own| &own.manifests);
        let listed: Vec<_> = all
            .filter(|(_, manifest)| manifest.subject().as_ref() == Some(&subject))
            .filter(|(_, manifest)| wanted.is_none() || manifest.artifact_type() == wanted.as_deref())
            .map(|(digest, manifest)| (digest.to_string(), describe(digest, manifest)))
            .collect();
        drop(store);
        let page = self.page_of(request, faults, listed, made_up);
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": page.entries});
        let mut answer = page.link(Answer::new(200).body(INDEX, index.to_string()));
        if wanted.is_some() {
            answer.set("OCI-Filters-Applied", "artifactType");
        }
        answer
    }

    /// The page that the request asks for, of entries in order.
    fn page_of(
        &self,
        request: &Request,
        faults: &Faults,
        listed: Vec<(String, Value)>,
        made_up: impl Fn(&str) -> Value,
    ) -> Page {
        let path = request.target.split('?').next().unwrap_or_default();
        let asked = request.parameter("n").and_then(|n| n.parse::<usize>().ok());
        let n = asked.map_or(self.options.page, |n| n.min(self.options.page));
        let last = request.parameter("last").unwrap_or_default();
        match faults.endlessness() {
            Some(Endlessness::Loop) => {
                let entries = listed.into_iter().take(n).map(|(_, entry)| entry).collect();
                return Page { entries, next: Some(request.target.clone()) };
            }
            Some(Endlessness::More) => {
                let number =
                    last.strip_prefix("endless-").and_then(|last| last.parse().ok()).unwrap_or(0u64) + 1;
                let entry = format!("endless-{number:012}");
                return Page {
                    next: Some(format!("{path}?n={n}&last={entry}")),
                    entries: vec![made_up(&entry)],
                };
            }
            None => {}
        }
        let after: Vec<_> = listed.into_iter().filter(|(name, _)| *name > last).collect();
        let filter = request.parameter("artifactType").map(|kind| format!("&artifactType={}", encode(&kind)));
        let shown = after.get(n.wrapping_sub(1)).filter(|_| after.len() > n);
        let next = shown.map(|(name, _)| {
            format!("{path}?n={n}&last={}{}", encode(name), filter.as_deref().unwrap_or_default())
        });
        Page { entries: after.into_iter().take(n).map(|(_, entry)| entry).collect(), next }
    }
}

/// The descriptor of a referrer that nobody pushed.
fn made_up(name: &str) -> Value {
    let digest = Digest::sha256(name.as_bytes());
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    json!({"mediaType": media_type, "digest": digest.as_str(), "size": name.len(), "artifactType": "made/up"})
}

/// A page, and where the next one is.
struct Page {
    entries: Vec<Value>,
    next: Option<String>,
}

impl Page {
    /// The answer with its `Link`.
    fn link(&self, answer: Answer) -> Answer {
        match &self.next {
            Some(next) => answer.header("Link", format!("<{next}>; rel=\"next\"")),
            None => answer,
        }
    }
}
