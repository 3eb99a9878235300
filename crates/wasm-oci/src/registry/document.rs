//! What a manifest or an index leads to, whatever it is of: images, artifacts, signatures.

use oci_spec::image::Descriptor;
use serde::Deserialize;

use crate::{Artifact, Error, Result, artifact::json, digest, media};

/// The links of a manifest or an index.
#[derive(Debug)]
pub(super) enum Document {
    /// Config and layers.
    Manifest(Vec<Descriptor>),
    /// Manifests, and indexes.
    Index(Vec<Descriptor>),
}

/// How many manifests an index may have.
const MANIFESTS: usize = 1000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    schema_version: u64,
    media_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
}

impl Document {
    /// Reads a document that was checked against its descriptor.
    pub(super) fn parse(descriptor: &Descriptor, bytes: &[u8]) -> Result<Self> {
        let is_index = media::is_index(descriptor.media_type());
        let what = if is_index { "the index" } else { "the manifest" };
        let wrong = |why: &str| Err(Error::malformed(what, why));
        if !is_index && !media::is_manifest(descriptor.media_type()) {
            return Err(Error::MediaType { what, media_type: descriptor.media_type().as_ref().into() });
        }
        let fields: Fields = json(what, bytes)?;
        if fields.media_type.as_deref().is_some_and(|inside| inside != descriptor.media_type().as_ref()) {
            return wrong("it calls itself something else than its descriptor does");
        }
        if fields.schema_version != 2 {
            return wrong("its schema version is not 2");
        }
        let links = match (is_index, fields) {
            (true, Fields { config: None, layers: None, manifests: Some(manifests), .. }) => {
                if manifests.len() > MANIFESTS {
                    return wrong("it has more than 1000 manifests");
                }
                Self::Index(manifests)
            }
            (false, Fields { config: Some(config), layers: Some(layers), manifests: None, .. }) => {
                if layers.len() > Artifact::LAYERS {
                    return wrong("it has more than 128 layers");
                }
                Self::Manifest(std::iter::once(config).chain(layers).collect())
            }
            (true, Fields { manifests: None, .. }) => return wrong("it has no `manifests`"),
            (true, _) => return wrong("it has `config` or `layers` as a manifest has"),
            (false, Fields { manifests: Some(_), .. }) => return wrong("it has `manifests` as an index has"),
            (false, _) => return wrong("it has no `config` or no `layers`"),
        };
        let (Self::Index(all) | Self::Manifest(all)) = &links;
        all.iter().try_for_each(digest::supported)?;
        Ok(links)
    }
}

#[cfg(test)]
mod tests {
    use oci_spec::image::MediaType;

    use super::*;

    #[test]
    fn one_document_is_one_thing() {
        let blob = r#"{"mediaType":"a/b","size":2,"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}"#;
        let read = |media_type: MediaType, fields: &str| {
            let text = format!(r#"{{"schemaVersion":2,{fields}}}"#);
            let descriptor = Descriptor::new(media_type, text.len() as u64, crate::sha256(text.as_bytes()));
            match Document::parse(&descriptor, text.as_bytes()) {
                Ok(Document::Manifest(links) | Document::Index(links)) => links.len().to_string(),
                Err(error) => error.to_string(),
            }
        };
        let (manifest, index) = (|| MediaType::ImageManifest, || MediaType::ImageIndex);
        assert_eq!(read(manifest(), &format!(r#""config":{blob},"layers":[{blob},{blob}]"#)), "3");
        assert_eq!(read(index(), &format!(r#""manifests":[{blob}]"#)), "1");
        let both = format!(r#""config":{blob},"layers":[],"manifests":[{blob}]"#);
        assert_eq!(read(manifest(), &both), "the manifest: it has `manifests` as an index has");
        assert_eq!(read(index(), &both), "the index: it has `config` or `layers` as a manifest has");
        assert_eq!(read(manifest(), r#""layers":[]"#), "the manifest: it has no `config` or no `layers`");
        assert_eq!(read(index(), r#""x":1"#), "the index: it has no `manifests`");
    }
}
