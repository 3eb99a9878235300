//! How each format is written.

use std::{
    collections::{BTreeMap, HashMap},
    io,
};

use bytes::Bytes;
use flate2::{Compression, GzBuilder};
use oci_spec::image::{Config, Descriptor, ImageConfiguration, ImageManifestBuilder, MediaType};

use super::Pack;
use crate::{
    Artifact, Engine, Error, Format, Interface, Platform, Result,
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
        Format::Artifact => artifact(pack),
        Format::Legacy => legacy(pack),
    }
}

fn compat(pack: &Pack) -> Result<Artifact> {
    let unpackable = |source: io::Error| Error::malformed("the layer", source.to_string());
    let tar = tar(pack).map_err(unpackable)?;
    let mut layer = Blob::new(MediaType::ImageLayerGzip, gzip(&tar));
    if let Some(title) = &pack.title {
        layer.titled(title);
    }
    let diff_ids = vec![sha256(&tar).to_string()];
    if let Some(engine) = &pack.engine {
        let tar = engine.tar(pack.modified).map_err(unpackable)?;
        return with_engine(pack, engine, (&tar, layer), diff_ids);
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
    assemble(Blob::new(MediaType::ImageConfig, canonical_json(&config)?), &[layer], annotations)
}

/// The engine's layer below the module's. Nothing asks for WebAssembly: what is started is a program.
fn with_engine(
    pack: &Pack,
    engine: &Engine,
    (tar, module): (&[u8], Blob),
    mut diff_ids: Vec<String>,
) -> Result<Artifact> {
    if engine.has(&pack.path) {
        let why = "the engine has something there already";
        return Err(Error::ImagePath { path: pack.path.clone(), why });
    }
    diff_ids.insert(0, sha256(tar).to_string());
    let mut process = pack.config.clone();
    process.set_entrypoint(Some(engine.entrypoint(&pack.path)));
    let config = config_of(pack, process, &pack.platform, diff_ids)?;
    let config = Blob::new(MediaType::ImageConfig, canonical_json(&config)?);
    let layers = [Blob::new(MediaType::ImageLayerGzip, gzip(tar)), module];
    assemble(config, &layers, pack.annotations.clone())
}

fn runwasi(pack: &Pack) -> Result<Artifact> {
    let layer = module(pack, media::RUNWASI_LAYER);
    let mut process = pack.config.clone();
    let mut labels = process.labels().clone().unwrap_or_default();
    let unique = sha256(layer.descriptor.digest().as_ref().as_bytes());
    labels.insert(LAYERS_LABEL.to_owned(), unique.to_string());
    process.set_labels(Some(labels));
    // The shims go by the architecture alone.
    let is_wasm = pack.platform.architecture == "wasm";
    let platform = if is_wasm { pack.platform.clone() } else { Platform::default() };
    let config = config_of(pack, process, &platform, vec![])?;
    let mut annotations = with_modified(pack);
    if !is_wasm {
        annotations.insert(carried::PLATFORM.to_owned(), pack.platform.to_string());
    }
    if let Some(target) = &pack.target {
        annotations.insert(carried::TARGET.to_owned(), target.clone());
    }
    assemble(Blob::new(MediaType::ImageConfig, canonical_json(&config)?), &[layer], annotations)
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
        component: cncf::Component::of(&Interface::of(&pack.wasm)?, pack.target.clone()),
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
    assemble(Blob::new(media::ARTIFACT_CONFIG.into(), config), &[layer], annotations)
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
    assemble(Blob::new(media::LEGACY_CONFIG.into(), b"{}".to_vec()), &[layer], annotations)
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

/// The annotations of a format that has no tar header.
fn with_modified(pack: &Pack) -> BTreeMap<String, String> {
    let mut annotations = pack.annotations.clone();
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

fn assemble(config: Blob, layers: &[Blob], annotations: BTreeMap<String, String>) -> Result<Artifact> {
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
    let blobs: Vec<_> = [&manifest, &config].into_iter().chain(layers).collect();
    Artifact::read(&manifest.descriptor, |wanted| {
        let blob = blobs.iter().find(|blob| blob.descriptor.digest() == wanted.digest());
        blob.map(|blob| blob.bytes.clone())
            .ok_or_else(|| Error::malformed("the manifest", "it names another blob"))
    })
}

/// One layer with one file, as `FROM scratch` and `COPY` make it: owned by root, executable, nothing of this machine.
fn tar(pack: &Pack) -> io::Result<Vec<u8>> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o755);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(pack.modified);
    header.set_size(pack.wasm.len() as u64);
    let mut tar = tar::Builder::new(Vec::with_capacity(pack.wasm.len() + 2048));
    tar.append_data(&mut header, pack.path.trim_start_matches('/'), pack.wasm.as_ref())?;
    tar.into_inner()
}

struct Blob {
    descriptor: Descriptor,
    bytes: Bytes,
}

impl Blob {
    fn new(media_type: MediaType, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { descriptor: Descriptor::new(media_type, bytes.len() as u64, sha256(&bytes)), bytes }
    }

    fn titled(&mut self, title: &str) {
        self.descriptor.set_annotations(Some([(TITLE.to_owned(), title.to_owned())].into()));
    }
}

/// No name, no time, operating system "unknown": the header has nothing of this machine.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut encoder = GzBuilder::new().mtime(0).operating_system(255).read(bytes, Compression::best());
    // Both ends are in memory: there is nothing to fail.
    let _ = io::copy(&mut encoder, &mut packed);
    packed
}

fn config_of(
    pack: &Pack,
    process: Config,
    platform: &Platform,
    diff_ids: Vec<String>,
) -> Result<ImageConfiguration> {
    image_config(process, platform, diff_ids, pack.created.clone(), pack.author.clone())
}
