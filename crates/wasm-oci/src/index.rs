use bytes::Bytes;
use oci_spec::image::{Descriptor, Digest, MediaType};

use crate::{Artifact, Error, Result, canonical_json, layout, sha256};

/// Several images under one name: for several platforms, or in several formats.
///
/// Whoever reads it takes the image of the platform that it looks for. Engines that go by the host find a compat image
/// under `linux/amd64`, those that know WebAssembly an artifact under `wasip1/wasm` or `wasip2/wasm`, and both in one
/// index.
///
/// ```
/// use wasm_oci::{Format, Index, Pack};
///
/// let pack = Pack::new(wat::parse_str("(module)")?, "/app.wasm")?;
/// let image = pack.clone().platform("linux/amd64".parse()?).build(Format::Compat)?;
/// let index = Index::new(vec![image, pack.build(Format::Artifact)?])?;
/// let platforms: Vec<_> = index.artifacts().iter().map(|image| image.platform().to_string()).collect();
/// assert_eq!(platforms, ["linux/amd64", "wasip1/wasm"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Index {
    descriptor: Descriptor,
    bytes: Bytes,
    artifacts: Vec<Artifact>,
}

impl Index {
    /// Takes the images in the order in which they are to be looked through.
    ///
    /// # Errors
    ///
    /// [`Error::SamePlatform`] when two are for the same platform: nobody would ever get the second.
    pub fn new(artifacts: Vec<Artifact>) -> Result<Self> {
        for (index, artifact) in artifacts.iter().enumerate() {
            let platform = artifact.platform();
            if artifacts[..index].iter().any(|other| other.platform() == platform) {
                return Err(Error::SamePlatform { platform: Box::new(platform) });
            }
        }
        let mut index = layout::empty_index()?;
        index.set_manifests(artifacts.iter().map(|artifact| layout::entry(artifact, None)).collect());
        let bytes = Bytes::from(canonical_json(&index)?);
        let descriptor = Descriptor::new(MediaType::ImageIndex, bytes.len() as u64, sha256(&bytes));
        Ok(Self { descriptor, bytes, artifacts })
    }

    /// Returns the digest of the index.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        self.descriptor.digest()
    }

    /// Returns media type, digest and size of the index.
    #[must_use]
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// Returns the index's bytes, those that the digest is made of.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns the images.
    #[must_use]
    pub fn artifacts(&self) -> &[Artifact] {
        &self.artifacts
    }
}

/// What can be put under a tag: an [`Artifact`], or an [`Index`] of several. Nothing else implements it.
pub trait Content: sealed::Content {}

impl Content for Artifact {}
impl Content for Index {}

pub(crate) mod sealed {
    use std::fmt;

    use bytes::Bytes;
    use oci_spec::image::Descriptor;

    use crate::Artifact;

    /// What is stored, blob by blob.
    pub trait Content: fmt::Debug + Send + Sync {
        /// Every blob, what refers to others behind them.
        fn blobs(&self) -> Vec<(&Descriptor, &Bytes)>;

        /// Its entry in a layout's index.
        fn entry(&self, tag: Option<&str>) -> Descriptor;

        /// Where it is one image.
        fn artifact(&self) -> Option<&Artifact>;

        /// The images: itself, or those of the index.
        #[cfg(feature = "registry")]
        fn images(&self) -> &[Artifact];
    }
}

impl sealed::Content for Artifact {
    fn blobs(&self) -> Vec<(&Descriptor, &Bytes)> {
        let mut blobs = vec![(self.manifest().config(), self.config_bytes())];
        blobs.extend(self.layers().iter().map(|layer| (layer.descriptor(), layer.blob())));
        blobs.push((self.descriptor(), self.manifest_bytes()));
        blobs
    }

    fn entry(&self, tag: Option<&str>) -> Descriptor {
        layout::entry(self, tag)
    }

    fn artifact(&self) -> Option<&Artifact> {
        Some(self)
    }

    #[cfg(feature = "registry")]
    fn images(&self) -> &[Artifact] {
        std::slice::from_ref(self)
    }
}

impl sealed::Content for Index {
    fn blobs(&self) -> Vec<(&Descriptor, &Bytes)> {
        let mut blobs: Vec<_> = self.artifacts.iter().flat_map(sealed::Content::blobs).collect();
        blobs.push((&self.descriptor, &self.bytes));
        blobs
    }

    fn entry(&self, tag: Option<&str>) -> Descriptor {
        let mut descriptor = self.descriptor.clone();
        descriptor.set_annotations(tag.map(layout::name_annotation));
        descriptor
    }

    fn artifact(&self) -> Option<&Artifact> {
        None
    }

    #[cfg(feature = "registry")]
    fn images(&self) -> &[Artifact] {
        &self.artifacts
    }
}
