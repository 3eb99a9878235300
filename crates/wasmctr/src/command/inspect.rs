mod text;

use std::{collections::BTreeMap, io::Write, process::ExitCode};

use clap::Args;
use serde::Serialize;
use wasm_oci::{
    Artifact, Consumer, Embedded, Format, Interface, Location, Metadata, Pack, Platform, Verdict,
    canonical_json_pretty, oci_spec::image::Descriptor, sha256,
};

use crate::{Failure, form::Form, input, remote::Remote, table::Table};

/// The flags of `wasmctr inspect`.
#[derive(Debug, Args)]
#[command(after_help = "With --for it ends with 0 for yes and 1 for no.")]
pub(crate) struct Inspect {
    /// A .wasm or .wat file, `-`, or an image: `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`
    location: Location,
    /// Tell whether it suits one of crun, youki, runwasi, spin, wkg, podman, docker, ctr, istio; why, and what to do
    #[arg(long = "for", value_name = "CONSUMER")]
    consumer: Option<Consumer>,
    /// Which image of an index of several [default: the one for WebAssembly]
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<Platform>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    #[command(flatten)]
    remote: Remote,
}

/// What `inspect` tells; this is the JSON document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    location: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<Image>,
    /// Of an application with several modules there is no one to tell about.
    #[serde(skip_serializing_if = "Option::is_none")]
    wasm: Option<Wasm>,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    suits: Option<Suits>,
}

/// The answer to `--for`.
#[derive(Debug, Serialize)]
struct Suits {
    consumer: String,
    accepts: bool,
    why: &'static str,
    remedy: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Image {
    format: String,
    digest: String,
    media_type: String,
    platform: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    engine: Option<Engine>,
    config: Blob,
    entrypoint: Vec<String>,
    env: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    annotations: BTreeMap<String, String>,
    layers: Vec<Layer>,
}

/// The engine in an image that brings one along.
#[derive(Debug, Serialize)]
struct Engine {
    /// Its program and its arguments, before the path of the module.
    command: Vec<String>,
    module: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Blob {
    digest: String,
    media_type: String,
    size: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    #[serde(flatten)]
    blob: Blob,
    /// Without compression; not of a layer that is neither a tar nor WebAssembly.
    #[serde(skip_serializing_if = "Option::is_none")]
    uncompressed: Option<Uncompressed>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
struct Uncompressed {
    digest: String,
    size: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Wasm {
    kind: String,
    wasi: String,
    digest: String,
    size: usize,
    imports: Vec<String>,
    exports: Vec<String>,
    wasmedge_sockets: Vec<String>,
    producers: Vec<String>,
    metadata: BTreeMap<String, String>,
    crates: Vec<String>,
}

impl Inspect {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        let report = self.report()?;
        match self.format {
            Form::Text => report.text(&mut Table::new(out))?,
            Form::Json => out.write_all(&canonical_json_pretty(&report)?)?,
        }
        let yes = report.suits.as_ref().is_none_or(|suits| suits.accepts);
        Ok(if yes { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn report(&self) -> Result<Report, Failure> {
        let location = self.location.to_string();
        if !self.location.is_image() {
            let wasm = input::wasm(&self.location)?;
            let suits = self.consumer.map(|consumer| self.file_suits(consumer, &wasm)).transpose()?;
            return Ok(Report { location, wasm: Some(Wasm::of(&wasm)?), image: None, suits });
        }
        let image = input::image(&self.location, self.platform.as_ref(), &self.remote)?;
        let embedded = image.embedded()?;
        let wasm = match (&embedded, image.wasm()) {
            (Some(embedded), _) => Some(Wasm::of(&embedded.wasm)?),
            (None, Err(wasm_oci::Error::Modules { .. })) => None,
            (None, wasm) => Some(Wasm::of(&wasm?)?),
        };
        let suits = self.consumer.map(|consumer| {
            let verdict = consumer.judge(&image)?;
            Ok::<_, Failure>(Suits::of(consumer, verdict, &self.location))
        });
        Ok(Report { wasm, image: Some(Image::of(&image, embedded)), suits: suits.transpose()?, location })
    }

    /// A file suits nobody until it is packed; then as what it was packed as.
    fn file_suits(&self, consumer: Consumer, wasm: &[u8]) -> Result<Suits, Failure> {
        let format = consumer.format();
        let verdict = consumer.judge(&Pack::new(wasm.to_vec(), "/app.wasm")?.build(format)?)?;
        let mut suits = Suits::of(consumer, verdict, &self.location);
        if suits.accepts {
            let to = beside(&self.location, format);
            let remedy = format!("wasmctr pack {} -o {to} --format {format}", quoted(&self.location));
            suits = Suits { accepts: false, why: "it is a file and no image", remedy: Some(remedy), ..suits };
        }
        Ok(suits)
    }
}

impl Suits {
    fn of(consumer: Consumer, verdict: Verdict, location: &Location) -> Self {
        let Verdict { accepts, why, remedy, .. } = verdict;
        let remedy = remedy.map(|remedy| remedy.command(&quoted(location), &beside(location, remedy.format)));
        Self { consumer: consumer.to_string(), accepts, why, remedy }
    }
}

impl Image {
    fn of(image: &Artifact, embedded: Option<Embedded>) -> Self {
        let config = image.config().config().clone().unwrap_or_default();
        let words = config.entrypoint().iter().flatten().chain(config.cmd().iter().flatten());
        Self {
            format: image.format().to_string(),
            digest: image.digest().to_string(),
            media_type: image.descriptor().media_type().to_string(),
            platform: image.platform().to_string(),
            engine: embedded.map(|Embedded { engine, path, .. }| Engine { command: engine, module: path }),
            config: Blob::of(image.manifest().config()),
            entrypoint: words.cloned().collect(),
            env: config.env().clone().unwrap_or_default(),
            created: image.config().created().clone(),
            author: image.config().author().clone(),
            annotations: image.manifest().annotations().clone().unwrap_or_default().into_iter().collect(),
            layers: image.layers().iter().map(Layer::of).collect(),
        }
    }
}

impl Blob {
    fn of(descriptor: &Descriptor) -> Self {
        Self {
            digest: descriptor.digest().to_string(),
            media_type: descriptor.media_type().to_string(),
            size: descriptor.size(),
        }
    }
}

impl Layer {
    fn of(layer: &wasm_oci::Layer) -> Self {
        let uncompressed = layer.uncompressed().ok();
        Self {
            blob: Blob::of(layer.descriptor()),
            uncompressed: uncompressed
                .map(|(size, digest)| Uncompressed { digest: digest.to_string(), size }),
            annotations: layer.descriptor().annotations().clone().unwrap_or_default().into_iter().collect(),
        }
    }
}

impl Wasm {
    fn of(bytes: &[u8]) -> Result<Self, Failure> {
        let interface = Interface::of(bytes)?;
        let sockets = interface.wasmedge_sockets();
        let metadata = Metadata::of(bytes)?;
        Ok(Self {
            kind: interface.kind.to_string(),
            wasi: interface.wasi.to_string(),
            digest: sha256(bytes).to_string(),
            size: bytes.len(),
            imports: interface.imports.iter().map(ToString::to_string).collect(),
            exports: interface
                .exports
                .iter()
                .map(|export| format!("{} {}", export.name, export.ty))
                .collect(),
            wasmedge_sockets: sockets.iter().map(|import| import.name.clone()).collect(),
            producers: metadata.producers.iter().map(ToString::to_string).collect(),
            metadata: metadata.annotations,
            crates: metadata.crates,
        })
    }
}

/// Where the remedy writes to: beside the image, under a tag of its own.
fn beside(location: &Location, format: Format) -> String {
    let (dir, tag) = match location {
        Location::Layout { dir, tag } => (dir.clone(), tag.as_deref()),
        _ => ("out".into(), None),
    };
    let tag = tag.map_or_else(|| format.to_string(), |tag| format!("{tag}-{format}"));
    quoted(&Location::Layout { dir, tag: Some(tag) })
}

/// As a shell takes it.
fn quoted(location: &Location) -> String {
    let text = location.to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@+=,".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
