//! Manifests, and what the registry reads in them.

use bytes::Bytes;
use serde_json::Value;

use crate::digest::Digest;

/// Media types of images' configurations: what a registry that refuses artifacts knows.
const IMAGE_CONFIGS: [&str; 2] =
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];

/// A manifest or an index.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    pub(crate) media_type: String,
    pub(crate) bytes: Bytes,
    /// `null` when it is no JSON, which only the tests can put there.
    document: Value,
}

impl Manifest {
    pub(crate) fn new(media_type: &str, bytes: Bytes) -> Self {
        let document = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Self { media_type: media_type.to_owned(), bytes, document }
    }

    /// What is wrong with it, for one who pushes it.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let document = &self.document;
        let media_type = document.get("mediaType");
        if !document.is_object() {
            Some("no JSON object")
        } else if document.get("schemaVersion").and_then(Value::as_u64) != Some(2) {
            Some("schemaVersion is not 2")
        } else if media_type.is_some_and(|media_type| media_type != self.media_type.as_str()) {
            Some("mediaType is not the Content-Type")
        } else if self.is_index() == document.get("config").is_some() {
            Some("an image has a config, an index has none")
        } else if self.children().iter().any(|child| Digest::parse(child).is_none()) {
            Some("a descriptor without digest")
        } else if document.get("subject").is_some() && self.subject().is_none() {
            Some("subject without digest")
        } else {
            None
        }
    }

    /// Whether it is a list of manifests.
    pub(crate) fn is_index(&self) -> bool {
        self.document.get("manifests").is_some_and(Value::is_array)
    }

    /// Digests of what it needs: manifests of an index, config and layers of an image; no foreign layers.
    pub(crate) fn children(&self) -> Vec<&str> {
        let list = |name| self.document.get(name).and_then(Value::as_array).into_iter().flatten();
        let own =
            |descriptor: &&Value| descriptor.get("urls").is_none_or(|urls| urls == &Value::Array(Vec::new()));
        let all = self.document.get("config").into_iter().chain(list("layers")).chain(list("manifests"));
        all.filter(own).map(|descriptor| descriptor["digest"].as_str().unwrap_or_default()).collect()
    }

    /// What it refers to.
    pub(crate) fn subject(&self) -> Option<Digest> {
        Digest::parse(self.document.get("subject")?.get("digest")?.as_str()?)
    }

    /// What kind of artifact it is, as the referrers API says it.
    pub(crate) fn artifact_type(&self) -> Option<&str> {
        let own = self.document.get("artifactType").and_then(Value::as_str).filter(|text| !text.is_empty());
        own.or_else(|| self.document.get("config")?.get("mediaType")?.as_str())
    }

    /// Its annotations, when there are any.
    pub(crate) fn annotations(&self) -> Option<&Value> {
        self.document.get("annotations")
    }

    /// Whether it is something that a registry for images alone does not know.
    pub(crate) fn is_artifact(&self) -> bool {
        let config = self.document.get("config").and_then(|config| config["mediaType"].as_str());
        self.document.get("artifactType").is_some()
            || config.is_some_and(|config| !IMAGE_CONFIGS.contains(&config))
    }
}
