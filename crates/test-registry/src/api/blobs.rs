//! Blobs.

use bytes::Bytes;

use super::range::Asked;
use crate::digest::Digest;
use crate::fault::Faults;
use crate::http::{Answer, Request};
use crate::refusal::{blob_unknown, digest_invalid, unsupported};
use crate::registry::Shared;
use crate::route::Route;

impl Shared {
    pub(super) fn blob(&self, request: &Request, route: &Route, faults: &Faults) -> Answer {
        let Some(digest) = Digest::parse(&route.last) else { return digest_invalid(&route.last) };
        match request.method.as_str() {
            "GET" | "HEAD" => {
                let store = self.store();
                let stored = store.repositories.get(&route.repository).and_then(|own| own.blobs.get(&digest));
                let Some(stored) = stored.cloned() else { return blob_unknown(&route.last) };
                drop(store);
                serve(request, &digest, faults.content().unwrap_or(stored), faults)
            }
            "DELETE" if !self.options.deletion => unsupported(),
            "DELETE" => {
                let mut store = self.store();
                let own = store.repositories.get_mut(&route.repository);
                match own.and_then(|own| own.blobs.remove(&digest)) {
                    Some(_) => Answer::new(202),
                    None => blob_unknown(&route.last),
                }
            }
            _ => unsupported(),
        }
    }
}

/// The blob, or the part that is asked for.
fn serve(request: &Request, digest: &Digest, blob: Bytes, faults: &Faults) -> Answer {
    let length = blob.len() as u64;
    let tag = format!("\"{digest}\"");
    let answer = |status| {
        Answer::new(status)
            .header("Docker-Content-Digest", digest.as_str())
            .header("Accept-Ranges", "bytes")
            .header("ETag", tag.clone())
    };
    let whole = |blob| answer(200).body("application/octet-stream", blob);
    let same = request.header("If-Range").is_none_or(|known| known == tag);
    let asked = request.header("Range").filter(|_| request.method == "GET" && same);
    if faults.ignores_range() {
        return whole(blob);
    }
    match Asked::of(asked, length) {
        Asked::All => whole(blob),
        Asked::Nothing => not_satisfiable(length),
        Asked::Part(_) if faults.refuses_range() => not_satisfiable(length),
        Asked::Part(asked) => {
            let (served, said) = faults.shift(asked, length);
            let cut = |(start, end): (u64, u64)| blob.slice(start as usize..end as usize + 1);
            answer(206)
                .header("Content-Range", format!("bytes {}-{}/{length}", said.0, said.1))
                .body("application/octet-stream", cut(served))
        }
    }
}

fn not_satisfiable(length: u64) -> Answer {
    Answer::new(416).header("Content-Range", format!("bytes */{length}"))
}
