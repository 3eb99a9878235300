//! How each format is written.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use oci_spec::image::{Config, Descriptor, ImageConfiguration, ImageManifestBuilder, MediaType};

use super::{Pack, tar};
use crate::{
    Artifact, Compression, Engine, Error, Format, Layer, Platform, Result,
    artifact::image_config,
    canonical_json,
    carried::{self, TITLE},
    cncf, media, sha256,
    time::{is_rfc3339, rfc3339},
};

/// The annotation by which crun, youki and podman know a Wasm image.
pub(crate) const VARIANT: &str = "module.wasm.image/variant";

/// Makes images of runwasi that differ in their layer differ in their config, by which containerd knows images.
pub(crate) const LAYERS_LABEL: &str = "containerd.runwasi.layers";

pub(super) fn build(pack: &Pack, format: Format) -> Result<Artifact> {
    match format {
        Format::Spin | Format::Solo => Err(Error::ReadOnlyFormat { format }),
        Format::Compat => compat(pack),
        _ if pack.engine.is_some() => Err(Error::EngineFormat { format }),
        Format::Runwasi => runwasi(pack),
        Format::Artifact | Format::Legacy => {
            let (pack, lost) = pack.clone().without_files()?;
            match (lost.is_empty(), format) {
                (false, _) => Err(Error::Lossy { format, lost: lost.into() }),
                (true, Format::Artifact) => artifact(&pack),
                (true, _) => legacy(&pack),
            }
        }
    }
}

fn compat(pack: &Pack) -> Result<Artifact> {
    let Tars { mut layers, mut diff_ids } = Tars::below(pack)?;
    let (mut layer, diff_id) = compressed(pack, tar::program(pack)?)?;
    if let Some(title) = &pack.title {
        layer.titled(title);
    }
    layers.push(layer);
    diff_ids.push(diff_id);
    if let Some(engine) = &pack.engine {
        return with_engine(pack, engine, Tars { layers, diff_ids });
    }
    let config = config_of(pack, pack.config.clone(), &pack.platform, diff_ids)?;
    let mut annotations = pack.annotations.clone();
    if annotations.get(VARIANT).is_some_and(|variant| variant == "compat") {
        annotations.insert(carried::VARIANT.to_owned(), "explicit".to_owned());
    }
    annotations.entry(VARIANT.to_owned()).or_insert_with(|| "compat".to_owned());
    if let Some(target) = &pack.target {
        annotations.insert(carried::TARGET.to_owned(), target.clone());
    }
    assemble(Blob::new(MediaType::ImageConfig, canonical_json(&config)?), layers, annotations)
}

/// The engine's layer below the others. Nothing asks for WebAssembly: what is started is a program.
fn with_engine(pack: &Pack, engine: &Engine, tars: Tars) -> Result<Artifact> {
    let Tars { mut layers, mut diff_ids } = tars;
    if engine.has(&pack.path) {
        let why = "the engine has something there already";
        return Err(Error::ImagePath { path: pack.path.clone(), why });
    }
    let tar = engine.tar(pack.modified);
    let tar = tar.map_err(|source| Error::malformed("the layer", source.to_string()))?;
    let (layer, diff_id) = compressed(pack, tar)?;
    layers.insert(0, layer);
    diff_ids.insert(0, diff_id);
    let mut process = pack.config.clone();
    process.set_entrypoint(Some(engine.entrypoint(&pack.path)));
    let config = config_of(pack, process, &pack.platform, diff_ids)?;
    let config = Blob::new(MediaType::ImageConfig, canonical_json(&config)?);
    assemble(config, layers, pack.annotations.clone())
}

fn runwasi(pack: &Pack) -> Result<Artifact> {
    // What is no tar has no diff id.
    let Tars { mut layers, diff_ids } = Tars::below(pack)?;
    layers.push(module(pack, media::RUNWASI_LAYER));
    let mut process = pack.config.clone();
    let mut labels = process.labels().clone().unwrap_or_default();
    let digests: String = layers.iter().map(|layer| layer.descriptor.digest().to_string()).collect();
    labels.insert(LAYERS_LABEL.to_owned(), sha256(digests.as_bytes()).to_string());
    process.set_labels(Some(labels));
    // The shims go by the architecture alone.
    let is_wasm = pack.platform.architecture == "wasm";
    let platform = if is_wasm { pack.platform.clone() } else { Platform::default() };
    let config = config_of(pack, process, &platform, diff_ids)?;
    let mut annotations = with_modified(pack);
    if !is_wasm {
        annotations.insert(carried::PLATFORM.to_owned(), pack.platform.to_string());
    }
    if let Some(target) = &pack.target {
        annotations.insert(carried::TARGET.to_owned(), target.clone());
    }
    assemble(Blob::new(MediaType::ImageConfig, canonical_json(&config)?), layers, annotations)
}

fn artifact(pack: &Pack) -> Result<Artifact> {
    let layer = module(pack, media::ARTIFACT_LAYER);
    let default = rfc3339(pack.modified);
    let created = pack.created.clone().filter(|time| is_rfc3339(time) && *time != default);
    let platform = cncf::platform(pack.kind);
    let config = cncf::Config {
        created: Some(created.clone().unwrap_or(default)),
        author: pack.author.clone(),
        architecture: platform.architecture,
        os: platform.os,
        layer_digests: vec![layer.descriptor.digest().clone()],
        component: cncf::Component::of(&pack.wasm, pack.target.clone())?,
    };
    let mut annotations = with_config(pack)?;
    if let Some(time) = pack.created.as_ref().filter(|_| created.is_none()) {
        annotations.insert(carried::CREATED.to_owned(), time.clone());
    }
    if let Some(target) = pack.target.as_ref().filter(|_| config.component.is_none()) {
        annotations.insert(carried::TARGET.to_owned(), target.clone());
    }
    // No map in it: the order of the fields is that of the struct.
    let config =
        serde_json::to_vec(&config).map_err(|source| Error::malformed("the config", source.to_string()))?;
    assemble(Blob::new(media::ARTIFACT_CONFIG.into(), config), vec![layer], annotations)
}

fn legacy(pack: &Pack) -> Result<Artifact> {
    let layer = module(pack, media::LEGACY_LAYER);
    let mut annotations = with_config(pack)?;
    for (name, value) in
        [(carried::CREATED, &pack.created), (carried::AUTHOR, &pack.author), (carried::TARGET, &pack.target)]
    {
        if let Some(value) = value {
            annotations.insert(name.to_owned(), value.clone());
        }
    }
    assemble(Blob::new(media::LEGACY_CONFIG.into(), b"{}".to_vec()), vec![layer], annotations)
}

/// The module as a layer of its own.
fn module(pack: &Pack, media_type: &str) -> Blob {
    let mut layer = Blob::new(media_type.into(), pack.wasm.clone());
    layer.titled(title(pack));
    layer
}

fn title(pack: &Pack) -> &str {
    pack.title.as_deref().unwrap_or_else(|| carried::file_name(&pack.path))
}

/// The annotations of a format that has no tar header of the program.
fn with_modified(pack: &Pack) -> BTreeMap<String, String> {
    let mut annotations = pack.annotations.clone();
    if pack.compression != Compression::default() {
        annotations.insert(carried::COMPRESSION.to_owned(), pack.compression.to_string());
    }
    if pack.modified != 0 {
        annotations.insert(carried::MODIFIED.to_owned(), pack.modified.to_string());
    }
    annotations
}

/// The annotations of a format that has no image config either.
fn with_config(pack: &Pack) -> Result<BTreeMap<String, String>> {
    let mut annotations = with_modified(pack);
    if pack.platform != Platform::default() {
        annotations.insert(carried::PLATFORM.to_owned(), pack.platform.to_string());
    }
    if pack.config != carried::plain_config(&carried::path_of(Some(title(pack))))? {
        let json = canonical_json(&pack.config)?;
        annotations.insert(carried::CONFIG.to_owned(), String::from_utf8_lossy(&json).into_owned());
    }
    Ok(annotations)
}

fn assemble(config: Blob, layers: Vec<Blob>, annotations: BTreeMap<String, String>) -> Result<Artifact> {
    let mut manifest = ImageManifestBuilder::default()
        .schema_version(2_u32)
        .media_type(MediaType::ImageManifest)
        .config(config.descriptor.clone())
        .layers(layers.iter().map(|layer| layer.descriptor.clone()).collect::<Vec<_>>())
        .build()
        .map_err(|source| Error::malformed("the manifest", source.to_string()))?;
    if !annotations.is_empty() {
        manifest.set_annotations(Some(annotations.into_iter().collect::<HashMap<_, _>>()));
    }
    let manifest = Blob::new(MediaType::ImageManifest, canonical_json(&manifest)?);
    Artifact::read(&manifest.descriptor, |wanted| {
        let mut blobs = [&manifest, &config].into_iter().chain(&layers);
        let blob = blobs.find(|blob| blob.descriptor.digest() == wanted.digest());
        blob.map(|blob| blob.bytes.clone())
            .ok_or_else(|| Error::malformed("the manifest", "it names another blob"))
    })
}

/// Tar layers, and the digests that they have without compression.
struct Tars {
    layers: Vec<Blob>,
    diff_ids: Vec<String>,
}

impl Tars {
    /// Those that lie below the program.
    fn below(pack: &Pack) -> Result<Self> {
        let mut tars = Self { layers: vec![], diff_ids: vec![] };
        for layer in &pack.below {
            tars.layers.push(Blob::of(layer));
            tars.diff_ids.push(layer.uncompressed()?.1.to_string());
        }
        if let Some(files) = tar::files(pack)? {
            let (layer, diff_id) = compressed(pack, files)?;
            tars.layers.push(layer);
            tars.diff_ids.push(diff_id);
        }
        Ok(tars)
    }
}

fn compressed(pack: &Pack, tar: Vec<u8>) -> Result<(Blob, String)> {
    let diff_id = sha256(&tar).to_string();
    Ok((Blob::new(pack.compression.media_type(), pack.compression.compress(tar)?), diff_id))
}

struct Blob {
    descriptor: Descriptor,
    bytes: Bytes,
}

impl Blob {
    fn of(layer: &Layer) -> Self {
        Self { descriptor: layer.descriptor().clone(), bytes: layer.blob().clone() }
    }

    fn new(media_type: MediaType, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { descriptor: Descriptor::new(media_type, bytes.len() as u64, sha256(&bytes)), bytes }
    }

    fn titled(&mut self, title: &str) {
        self.descriptor.set_annotations(Some([(TITLE.to_owned(), title.to_owned())].into()));
    }
}

fn config_of(
    pack: &Pack,
    process: Config,
    platform: &Platform,
    diff_ids: Vec<String>,
) -> Result<ImageConfiguration> {
    image_config(process, platform, diff_ids, pack.created.clone(), pack.author.clone())
}
