use std::collections::HashMap;

use bytes::Bytes;
use hostile::{MODULE, OTHER, Outcome};
use serde_json::{Value, json};
use wasm_oci::{
    Artifact, Error, Result,
    oci_spec::image::{Descriptor, Digest, MediaType},
    sha256,
};

use super::case::{Case, Read};
use crate::made::{IMAGE_CONFIG, MANIFEST};

pub(super) fn cases() -> Vec<Case> {
    let case = |case: hostile::Case| {
        let hostile::Case { name, rule, layers, read, unpack } = case;
        let prepare = move || {
            let mut blobs = Blobs::default();
            let manifest = blobs.image(&layers);
            blobs.program(manifest)
        };
        Case { unpack: Some(unpack), ..Case::new(name, rule, read, prepare) }
    };
    hostile::cases().into_iter().map(case).collect()
}

/// Blobs by their digest.
#[derive(Debug, Default, Clone)]
pub(super) struct Blobs(HashMap<String, Bytes>);

impl Blobs {
    /// Keeps a blob and returns its descriptor.
    pub(super) fn keep(&mut self, media_type: &str, bytes: impl Into<Vec<u8>>) -> Value {
        let bytes = bytes.into();
        let digest = sha256(&bytes).to_string();
        let descriptor = json!({"mediaType": media_type, "digest": digest, "size": bytes.len()});
        self.0.insert(digest, bytes.into());
        descriptor
    }

    /// Changes a bit of a blob, which stays under its digest.
    pub(super) fn flip(&mut self, digest: &str) {
        let mut bytes = self.0[digest].to_vec();
        bytes[20] ^= 1;
        self.0.insert(digest.to_owned(), bytes.into());
    }

    /// Keeps an image of these layers that runs `/app.wasm`.
    pub(super) fn image(&mut self, layers: &[hostile::Layer]) -> Value {
        let diff_ids: Vec<_> = layers.iter().map(|_| sha256(b"").to_string()).collect();
        let config = json!({
            "architecture": "wasm", "os": "wasi", "config": {"Entrypoint": ["/app.wasm"]},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        });
        let config = self.keep(IMAGE_CONFIG, config.to_string());
        let layers: Vec<_> =
            layers.iter().map(|layer| self.keep(layer.media_type, layer.blob.clone())).collect();
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers});
        self.keep(MANIFEST, manifest.to_string())
    }

    /// Reads the image that a descriptor describes, and its program.
    pub(super) fn program(self, descriptor: Value) -> Read {
        Box::new(move || {
            let image = self.artifact(&descriptor)?;
            told(&image.wasm()?)
        })
    }

    /// Reads the image that a descriptor describes.
    pub(super) fn artifact(&self, descriptor: &Value) -> Result<Artifact> {
        let text = |name: &str| descriptor[name].as_str().unwrap_or_default().to_owned();
        let digest = text("digest").parse::<Digest>().unwrap();
        let size = descriptor["size"].as_u64().unwrap();
        let descriptor = Descriptor::new(MediaType::from(text("mediaType").as_str()), size, digest);
        Artifact::resolve(&descriptor, None, |wanted| match self.0.get(wanted.digest().as_ref()) {
            Some(blob) => Ok(blob.clone()),
            None => Err(missing(wanted)),
        })
    }
}

fn missing(wanted: &Descriptor) -> Error {
    Error::Io {
        action: "read",
        path: wanted.digest().digest().into(),
        source: std::io::ErrorKind::NotFound.into(),
    }
}

/// Which program it is.
pub(super) fn told(wasm: &[u8]) -> Result<Outcome> {
    match wasm {
        MODULE => Ok(Outcome::Fine),
        OTHER => Ok(Outcome::Other),
        _ => panic!("a program of {} bytes", wasm.len()),
    }
}
