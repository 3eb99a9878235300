//! Artifacts as others make them, from their parts.

use serde_json::{Value, json};
use wasm_oci::{
    Artifact, Result,
    oci_spec::image::{Descriptor, Digest, MediaType},
    sha256,
};

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// Blobs, and documents that name them.
#[derive(Debug, Default)]
pub(crate) struct Made {
    blobs: Vec<Vec<u8>>,
}

impl Made {
    /// Keeps a blob and returns its descriptor.
    pub(crate) fn blob(&mut self, media_type: &str, bytes: impl Into<Vec<u8>>) -> Value {
        let bytes = bytes.into();
        let descriptor =
            json!({"mediaType": media_type, "digest": sha256(&bytes).to_string(), "size": bytes.len()});
        self.blobs.push(bytes);
        descriptor
    }

    /// Keeps a manifest of a config and layers, each of a media type and content, and returns its descriptor.
    pub(crate) fn manifest(&mut self, config: (&str, &str), layers: &[(&str, &[u8])]) -> Value {
        let config = self.blob(config.0, config.1);
        let layers: Vec<_> = layers.iter().map(|(media_type, bytes)| self.blob(media_type, *bytes)).collect();
        let document = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers});
        self.blob(MANIFEST, document.to_string())
    }

    /// Keeps an index and returns its descriptor.
    pub(crate) fn index(&mut self, entries: &[Value]) -> Value {
        let document = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
        self.blob(INDEX, document.to_string())
    }

    /// Reads what a descriptor describes.
    pub(crate) fn read(&self, descriptor: &Value, platform: Option<&str>) -> Result<Artifact> {
        let platform = platform.map(|platform| platform.parse().unwrap());
        Artifact::resolve(&of(descriptor), platform.as_ref(), |wanted| {
            let found = self.blobs.iter().find(|blob| sha256(blob) == *wanted.digest());
            Ok(found.unwrap().clone().into())
        })
    }
}

fn of(descriptor: &Value) -> Descriptor {
    let text = |name: &str| descriptor[name].as_str().unwrap().to_owned();
    let digest = text("digest").parse::<Digest>().unwrap();
    Descriptor::new(MediaType::from(text("mediaType").as_str()), descriptor["size"].as_u64().unwrap(), digest)
}

/// Reads the artifact of a config and layers.
pub(crate) fn artifact(config: (&str, &str), layers: &[(&str, &[u8])]) -> Result<Artifact> {
    let mut made = Made::default();
    let manifest = made.manifest(config, layers);
    made.read(&manifest, None)
}
