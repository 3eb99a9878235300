//! What a format has no field for travels in annotations of the manifest.

use std::collections::BTreeMap;

use oci_spec::image::{Config, ConfigBuilder, Descriptor, ImageManifest};
use serde::Deserialize;

use crate::{Compression, Error, Platform, Result, artifact::json, media, pack::check_path};

/// The `config` object of an image configuration as JSON: entrypoint, arguments, environment, labels, …
pub(crate) const CONFIG: &str = "dev.wasmctr.config";
/// When the image was made, where that differs from what the format's own field says.
pub(crate) const CREATED: &str = "dev.wasmctr.created";
/// When the program's file was modified, in seconds since 1970.
pub(crate) const MODIFIED: &str = "dev.wasmctr.modified";
/// Who made it.
pub(crate) const AUTHOR: &str = "dev.wasmctr.author";
/// The platform.
pub(crate) const PLATFORM: &str = "dev.wasmctr.platform";
/// The world that a component targets.
pub(crate) const TARGET: &str = "dev.wasmctr.target";
/// There is `module.wasm.image/variant` not only because the format wants it.
pub(crate) const VARIANT: &str = "dev.wasmctr.variant";
/// How the program's tar was compressed, where that is not gzip.
pub(crate) const COMPRESSION: &str = "dev.wasmctr.compression";
/// The file name of a layer, as oras, wkg and wasm-to-oci write it.
pub(crate) const TITLE: &str = "org.opencontainers.image.title";

/// What was found in the annotations of ours.
#[derive(Debug, Default)]
pub(crate) struct Carried {
    pub(crate) config: Option<Config>,
    pub(crate) created: Option<String>,
    pub(crate) modified: Option<u64>,
    pub(crate) author: Option<String>,
    pub(crate) platform: Option<Platform>,
    pub(crate) target: Option<String>,
    pub(crate) compression: Option<Compression>,
    pub(crate) variant: bool,
    /// All other annotations.
    pub(crate) rest: BTreeMap<String, String>,
}

impl Carried {
    pub(crate) fn read(manifest: &ImageManifest) -> Result<Self> {
        let mut carried = Self::default();
        for (name, value) in manifest.annotations().iter().flatten() {
            let malformed = |why: String| Error::malformed("an annotation", format!("{name}: {why}"));
            match name.as_str() {
                CONFIG => carried.config = Some(config(value).map_err(|error| malformed(error.to_string()))?),
                CREATED => carried.created = Some(value.clone()),
                MODIFIED => {
                    let seconds = value.parse().map_err(|_| malformed(format!("`{value}` is no number")))?;
                    carried.modified = Some(seconds);
                }
                AUTHOR => carried.author = Some(value.clone()),
                PLATFORM => {
                    carried.platform =
                        Some(value.parse().map_err(|error: Error| malformed(error.to_string()))?);
                }
                TARGET => carried.target = Some(value.clone()),
                COMPRESSION => {
                    carried.compression =
                        Some(value.parse().map_err(|error: Error| malformed(error.to_string()))?);
                }
                VARIANT => carried.variant = true,
                _ => drop(carried.rest.insert(name.clone(), value.clone())),
            }
        }
        Ok(carried)
    }
}

fn config(text: &str) -> Result<Config> {
    #[derive(Deserialize)]
    struct Any(Config);
    Ok(json::<Any>("the config that it holds", text.as_bytes())?.0)
}

/// The file name that a layer's annotation gives the program.
pub(crate) fn title(layer: &Descriptor) -> Option<&str> {
    layer.annotations().as_ref()?.get(TITLE).map(String::as_str)
}

/// The file name of the module among the layers.
pub(crate) fn module_title(layers: &[Descriptor]) -> Option<&str> {
    title(layers.iter().find(|layer| media::is_wasm(layer.media_type()))?)
}

/// Where a program of that title goes in an image.
pub(crate) fn path_of(title: Option<&str>) -> String {
    let path = title.map(|title| format!("/{}", file_name(title)));
    path.filter(|path| check_path(path).is_ok()).unwrap_or_else(|| "/app.wasm".to_owned())
}

pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The configuration of an image that says nothing but which file to run.
pub(crate) fn plain_config(path: &str) -> Result<Config> {
    let config = ConfigBuilder::default().entrypoint([path.to_owned()]).working_dir("/").build();
    config.map_err(|source| Error::malformed("the config", source.to_string()))
}
