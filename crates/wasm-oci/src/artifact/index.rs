//! An index of several images: which one is meant.

use oci_spec::image::{Descriptor, ImageIndex};
use serde::{Deserialize, de::IgnoredAny};

use super::json;
use crate::{Error, Platform, Result, media};

/// Reads an index and chooses from it.
pub(crate) fn choose(bytes: &[u8], wanted: Option<&Platform>) -> Result<Descriptor> {
    refuse_ambiguous(bytes)?;
    let index: ImageIndex = json("the index", bytes)?;
    if index.schema_version() != 2 {
        return Err(Error::malformed("the index", format!("schema version {}", index.schema_version())));
    }
    let described = index.manifests().iter().chain(index.subject());
    let artifact_types = described.clone().filter_map(|descriptor| descriptor.artifact_type().as_ref());
    let types = described.map(Descriptor::media_type).chain(artifact_types).chain(index.artifact_type());
    types.into_iter().try_for_each(|media_type| media::check("the index", media_type))?;
    let manifests =
        || index.manifests().iter().filter(|descriptor| media::is_manifest(descriptor.media_type()));
    let best = manifests()
        .filter_map(|descriptor| Some((suits(wanted, platform(descriptor).as_ref())?, descriptor)))
        .min_by_key(|(rank, _)| *rank);
    if let Some((_, descriptor)) = best {
        return Ok(descriptor.clone());
    }
    let real = || manifests().filter(|descriptor| platform(descriptor).is_none_or(|it| it.os != "unknown"));
    match (wanted, real().next(), real().count()) {
        (None, Some(only), 1) => Ok(only.clone()),
        _ => Err(Error::NoSuchPlatform {
            wanted: wanted.map(|platform| Box::new(platform.clone())),
            there: real().filter_map(platform).map(|platform| platform.to_string()).collect(),
        }),
    }
}

/// How well an entry suits, the less the better.
fn suits(wanted: Option<&Platform>, there: Option<&Platform>) -> Option<usize> {
    match (wanted, there) {
        (None, None) => Some(usize::MAX),
        (None, Some(there)) => there.wasm_rank(),
        (Some(wanted), None) => wanted.wasm_rank().map(|_| usize::MAX),
        (Some(wanted), Some(there)) if wanted == there => Some(0),
        (Some(wanted), Some(there)) if wanted.is_alias(there) => there.wasm_rank().map(|rank| rank + 1),
        _ => None,
    }
}

fn platform(descriptor: &Descriptor) -> Option<Platform> {
    descriptor.platform().as_ref().map(|platform| Platform {
        os: platform.os().to_string(),
        architecture: platform.architecture().to_string(),
        variant: platform.variant().clone(),
    })
}

/// As with manifests (CVE-2021-41190), the other way round.
fn refuse_ambiguous(bytes: &[u8]) -> Result<()> {
    #[derive(Deserialize)]
    struct Shape {
        config: Option<IgnoredAny>,
        layers: Option<IgnoredAny>,
    }
    let shape = json::<Shape>("the index", bytes)?;
    if shape.config.is_some() || shape.layers.is_some() {
        return Err(Error::malformed("the index", "it has `config` or `layers` as a manifest has"));
    }
    Ok(())
}
