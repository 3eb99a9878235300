//! Uploads: in one piece, in chunks, streamed, or not at all because another repository has it.

use bytes::Bytes;
use serde_json::{Value, json};

use super::range::chunk;
use crate::digest::Digest;
use crate::fault::Faults;
use crate::http::{Answer, Request};
use crate::refusal::{digest_invalid, refusal, unsupported, upload_unknown};
use crate::registry::Shared;
use crate::route::Route;
use crate::store::Store;

impl Shared {
    /// `/v2/NAME/blobs/uploads/`
    pub(super) fn begin_upload(&self, request: &Request, route: &Route, faults: &Faults) -> Answer {
        if request.method != "POST" {
            return unsupported();
        }
        if let Some(digest) = request.parameter("digest") {
            return self.commit(route, &digest, request.body.clone());
        }
        let mounted = request.parameter("mount").filter(|_| self.options.mount && !faults.ignores_mount());
        if let Some(answer) = mounted.and_then(|digest| self.mount(request, route, &digest)) {
            return answer;
        }
        let Some(session) = self.store().open(&route.repository) else {
            return refusal(429, "TOOMANYREQUESTS", json!("too many uploads are open"));
        };
        let answer = self.progress(202, route, &session, 0);
        match self.options.chunk_min {
            Some(bytes) => answer.header("OCI-Chunk-Min-Length", bytes.to_string()),
            None => answer,
        }
    }

    /// `/v2/NAME/blobs/uploads/SESSION`
    pub(super) fn upload(&self, request: &Request, route: &Route, faults: &Faults) -> Answer {
        let mut store = self.store();
        if faults.loses_upload() {
            store.uploads.remove(&route.last);
        }
        let Some(upload) = store.upload(&route.repository, &route.last) else {
            return upload_unknown(&route.last);
        };
        let held = upload.bytes.len() as u64;
        match request.method.as_str() {
            "GET" | "HEAD" => self.progress(204, route, &route.last, held),
            "DELETE" => {
                store.uploads.remove(&route.last);
                Answer::new(204)
            }
            "PATCH" | "PUT" if faults.refuses_chunk() || !fits(request, held) => {
                self.progress(416, route, &route.last, held)
            }
            "PATCH" => self.append(&mut store, request, route, faults),
            "PUT" => {
                let Some(digest) = request.parameter("digest") else { return digest_invalid("") };
                let upload = store.uploads.remove(&route.last);
                drop(store);
                let mut bytes = upload.map(|upload| upload.bytes).unwrap_or_default();
                if bytes.is_empty() {
                    return self.commit(route, &digest, request.body.clone());
                }
                bytes.extend_from_slice(&request.body);
                self.commit(route, &digest, bytes.into())
            }
            _ => unsupported(),
        }
    }

    /// A chunk.
    fn append(&self, store: &mut Store, request: &Request, route: &Route, faults: &Faults) -> Answer {
        let has_room = store.has_room(request.body.len());
        let Some(upload) = store.upload(&route.repository, &route.last) else {
            return upload_unknown(&route.last);
        };
        let whole = (upload.bytes.len() + request.body.len()) as u64;
        if !has_room || whole > self.options.max_blob {
            return refusal(413, "SIZE_INVALID", json!("the registry is full"));
        }
        if upload.closed {
            return refusal(
                400,
                "BLOB_UPLOAD_INVALID",
                json!("the chunk before was below OCI-Chunk-Min-Length"),
            );
        }
        let ranged = request.header("Content-Range").is_some();
        upload.closed = ranged && self.options.chunk_min.is_some_and(|min| request.body_length < min);
        let kept = faults.keeps(request.body.len());
        upload.bytes.extend_from_slice(&request.body[..kept]);
        let held = upload.bytes.len() as u64;
        self.progress(202, route, &route.last, held)
    }

    /// What came of a chunk before the connection broke: registries keep it.
    pub(crate) fn keep_broken_chunk(&self, request: &Request, route: &Route) {
        let mut store = self.store();
        let has_room = store.has_room(request.body.len());
        let Some(upload) = store.upload(&route.repository, &route.last).filter(|_| has_room) else { return };
        let start = request.header("Content-Range").map(|text| chunk(text).map(|(start, _)| start));
        let held = upload.bytes.len() as u64;
        if request.method == "PATCH" && start.is_none_or(|start| start == Some(held)) {
            upload.bytes.extend_from_slice(&request.body);
        }
    }

    /// Keeps the blob, when it is what its digest says.
    fn commit(&self, route: &Route, digest: &str, blob: Bytes) -> Answer {
        let Some(digest) = Digest::parse(digest).filter(|digest| digest.is_of(&blob)) else {
            return digest_invalid(digest);
        };
        let mut store = self.store();
        if !store.has_room(blob.len()) || blob.len() as u64 > self.options.max_blob {
            return refusal(413, "SIZE_INVALID", json!("the registry is full"));
        }
        store.repository(&route.repository).blobs.insert(digest.clone(), blob);
        self.created(route, "blobs", digest.as_str(), &digest)
    }

    /// The blob of the other repository, when it is there and the client may read it.
    fn mount(&self, request: &Request, route: &Route, digest: &str) -> Option<Answer> {
        let (digest, from) = (Digest::parse(digest)?, request.parameter("from")?);
        if !self.may_pull(request, &from) {
            return None;
        }
        let mut store = self.store();
        let blob = store.repositories.get(&from)?.blobs.get(&digest)?.clone();
        store.repository(&route.repository).blobs.insert(digest.clone(), blob);
        Some(self.created(route, "blobs", digest.as_str(), &digest))
    }

    /// How far an upload is.
    fn progress(&self, status: u16, route: &Route, session: &str, held: u64) -> Answer {
        let path = format!("/v2/{}/blobs/uploads/{session}", route.repository);
        let answer = match status {
            416 => refusal(416, "BLOB_UPLOAD_INVALID", Value::Null),
            status => Answer::new(status),
        };
        answer
            .header("Location", self.location(&path))
            .header("Range", format!("0-{}", held.saturating_sub(1)))
            .header("Docker-Upload-UUID", session)
    }
}

/// Whether the chunk goes on where the upload stands; one without `Content-Range` does.
fn fits(request: &Request, held: u64) -> bool {
    match request.header("Content-Range") {
        None => true,
        Some(text) => chunk(text).is_some_and(|(start, end)| {
            start == held && (end - start).saturating_add(1) == request.body_length
        }),
    }
}
