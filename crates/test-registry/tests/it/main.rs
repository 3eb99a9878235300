//! Integration tests of `test-registry`: the API, what goes wrong on demand, and what real clients make of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod auth;
mod blobs;
mod bodies;
mod client;
mod connection;
mod life;
mod lists;
mod manifests;
mod peers;
mod replies;
mod tls;
mod uploads;
mod wrong_uploads;

use serde_json::{Value, json};
use test_registry::{Registry, sha256};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// An image of one layer, the blobs of which are put there.
fn image(registry: &Registry, repository: &str, layer: &str) -> Value {
    let config = registry.put_blob(repository, "{}");
    let digest = registry.put_blob(repository, layer.to_owned());
    json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": config, "size": 2},
        "layers": [{"mediaType": "application/wasm", "digest": digest, "size": layer.len()}],
    })
}

/// The digest under which a document is kept.
fn digest_of(document: &Value) -> String {
    sha256(document.to_string().as_bytes())
}

#[test]
fn no_file_is_forgotten() {
    lab::assert_all_listed(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it"), include_str!("main.rs"));
}
