//! The routes of the specification.

mod blobs;
mod list;
mod manifests;
mod range;
mod uploads;

use serde_json::json;

use crate::digest::Digest;
use crate::fault::{Faults, Kind};
use crate::http::{Answer, Request};
use crate::refusal::{refusal, unsupported};
use crate::registry::Shared;
use crate::route::{Route, is_name};

/// Largest manifest, as the specification expects it.
pub(crate) const MAX_MANIFEST: u64 = 4 << 20;

impl Shared {
    /// The right answer.
    pub(crate) fn handle(&self, request: &Request, route: &Route, faults: &Faults) -> Answer {
        let named = !matches!(route.kind, Kind::Base | Kind::Token | Kind::Other);
        if named && !is_name(&route.repository) {
            return refusal(400, "NAME_INVALID", json!({"name": route.repository}));
        }
        if named && self.options.read_only && !matches!(request.method.as_str(), "GET" | "HEAD") {
            return unsupported();
        }
        let answer = match route.kind {
            Kind::Base => base(request),
            Kind::Token => self.token(request, faults),
            Kind::Blob => self.blob(request, route, faults),
            Kind::Uploads | Kind::Mount => self.begin_upload(request, route, faults),
            Kind::Upload => self.upload(request, route, faults),
            Kind::Manifest => self.manifest(request, route, faults),
            Kind::Tags => self.tags(request, route, faults),
            Kind::Referrers => self.referrers(request, route, faults),
            Kind::Other => Answer::new(404).body("text/plain", "404 page not found\n"),
        };
        answer.header("Docker-Distribution-Api-Version", "registry/2.0")
    }

    /// A `Location` as this registry writes it.
    fn location(&self, path: &str) -> String {
        if self.options.absolute_locations { format!("{}{path}", self.url()) } else { path.to_owned() }
    }

    /// 201, and where it is.
    fn created(&self, route: &Route, noun: &str, last: &str, digest: &Digest) -> Answer {
        Answer::new(201)
            .header("Location", self.location(&format!("/v2/{}/{noun}/{last}", route.repository)))
            .header("Docker-Content-Digest", digest.as_str())
    }
}

/// `/v2/`
fn base(request: &Request) -> Answer {
    match request.method.as_str() {
        "GET" | "HEAD" => Answer::new(200).json(&json!({})),
        _ => unsupported(),
    }
}
