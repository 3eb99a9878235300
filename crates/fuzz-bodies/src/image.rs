//! Images from blobs.

use std::collections::HashMap;

use serde_json::{Value, json};
use wasm_oci::{
    Artifact, Error, Result,
    oci_spec::image::{Descriptor, MediaType},
    sha256,
};

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// Blobs by their digest.
#[derive(Debug, Default)]
pub(crate) struct Blobs(HashMap<String, Vec<u8>>);

impl Blobs {
    /// Keeps a blob and returns its digest and size.
    pub(crate) fn keep(&mut self, bytes: &[u8]) -> (String, usize) {
        let digest = sha256(bytes).to_string();
        self.0.insert(digest.clone(), bytes.to_vec());
        (digest, bytes.len())
    }

    /// Keeps a blob and returns its descriptor.
    pub(crate) fn describe(&mut self, media_type: &str, bytes: &[u8]) -> Value {
        let (digest, size) = self.keep(bytes);
        json!({"mediaType": media_type, "digest": digest, "size": size})
    }

    /// Reads the image of a manifest or index; every blob that is asked for must be within its limit.
    pub(crate) fn read(&self, media_type: &str, document: &[u8]) -> Result<Artifact> {
        let descriptor =
            Descriptor::new(MediaType::from(media_type), document.len() as u64, sha256(document));
        Artifact::resolve(&descriptor, None, |wanted| {
            assert!(wanted.size() <= Artifact::LAYER_LIMIT);
            let path = wanted.digest().to_string();
            let source = std::io::ErrorKind::NotFound.into();
            let blob = self.0.get(&path).cloned();
            blob.map(Into::into).ok_or(Error::Io { action: "read", path: path.into(), source })
        })
    }
}
