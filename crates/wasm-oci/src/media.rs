//! The media types of the field, in the order of `Format`'s table.

use oci_spec::image::MediaType;

use crate::{Error, Result, error::shortened};

/// Config of a CNCF artifact.
pub(crate) const ARTIFACT_CONFIG: &str = "application/vnd.wasm.config.v0+json";
/// Layer of a CNCF artifact.
pub(crate) const ARTIFACT_LAYER: &str = "application/wasm";
/// Layer of runwasi's images, module or component.
pub(crate) const RUNWASI_LAYER: &str = "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm";
/// Config of wasm-to-oci and krustlet.
pub(crate) const LEGACY_CONFIG: &str = "application/vnd.wasm.config.v1+json";
/// Layer of wasm-to-oci and krustlet, and the module layers of Spin.
pub(crate) const LEGACY_LAYER: &str = "application/vnd.wasm.content.layer.v1+wasm";
/// Config of solo-io's (Istio's) artifacts.
pub(crate) const SOLO_CONFIG: &str = "application/vnd.module.wasm.config.v1+json";
/// Layer of solo-io's artifacts, and of old wasmCloud's.
pub(crate) const SOLO_LAYER: &str = "application/vnd.module.wasm.content.layer.v1+wasm";
/// Layer with the description of a Spin application.
pub(crate) const SPIN_APPLICATION: &str = "application/vnd.fermyon.spin.application.v1+config";

const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// Refuses what is no media type by the form that the image specification gives: two names of 127 characters at the most.
pub(crate) fn check(what: &'static str, media_type: &MediaType) -> Result<()> {
    let name = |name: &str| {
        let mut bytes = name.bytes();
        name.len() <= 127
            && bytes.next().is_some_and(|first| first.is_ascii_alphanumeric())
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let text = media_type.as_ref();
    match text.split_once('/') {
        Some((main, sub)) if name(main) && name(sub) => Ok(()),
        _ => Err(Error::malformed(what, format!("`{}` is no media type", shortened(text)))),
    }
}

pub(crate) fn is_manifest(media_type: &MediaType) -> bool {
    matches!(media_type.as_ref(), DOCKER_MANIFEST) || *media_type == MediaType::ImageManifest
}

pub(crate) fn is_index(media_type: &MediaType) -> bool {
    matches!(media_type.as_ref(), DOCKER_LIST) || *media_type == MediaType::ImageIndex
}

pub(crate) fn is_image_config(media_type: &MediaType) -> bool {
    matches!(media_type.as_ref(), DOCKER_CONFIG) || *media_type == MediaType::ImageConfig
}

pub(crate) fn is_gzip(media_type: &MediaType) -> bool {
    matches!(media_type.as_ref(), DOCKER_LAYER) || *media_type == MediaType::ImageLayerGzip
}

/// Whether the blob is a module or component as it is.
pub(crate) fn is_wasm(media_type: &MediaType) -> bool {
    matches!(media_type.as_ref(), ARTIFACT_LAYER | RUNWASI_LAYER | LEGACY_LAYER | SOLO_LAYER)
}
