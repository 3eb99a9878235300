use std::io::{self, Read};

use bytes::Bytes;
use oci_spec::image::{Descriptor, Digest, ImageConfiguration, ImageManifest, MediaType};
use serde::{Deserialize, de::IgnoredAny};
use tar::EntryType;

use crate::{Error, Format, Interface, Kind, Layer, Platform, Result, digest};

/// An image or artifact in memory: manifest, config and layers.
///
/// Every constructor checks size and digest of each part, so a value of this type is consistent with its digest.
#[derive(Debug, Clone)]
pub struct Artifact {
    descriptor: Descriptor,
    manifest: ImageManifest,
    manifest_bytes: Bytes,
    config: ImageConfiguration,
    config_bytes: Bytes,
    layers: Vec<Layer>,
}

impl Artifact {
    /// The largest manifest or config that is read: 4 MiB, what the distribution specification asks clients to support.
    pub const DOCUMENT_LIMIT: u64 = 4 << 20;
    /// The largest layer that is read: 1 GiB.
    pub const LAYER_LIMIT: u64 = 1 << 30;
    /// How many layers an image may have: 128.
    pub const LAYERS: usize = 128;

    /// Reads an image whose manifest `descriptor` describes; `fetch` gets a blob's bytes, the manifest's first.
    ///
    /// `fetch` is called only with descriptors whose size is within the limits, and what it returns is checked against
    /// the descriptor.
    ///
    /// # Errors
    ///
    /// Those of `fetch`; [`Error::Size`] and [`Error::Digest`] for blobs that are not what they should be;
    /// [`Error::TooLarge`]; [`Error::Json`], [`Error::Malformed`] and [`Error::MediaType`] for documents of another kind.
    pub fn read(
        descriptor: &Descriptor,
        mut fetch: impl FnMut(&Descriptor) -> Result<Bytes>,
    ) -> Result<Self> {
        let mut fetch = |what, descriptor: &Descriptor, limit| {
            if descriptor.size() > limit {
                return Err(Error::TooLarge { what, size: descriptor.size(), limit });
            }
            digest::supported(descriptor)?;
            let bytes = fetch(descriptor)?;
            digest::verify(descriptor, &bytes).map(|()| bytes)
        };
        let manifest_bytes = fetch("the manifest", descriptor, Self::DOCUMENT_LIMIT)?;
        let manifest = parse_manifest(descriptor, &manifest_bytes)?;
        let config_bytes = fetch("the config", manifest.config(), Self::DOCUMENT_LIMIT)?;
        let config = parse_config(&manifest, &config_bytes)?;
        let layers = manifest.layers().iter().map(|descriptor| {
            let blob = fetch("the layer", descriptor, Self::LAYER_LIMIT)?;
            Ok(Layer::new(descriptor.clone(), blob))
        });
        let layers = layers.collect::<Result<_>>()?;
        Ok(Self { descriptor: plain(descriptor), manifest, manifest_bytes, config, config_bytes, layers })
    }

    /// Returns the digest of the manifest, by which registries know the image.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        self.descriptor.digest()
    }

    /// Returns media type, digest and size of the manifest.
    #[must_use]
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// Returns the manifest.
    #[must_use]
    pub fn manifest(&self) -> &ImageManifest {
        &self.manifest
    }

    /// Returns the manifest's bytes, those that the digest is made of.
    #[must_use]
    pub fn manifest_bytes(&self) -> &Bytes {
        &self.manifest_bytes
    }

    /// Returns the image configuration.
    #[must_use]
    pub fn config(&self) -> &ImageConfiguration {
        &self.config
    }

    /// Returns the configuration's bytes.
    #[must_use]
    pub fn config_bytes(&self) -> &Bytes {
        &self.config_bytes
    }

    /// Returns the layers, the lowest first.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Returns how the image is packed.
    #[must_use]
    pub fn format(&self) -> Format {
        Format::Compat
    }

    /// Returns the platform that the configuration names.
    #[must_use]
    pub fn platform(&self) -> Platform {
        Platform {
            os: self.config.os().to_string(),
            architecture: self.config.architecture().to_string(),
            variant: self.config.variant().clone(),
        }
    }

    /// Returns the first word of entrypoint and command: the file to run.
    #[must_use]
    pub fn entrypoint(&self) -> Option<&str> {
        let config = self.config.config().as_ref()?;
        let words = config.entrypoint().iter().flatten().chain(config.cmd().iter().flatten());
        words.map(String::as_str).next()
    }

    /// Returns the WebAssembly that the image runs, from its layers.
    ///
    /// # Errors
    ///
    /// [`Error::NoEntrypoint`]; [`Error::Entrypoint`] when the file is not there, was deleted by a later layer, or is a
    /// link; [`Error::NotWasm`] when it is something else; [`Error::Malformed`] for a layer that is no tar.
    pub fn wasm(&self) -> Result<Bytes> {
        let entrypoint = self.entrypoint().ok_or(Error::NoEntrypoint)?;
        let wanted = self.resolve(entrypoint);
        let problem = |why| Error::Entrypoint { path: entrypoint.to_owned(), why };
        for layer in self.layers.iter().rev() {
            match find(layer, &wanted)? {
                Found::File(bytes) => return Kind::of(&bytes).map(|_| bytes.into()),
                Found::Other => return Err(problem("no regular file")),
                Found::Deleted => return Err(problem("deleted by a layer above it")),
                Found::Nothing => {}
            }
        }
        Err(problem("not in the layers"))
    }

    /// Reads and validates the image's WebAssembly and tells its imports and exports.
    ///
    /// # Errors
    ///
    /// Those of [`wasm`](Self::wasm) and [`Interface::of`].
    pub fn interface(&self) -> Result<Interface> {
        Interface::of(&self.wasm()?)
    }

    /// Makes a path of the config one as tar has it: relative to the root, without `.`.
    fn resolve(&self, path: &str) -> String {
        let cwd =
            self.config.config().as_ref().and_then(|config| config.working_dir().as_deref()).unwrap_or("/");
        normal(&if path.starts_with('/') { path.to_owned() } else { format!("{cwd}/{path}") })
    }
}

/// The descriptor without what the place it was found in says about it (tag, platform).
fn plain(descriptor: &Descriptor) -> Descriptor {
    Descriptor::new(descriptor.media_type().clone(), descriptor.size(), descriptor.digest().clone())
}

fn parse_manifest(descriptor: &Descriptor, bytes: &[u8]) -> Result<ImageManifest> {
    let what = "the manifest";
    let unsupported =
        |media_type: &MediaType| Error::MediaType { what, media_type: media_type.as_ref().into() };
    if !is_manifest(descriptor.media_type()) {
        return Err(unsupported(descriptor.media_type()));
    }
    refuse_ambiguous(bytes)?;
    let manifest: ImageManifest = json(what, bytes)?;
    match manifest.media_type() {
        Some(inside) if inside != descriptor.media_type() => {
            return Err(Error::malformed(
                what,
                format!("it calls itself `{inside}`, its descriptor does not"),
            ));
        }
        _ => {}
    }
    if manifest.schema_version() != 2 {
        return Err(Error::malformed(what, format!("schema version {}", manifest.schema_version())));
    }
    if manifest.layers().len() > Artifact::LAYERS {
        return Err(Error::malformed(what, format!("it has more than {} layers", Artifact::LAYERS)));
    }
    Ok(manifest)
}

fn is_manifest(media_type: &MediaType) -> bool {
    match media_type {
        MediaType::ImageManifest => true,
        MediaType::Other(name) => name == "application/vnd.docker.distribution.manifest.v2+json",
        _ => false,
    }
}

/// A document that is manifest and index at once means one thing to one reader and another to the next
/// (CVE-2021-41190).
fn refuse_ambiguous(bytes: &[u8]) -> Result<()> {
    #[derive(Deserialize)]
    struct Shape {
        manifests: Option<IgnoredAny>,
    }
    match json::<Shape>("the manifest", bytes)?.manifests {
        Some(_) => Err(Error::malformed("the manifest", "it has `manifests` as an index has")),
        None => Ok(()),
    }
}

fn parse_config(manifest: &ImageManifest, bytes: &[u8]) -> Result<ImageConfiguration> {
    match manifest.config().media_type() {
        MediaType::ImageConfig => {}
        MediaType::Other(name) if name == "application/vnd.docker.container.image.v1+json" => {}
        other => return Err(Error::MediaType { what: "the config", media_type: other.as_ref().into() }),
    }
    let config: ImageConfiguration = json("the config", bytes)?;
    let (layers, diff_ids) = (manifest.layers().len(), config.rootfs().diff_ids().len());
    if layers != diff_ids {
        let why = format!("it has {diff_ids} diff ids, the manifest has {layers} layers");
        return Err(Error::malformed("the config", why));
    }
    Ok(config)
}

pub(crate) fn json<'a, T: Deserialize<'a>>(what: &'static str, bytes: &'a [u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|source| Error::Json { what, source: Box::new(source) })
}

enum Found {
    File(Vec<u8>),
    Other,
    Deleted,
    Nothing,
}

/// Looks for a path in one layer. The last entry of that name counts, as it does when the layer is unpacked.
fn find(layer: &Layer, wanted: &str) -> Result<Found> {
    let mut found = Found::Nothing;
    let mut archive = tar::Archive::new(layer.open()?);
    for entry in archive.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        let path = normal(&String::from_utf8_lossy(&entry.path_bytes()));
        if path == wanted {
            found = read(&mut entry).map_err(unreadable)?;
        } else if matches!(found, Found::Nothing) && deletes(&path, wanted) {
            found = Found::Deleted;
        }
    }
    Ok(found)
}

fn read(entry: &mut tar::Entry<'_, impl Read>) -> io::Result<Found> {
    if !matches!(entry.header().entry_type(), EntryType::Regular | EntryType::Continuous) {
        return Ok(Found::Other);
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes)?;
    Ok(Found::File(bytes))
}

/// Whether the entry `path` is a whiteout of `wanted` or of a directory above it.
fn deletes(path: &str, wanted: &str) -> bool {
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    let below = |directory: &str| match wanted.strip_prefix(directory) {
        Some(rest) => directory.is_empty() || rest.is_empty() || rest.starts_with('/'),
        None => false,
    };
    match name.strip_prefix(".wh.") {
        Some(".wh..opq") => below(parent),
        Some(name) if parent.is_empty() => below(name),
        Some(name) => below(&format!("{parent}/{name}")),
        None => false,
    }
}

fn unreadable(source: io::Error) -> Error {
    Error::malformed("the layer", source.to_string())
}

/// Drops empty and `.` parts; `..` stays and so matches nothing.
fn normal(path: &str) -> String {
    path.split('/').filter(|part| !matches!(*part, "" | ".")).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whiteouts() {
        assert!(deletes("app/.wh.main.wasm", "app/main.wasm"));
        assert!(deletes(".wh.app", "app/main.wasm"));
        assert!(deletes("app/.wh..wh..opq", "app/main.wasm"));
        assert!(!deletes("app/.wh.main", "app/main.wasm"));
        assert!(!deletes("app/main.wasm", "app/main.wasm"));
        assert!(!deletes("ap/.wh..wh..opq", "app/main.wasm"));
    }

    #[test]
    fn normal_paths() {
        assert_eq!(normal("./a//b/./c"), "a/b/c");
        assert_eq!(normal("/"), "");
        assert_eq!(normal("../a"), "../a");
    }
}
