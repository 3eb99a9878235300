use std::{collections::BTreeMap, io::Write, process::ExitCode};

use clap::Args;
use serde::Serialize;
use wasm_oci::{Artifact, Interface, Kind, Location, canonical_json_pretty, sha256};

use crate::{Failure, form::Form, input, table::Table};

/// The flags of `wasmctr inspect`.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A .wasm or .wat file, `-`, or `oci:DIR[:TAG]`
    location: Location,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Form,
}

/// What `inspect` tells; this is the JSON document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    location: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<Image>,
    wasm: Wasm,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Image {
    format: String,
    digest: String,
    platform: String,
    entrypoint: Vec<String>,
    env: Vec<String>,
    annotations: BTreeMap<String, String>,
    layers: Vec<Layer>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    digest: String,
    media_type: String,
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
}

impl Inspect {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        let report = self.report()?;
        match self.format {
            Form::Text => report.text(&mut Table::new(out))?,
            Form::Json => out.write_all(&canonical_json_pretty(&report)?)?,
        }
        Ok(ExitCode::SUCCESS)
    }

    fn report(&self) -> Result<Report, Failure> {
        let location = self.location.to_string();
        if let Location::Layout { .. } = self.location {
            let image = input::image(&self.location)?;
            Ok(Report { location, wasm: Wasm::of(&image.wasm()?)?, image: Some(Image::of(&image)) })
        } else {
            Ok(Report { location, wasm: Wasm::of(&input::wasm(&self.location)?)?, image: None })
        }
    }
}

impl Image {
    fn of(image: &Artifact) -> Self {
        let config = image.config().config().clone().unwrap_or_default();
        let words = config.entrypoint().iter().flatten().chain(config.cmd().iter().flatten());
        let layers = image.layers().iter().map(wasm_oci::Layer::descriptor);
        Self {
            format: image.format().to_string(),
            digest: image.digest().to_string(),
            platform: image.platform().to_string(),
            entrypoint: words.cloned().collect(),
            env: config.env().clone().unwrap_or_default(),
            annotations: image.manifest().annotations().clone().unwrap_or_default().into_iter().collect(),
            layers: layers
                .map(|layer| Layer {
                    digest: layer.digest().to_string(),
                    media_type: layer.media_type().to_string(),
                    size: layer.size(),
                })
                .collect(),
        }
    }
}

impl Wasm {
    fn of(bytes: &[u8]) -> Result<Self, Failure> {
        let interface = Interface::of(bytes)?;
        let sockets = interface.wasmedge_sockets();
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
        })
    }
}

impl Report {
    fn text(&self, table: &mut Table<'_>) -> Result<(), Failure> {
        table.line("location", &self.location)?;
        if let Some(image) = &self.image {
            image.text(table)?;
        }
        let Wasm { kind, wasi, digest, size, imports, exports, wasmedge_sockets } = &self.wasm;
        table.line(kind, format_args!("{digest} {size} bytes"))?;
        let target = if *kind == Kind::Module.to_string() { "core module" } else { "component" };
        table.line("built for", format_args!("WASI {wasi}, {target}"))?;
        list(table, "imports", imports)?;
        list(table, "exports", exports)?;
        if !wasmedge_sockets.is_empty() {
            table.line("sockets", format_args!("WasmEdge's: {}", wasmedge_sockets.join(", ")))?;
        }
        Ok(())
    }
}

impl Image {
    fn text(&self, table: &mut Table<'_>) -> Result<(), Failure> {
        table.line("image", format_args!("{} {}, {}", self.digest, self.format, self.platform))?;
        for layer in &self.layers {
            table
                .line("layer", format_args!("{} {} bytes, {}", layer.digest, layer.size, layer.media_type))?;
        }
        table.line("entrypoint", format_args!("{:?}", self.entrypoint))?;
        list(table, "env", &self.env)?;
        let annotations: Vec<_> =
            self.annotations.iter().map(|(name, value)| format!("{name}={value}")).collect();
        list(table, "annotations", &annotations)
    }
}

/// One line for each item, the label in front of the first.
fn list(table: &mut Table<'_>, label: &str, items: &[String]) -> Result<(), Failure> {
    for (index, item) in items.iter().enumerate() {
        table.line(if index == 0 { label } else { "" }, item)?;
    }
    Ok(())
}
