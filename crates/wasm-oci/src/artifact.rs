use bytes::Bytes;
use oci_spec::image::{Descriptor, Digest, ImageConfiguration, ImageManifest};

use crate::{Error, Format, Interface, Kind, Layer, Platform, Result, carried, cncf, digest, media};

mod document;
mod embedded;
mod file;
mod index;

pub(crate) use document::{image_config, json};
pub use embedded::Embedded;
pub(crate) use file::{NAMED, normal, others};
pub(crate) use index::choose;

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
    format: Format,
}

/// The program of an image for Istio and Envoy, which has no entrypoint.
const PLUGIN: &str = "plugin.wasm";

impl Artifact {
    /// The largest manifest or config that is read: 4 MiB, what the distribution specification asks clients to support.
    pub const DOCUMENT_LIMIT: u64 = 4 << 20;
    /// The largest layer that is read: 1 GiB.
    pub const LAYER_LIMIT: u64 = 1 << 30;
    /// The most that all layers of an image together are read of: 4 GiB.
    pub const SIZE_LIMIT: u64 = 4 << 30;
    /// How many values a document may have, each object and list counted as well: 32,768.
    pub const VALUES: usize = 32_768;
    /// The longest path of a program: 4096 bytes, as Linux has it.
    const PATH: usize = 4096;
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
        let mut fetch = |what, descriptor: &Descriptor, limit| checked(what, descriptor, limit, &mut fetch);
        let manifest_bytes = fetch("the manifest", descriptor, Self::DOCUMENT_LIMIT)?;
        let manifest = document::parse_manifest(descriptor, &manifest_bytes)?;
        let format = Format::of(&manifest)?;
        let config_bytes = fetch("the config", manifest.config(), Self::DOCUMENT_LIMIT)?;
        let config = document::parse_config(format, &manifest, &config_bytes)?;
        let layers = manifest.layers().iter().map(|descriptor| {
            let blob = fetch("the layer", descriptor, Self::LAYER_LIMIT)?;
            Ok(Layer::new(descriptor.clone(), blob))
        });
        let layers = layers.collect::<Result<_>>()?;
        let descriptor = plain(descriptor);
        Ok(Self { descriptor, manifest, manifest_bytes, config, config_bytes, layers, format })
    }

    /// Reads what [`read`](Self::read) reads, or, of an index, the image for `platform`.
    ///
    /// Without a platform it is the first of [`Platform::WASM`] that the index has, or the only image in it. With one it
    /// is that, or for a platform of WebAssembly one that is another name for it. An index within an index is refused.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchPlatform`], and those of [`read`](Self::read).
    pub fn resolve(
        descriptor: &Descriptor,
        platform: Option<&Platform>,
        mut fetch: impl FnMut(&Descriptor) -> Result<Bytes>,
    ) -> Result<Self> {
        if !media::is_index(descriptor.media_type()) {
            return Self::read(descriptor, fetch);
        }
        let bytes = checked("the index", descriptor, Self::DOCUMENT_LIMIT, &mut fetch)?;
        Self::read(&choose(&bytes, platform)?, fetch)
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
    ///
    /// A format whose config is another document gets the one that an image of the same program would have: its
    /// entrypoint is the title of the layer, and arguments, environment and the like are what [`convert`](Self::convert)
    /// put into annotations.
    #[must_use]
    pub fn config(&self) -> &ImageConfiguration {
        &self.config
    }

    /// Returns the bytes of the config as they are stored.
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
        self.format
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

    /// Returns the layers that are a module or component as they are, without a tar around them: none for
    /// [`Format::Compat`], usually one for the other formats.
    pub fn modules(&self) -> impl Iterator<Item = &Layer> {
        self.layers.iter().filter(|layer| media::is_wasm(layer.descriptor().media_type()))
    }

    /// Returns the WebAssembly that the image runs, from its layers.
    ///
    /// An image without entrypoint that has a file `plugin.wasm`, as Istio and Envoy want it, runs that.
    ///
    /// # Errors
    ///
    /// [`Error::NoEntrypoint`]; [`Error::Entrypoint`] when the file is not there, was deleted by a later layer, or is a
    /// link; [`Error::NotWasm`] when it is something else; [`Error::Malformed`] for a layer that is no tar, and for a
    /// CNCF artifact with several layers; [`Error::Modules`] when there is not exactly one module.
    pub fn wasm(&self) -> Result<Bytes> {
        if self.format == Format::Compat {
            return Ok(self.file()?.1.bytes.into());
        }
        if self.format == Format::Artifact && self.layers.len() > 1 {
            return Err(Error::malformed("the manifest", "an artifact of version 0 has one layer"));
        }
        let mut modules = self.modules();
        match (modules.next(), modules.count()) {
            (Some(layer), 0) => Kind::of(layer.blob()).map(|_| layer.blob().clone()),
            (first, more) => Err(Error::Modules { count: first.iter().len() + more }),
        }
    }

    /// The file that a compat image runs, and its path without `/` in front.
    pub(crate) fn file(&self) -> Result<(String, file::File)> {
        let (path, entrypoint) = match self.entrypoint() {
            Some(path) if path.contains('\0') || path.len() > Self::PATH => {
                return Err(Error::Entrypoint {
                    path: path.to_owned(),
                    why: "no path: it has a NUL or is too long",
                });
            }
            Some(entrypoint) => (self.resolve_path(entrypoint), entrypoint),
            None => (PLUGIN.to_owned(), PLUGIN),
        };
        match file::lookup(&self.layers, &path)? {
            Ok(file) => Kind::of(&file.bytes).map(|_| (path, file)),
            Err(_) if self.entrypoint().is_none() => Err(Error::NoEntrypoint),
            Err(why) => Err(Error::Entrypoint { path: entrypoint.to_owned(), why }),
        }
    }

    /// Reads and validates the image's WebAssembly and tells its imports and exports.
    ///
    /// # Errors
    ///
    /// Those of [`wasm`](Self::wasm) and [`Interface::of`].
    pub fn interface(&self) -> Result<Interface> {
        Interface::of(&self.wasm()?)
    }

    /// The path of the program, without `/` in front.
    pub(crate) fn program_path(&self) -> Result<String> {
        match self.format {
            Format::Compat => Ok(self.file()?.0),
            _ => Ok(carried::path_of(carried::module_title(self.manifest.layers()))
                .trim_start_matches('/')
                .to_owned()),
        }
    }

    /// The config of a CNCF artifact.
    pub(crate) fn cncf(&self) -> Result<cncf::Config> {
        document::cncf(&self.manifest, &self.config_bytes)
    }

    /// Makes a path of the config one as tar has it: relative to the root, without `.`.
    pub(crate) fn resolve_path(&self, path: &str) -> String {
        let cwd =
            self.config.config().as_ref().and_then(|config| config.working_dir().as_deref()).unwrap_or("/");
        normal(&if path.starts_with('/') { path.to_owned() } else { format!("{cwd}/{path}") })
    }
}

/// Fetches a blob that is within the limit, and compares it with its descriptor.
fn checked(
    what: &'static str,
    descriptor: &Descriptor,
    limit: u64,
    fetch: &mut impl FnMut(&Descriptor) -> Result<Bytes>,
) -> Result<Bytes> {
    if descriptor.size() > limit {
        return Err(Error::TooLarge { what, size: descriptor.size(), limit });
    }
    digest::supported(descriptor)?;
    let bytes = fetch(descriptor)?;
    digest::verify(descriptor, &bytes).map(|()| bytes)
}

/// The descriptor without what the place it was found in says about it (tag, platform).
fn plain(descriptor: &Descriptor) -> Descriptor {
    Descriptor::new(descriptor.media_type().clone(), descriptor.size(), descriptor.digest().clone())
}
