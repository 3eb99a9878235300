use std::{fmt, str::FromStr};

use oci_spec::image::{Descriptor, ImageManifest, MediaType};

use crate::{Error, Result, media};

/// A way to pack WebAssembly into OCI.
///
/// | format | config | where the program is | written by |
/// |---|---|---|---|
/// | `compat` | an image's | a file in tar layers | `FROM scratch` and `COPY`, buildah, this crate |
/// | `runwasi` | an image's | `application/vnd.bytecodealliance.wasm.component.layer.v0+wasm` | runwasi's `oci-tar-builder`, this crate |
/// | `artifact` | `application/vnd.wasm.config.v0+json` | `application/wasm` | wkg, wash, oci-wasm, this crate |
/// | `legacy` | `application/vnd.wasm.config.v1+json` | `application/vnd.wasm.content.layer.v1+wasm` | wasm-to-oci, krustlet, this crate |
/// | `spin` | any | as `legacy`, beside `application/vnd.fermyon.spin.application.v1+config` | Spin |
/// | `solo` | `application/vnd.module.wasm.config.v1+json` | `application/vnd.module.wasm.content.layer.v1+wasm` | wasme (solo-io, Istio), old wasmCloud |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// An ordinary container image with the module as a file in one tar layer, what `FROM scratch` and `COPY` would
    /// make, marked by the manifest annotation `module.wasm.image/variant=compat`.
    ///
    /// crun, youki, podman, Docker and containerd take it. Specified in
    /// [solo-io/wasm, spec-compat.md](https://github.com/solo-io/wasm/blob/master/spec/spec-compat.md).
    Compat,
    /// A container image whose layer is the module itself, no tar; containerd's runwasi shims take it.
    Runwasi,
    /// An artifact as the CNCF's working group describes it, version 0: wkg, wasmCloud and runwasi take it.
    ///
    /// Specified in
    /// [tag-runtime, wasm-oci-artifact](https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/).
    Artifact,
    /// What wasm-to-oci and krustlet wrote.
    Legacy,
    /// An application of Spin: modules, static files and the application's description. It is read, not written.
    Spin,
    /// What solo-io's wasme writes and Istio reads. It is read, not written.
    Solo,
}

impl Format {
    /// Every format, the usual one first.
    pub const ALL: [Self; 6] =
        [Self::Compat, Self::Runwasi, Self::Artifact, Self::Legacy, Self::Spin, Self::Solo];

    /// Tells whether [`Pack::build`](crate::Pack::build) writes it.
    ///
    /// ```
    /// use wasm_oci::Format;
    ///
    /// let written: Vec<_> = Format::ALL.iter().filter(|format| format.is_written()).map(Format::to_string).collect();
    /// assert_eq!(written, ["compat", "runwasi", "artifact", "legacy"]);
    /// ```
    #[must_use]
    pub fn is_written(&self) -> bool {
        !matches!(self, Self::Spin | Self::Solo)
    }

    /// Tells whether there is room for files besides the program.
    #[must_use]
    pub fn has_files(&self) -> bool {
        matches!(self, Self::Compat | Self::Runwasi)
    }

    /// Tells the format by the media types of a manifest's parts.
    pub(crate) fn of(manifest: &ImageManifest) -> Result<Self> {
        let config = manifest.config().media_type();
        let has = |name: &str| manifest.layers().iter().any(|layer| layer.media_type().as_ref() == name);
        if has(media::SPIN_APPLICATION) {
            return Ok(Self::Spin);
        }
        if media::is_image_config(config) {
            return Ok(if manifest.layers().iter().map(Descriptor::media_type).any(media::is_wasm) {
                Self::Runwasi
            } else {
                Self::Compat
            });
        }
        match config.as_ref() {
            media::ARTIFACT_CONFIG => Ok(Self::Artifact),
            media::SOLO_CONFIG => Ok(Self::Solo),
            _ if has(media::SOLO_LAYER) => Ok(Self::Solo),
            media::LEGACY_CONFIG => Ok(Self::Legacy),
            _ if *config == MediaType::EmptyJSON && has(media::LEGACY_LAYER) => Ok(Self::Legacy),
            other => Err(Error::MediaType { what: "the config", media_type: other.into() }),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Compat => "compat",
            Self::Runwasi => "runwasi",
            Self::Artifact => "artifact",
            Self::Legacy => "legacy",
            Self::Spin => "spin",
            Self::Solo => "solo",
        })
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|format| format.to_string() == text);
        found.ok_or_else(|| Error::UnknownFormat { name: text.to_owned() })
    }
}
