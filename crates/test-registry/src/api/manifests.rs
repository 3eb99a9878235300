//! Manifests and tags.

use serde_json::{Value, json};

use super::MAX_MANIFEST;
use crate::digest::Digest;
use crate::fault::Faults;
use crate::http::{Answer, Request};
use crate::refusal::{digest_invalid, manifest_invalid, manifest_unknown, refusal, unsupported};
use crate::registry::Shared;
use crate::route::{Route, is_tag};
use crate::store::{Manifest, Repository};

impl Shared {
    pub(super) fn manifest(&self, request: &Request, route: &Route, faults: &Faults) -> Answer {
        match request.method.as_str() {
            "GET" | "HEAD" => self.read_manifest(request, route, faults),
            "PUT" => self.put_manifest(request, route),
            "DELETE" if !self.options.deletion => unsupported(),
            "DELETE" => self.delete_manifest(route),
            _ => unsupported(),
        }
    }

    fn read_manifest(&self, request: &Request, route: &Route, faults: &Faults) -> Answer {
        let store = self.store();
        let found = store.repositories.get(&route.repository).and_then(|own| {
            let digest = own.resolve(&route.last)?;
            own.manifests.get(&digest).cloned().map(|manifest| (digest, manifest))
        });
        drop(store);
        let Some((digest, manifest)) = found else { return manifest_unknown(&route.last) };
        let accepted = request.list("Accept");
        let any = |name: &String| name == "*/*" || name == "application/*" || *name == manifest.media_type;
        if !accepted.is_empty() && !accepted.iter().any(any) {
            let detail = json!({"reference": route.last, "mediaType": manifest.media_type});
            return refusal(404, "MANIFEST_UNKNOWN", detail);
        }
        let bytes = faults.content().unwrap_or(manifest.bytes);
        Answer::new(200)
            .header("Docker-Content-Digest", digest.as_str())
            .header("ETag", format!("\"{digest}\""))
            .body(&manifest.media_type, bytes)
    }

    fn put_manifest(&self, request: &Request, route: &Route) -> Answer {
        if request.body_length > MAX_MANIFEST {
            return refusal(413, "MANIFEST_INVALID", json!({"limit": MAX_MANIFEST}));
        }
        let by_digest = Digest::parse(&route.last);
        if by_digest.as_ref().is_some_and(|digest| !digest.is_of(&request.body)) {
            return digest_invalid(&route.last);
        }
        if by_digest.is_none() && !is_tag(&route.last) {
            return refusal(400, "TAG_INVALID", json!({"tag": route.last}));
        }
        let media_type = request.header("Content-Type").unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim();
        if media_type.is_empty() {
            return manifest_invalid("no Content-Type");
        }
        let manifest = Manifest::new(media_type, request.body.clone());
        if let Some(why) = manifest.fault() {
            return manifest_invalid(why);
        }
        if !self.options.artifacts && manifest.is_artifact() {
            return manifest_invalid("this registry knows images only: unknown config media type");
        }
        self.keep_manifest(route, manifest, by_digest)
    }

    /// Keeps the manifest, when everything that it needs is there.
    fn keep_manifest(&self, route: &Route, manifest: Manifest, by_digest: Option<Digest>) -> Answer {
        let mut store = self.store();
        if !store.has_room(manifest.bytes.len()) {
            return refusal(413, "SIZE_INVALID", json!("the registry is full"));
        }
        let missing = store.repositories.get(&route.repository).map_or_else(
            || manifest.children().first().map(|first| (*first).to_owned()),
            |own| missing(own, &manifest),
        );
        if let Some(digest) = missing {
            return refusal(400, "MANIFEST_BLOB_UNKNOWN", json!({"digest": digest}));
        }
        let subject = manifest.subject().filter(|_| self.options.referrers);
        let own = store.repository(&route.repository);
        let digest = by_digest.unwrap_or_else(|| {
            let digest = Digest::sha256(&manifest.bytes);
            own.tags.insert(route.last.clone(), digest.clone());
            digest
        });
        own.manifests.insert(digest.clone(), manifest);
        let answer = self.created(route, "manifests", digest.as_str(), &digest);
        match subject {
            Some(subject) => answer.header("OCI-Subject", subject.as_str()),
            None => answer,
        }
    }

    /// Removes a tag, or a manifest with its tags.
    fn delete_manifest(&self, route: &Route) -> Answer {
        let mut store = self.store();
        let Some(own) = store.repositories.get_mut(&route.repository) else {
            return manifest_unknown(&route.last);
        };
        if own.tags.remove(&route.last).is_some() {
            return Answer::new(202);
        }
        let removed = Digest::parse(&route.last).filter(|digest| own.manifests.remove(digest).is_some());
        let Some(digest) = removed else { return manifest_unknown(&route.last) };
        own.tags.retain(|_, tagged| *tagged != digest);
        Answer::new(202)
    }
}

/// The first thing the manifest needs that the repository has not.
fn missing(own: &Repository, manifest: &Manifest) -> Option<String> {
    let is_there = |digest: &Digest| match manifest.is_index() {
        true => own.manifests.contains_key(digest),
        false => own.blobs.contains_key(digest),
    };
    let mut children = manifest.children().into_iter();
    children.find(|child| !Digest::parse(child).is_some_and(|digest| is_there(&digest))).map(str::to_owned)
}

/// The descriptor of a referrer.
pub(super) fn describe(digest: &Digest, manifest: &Manifest) -> Value {
    let mut descriptor = json!({
        "mediaType": manifest.media_type, "digest": digest.as_str(), "size": manifest.bytes.len(),
    });
    if let Some(artifact_type) = manifest.artifact_type() {
        descriptor["artifactType"] = json!(artifact_type);
    }
    if let Some(annotations) = manifest.annotations() {
        descriptor["annotations"] = annotations.clone();
    }
    descriptor
}
