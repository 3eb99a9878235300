//! The documents of an artifact: hostile bytes become typed values here.

use oci_spec::image::{
    Arch, Config, Descriptor, ImageConfiguration, ImageConfigurationBuilder, ImageManifest, MediaType, Os,
    RootFsBuilder,
};
use serde::{Deserialize, de::IgnoredAny};

use super::Artifact;
use crate::{
    Error, Format, Platform, Result,
    carried::{self, Carried},
    cncf,
    error::shortened,
    media,
    shape::check_json,
};

pub(super) fn parse_manifest(descriptor: &Descriptor, bytes: &[u8]) -> Result<ImageManifest> {
    let what = "the manifest";
    let unsupported =
        |media_type: &MediaType| Error::MediaType { what, media_type: media_type.as_ref().into() };
    if !media::is_manifest(descriptor.media_type()) {
        return Err(unsupported(descriptor.media_type()));
    }
    refuse_ambiguous(bytes)?;
    let manifest: ImageManifest = json(what, bytes)?;
    match manifest.media_type() {
        Some(inside) if inside != descriptor.media_type() => {
            return Err(Error::malformed(
                what,
                format!("it calls itself `{}`, its descriptor does not", shortened(inside.as_ref())),
            ));
        }
        _ => {}
    }
    if manifest.schema_version() != 2 {
        return Err(Error::malformed(what, format!("schema version {}", manifest.schema_version())));
    }
    let described = manifest.layers().iter().chain([manifest.config()]).chain(manifest.subject());
    let types = described.map(Descriptor::media_type).chain(manifest.artifact_type());
    types.into_iter().try_for_each(|media_type| media::check(what, media_type))?;
    if manifest.layers().len() > Artifact::LAYERS {
        return Err(Error::malformed(what, format!("it has more than {} layers", Artifact::LAYERS)));
    }
    sizes(&manifest).map(|()| manifest)
}

/// Each layer is within its limit, and all of them within theirs.
fn sizes(manifest: &ImageManifest) -> Result<()> {
    let mut all = 0;
    for size in manifest.layers().iter().map(Descriptor::size) {
        if size > Artifact::LAYER_LIMIT {
            return Err(Error::TooLarge { what: "the layer", size, limit: Artifact::LAYER_LIMIT });
        }
        all += size;
    }
    let limit = Artifact::SIZE_LIMIT;
    if all > limit { Err(Error::TooLarge { what: "what all layers hold", size: all, limit }) } else { Ok(()) }
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

/// Reads the config, or makes the one that an image of the same program would have.
pub(super) fn parse_config(
    format: Format,
    manifest: &ImageManifest,
    bytes: &[u8],
) -> Result<ImageConfiguration> {
    match format {
        Format::Compat | Format::Runwasi => image(format, manifest, bytes),
        Format::Artifact => {
            let config = cncf(manifest, bytes)?;
            let platform = Platform { os: config.os, architecture: config.architecture, variant: None };
            derived(manifest, &platform, config.created, config.author)
        }
        Format::Legacy | Format::Spin | Format::Solo => {
            let carried = Carried::read(manifest)?;
            derived(manifest, &carried.platform.unwrap_or_default(), carried.created, carried.author)
        }
    }
}

fn image(format: Format, manifest: &ImageManifest, bytes: &[u8]) -> Result<ImageConfiguration> {
    let config: ImageConfiguration = json("the config", bytes)?;
    let (layers, diff_ids) = (manifest.layers().len(), config.rootfs().diff_ids().len());
    // What is no tar has no diff id: runwasi's tools write none.
    if format == Format::Compat && layers != diff_ids {
        let why = format!("it has {diff_ids} diff ids, the manifest has {layers} layers");
        return Err(Error::malformed("the config", why));
    }
    Ok(config)
}

pub(super) fn cncf(manifest: &ImageManifest, bytes: &[u8]) -> Result<cncf::Config> {
    let config: cncf::Config = json("the config", bytes)?;
    let listed = &config.layer_digests;
    if !listed.is_empty() && !listed.iter().eq(manifest.layers().iter().map(Descriptor::digest)) {
        return Err(Error::malformed("the config", "its layer digests are not those of the manifest"));
    }
    Ok(config)
}

fn derived(
    manifest: &ImageManifest,
    platform: &Platform,
    created: Option<String>,
    author: Option<String>,
) -> Result<ImageConfiguration> {
    let process = match Carried::read(manifest)?.config {
        Some(config) => config,
        None => carried::plain_config(&carried::path_of(carried::module_title(manifest.layers())))?,
    };
    image_config(process, platform, vec![], created, author)
}

/// Builds an image configuration, each field on purpose.
pub(crate) fn image_config(
    process: Config,
    platform: &Platform,
    diff_ids: Vec<String>,
    created: Option<String>,
    author: Option<String>,
) -> Result<ImageConfiguration> {
    let build = || {
        let rootfs = RootFsBuilder::default().typ("layers").diff_ids(diff_ids).build()?;
        let mut config = ImageConfigurationBuilder::default()
            .os(Os::from(platform.os.as_str()))
            .architecture(Arch::from(platform.architecture.as_str()))
            .config(process)
            .rootfs(rootfs)
            .build()?;
        config.set_variant(platform.variant.clone());
        config.set_created(created);
        config.set_author(author);
        Ok(config)
    };
    build().map_err(|source: oci_spec::OciSpecError| Error::malformed("the config", source.to_string()))
}

/// Reads a document whose shape is bounded and unambiguous.
pub(crate) fn json<'a, T: Deserialize<'a>>(what: &'static str, bytes: &'a [u8]) -> Result<T> {
    check_json(what, bytes, Artifact::VALUES)?;
    serde_json::from_slice(bytes).map_err(|source| Error::Json { what, source: Box::new(source) })
}
