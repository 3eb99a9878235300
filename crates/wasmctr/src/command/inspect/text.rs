//! What `inspect` tells people.

use std::collections::BTreeMap;

use wasm_oci::Kind;

use super::{Blob, Engine, Image, Layer, Report, Suits, Uncompressed, Wasm};
use crate::{Failure, table::Table};

impl Report {
    pub(super) fn text(&self, table: &mut Table<'_>) -> Result<(), Failure> {
        table.line("location", &self.location)?;
        if let Some(image) = &self.image {
            image.text(table)?;
        }
        if let Some(wasm) = &self.wasm {
            wasm.text(table)?;
        }
        self.suits.as_ref().map_or(Ok(()), |suits| suits.text(table))
    }
}

impl Wasm {
    fn text(&self, table: &mut Table<'_>) -> Result<(), Failure> {
        let Self {
            kind,
            wasi,
            digest,
            size,
            imports,
            exports,
            wasmedge_sockets,
            producers,
            metadata,
            crates,
        } = self;
        table.line(kind, format_args!("{digest} {size} bytes"))?;
        let target = if *kind == Kind::Module.to_string() { "core module" } else { "component" };
        table.line("built for", format_args!("WASI {wasi}, {target}"))?;
        list(table, "imports", imports)?;
        list(table, "exports", exports)?;
        if !wasmedge_sockets.is_empty() {
            table.line("sockets", format_args!("WasmEdge's: {}", wasmedge_sockets.join(", ")))?;
        }
        list(table, "made with", producers)?;
        list(table, "says", &pairs(metadata))?;
        list(table, "crates", crates)
    }
}

impl Image {
    fn text(&self, table: &mut Table<'_>) -> Result<(), Failure> {
        table.line("image", format_args!("{} {}, {}", self.digest, self.format, self.platform))?;
        if let Some(Engine { command, module }) = &self.engine {
            let command = command.join(" ");
            table.line(
                "runs",
                format_args!("{module}, by an engine inside: a Linux image that starts {command}"),
            )?;
        }
        let Blob { digest, media_type, size } = &self.config;
        table.line("config", format_args!("{digest} {size} bytes, {media_type}"))?;
        for Layer { blob: Blob { digest, media_type, size }, uncompressed, annotations } in &self.layers {
            table.line("layer", format_args!("{digest} {size} bytes, {media_type}"))?;
            if let Some(Uncompressed { digest: raw, size }) =
                uncompressed.as_ref().filter(|it| it.digest != *digest)
            {
                table.line("", format_args!("{raw} {size} bytes without compression"))?;
            }
            for pair in pairs(annotations) {
                table.line("", pair)?;
            }
        }
        table.line("entrypoint", format_args!("{:?}", self.entrypoint))?;
        list(table, "env", &self.env)?;
        for (label, value) in [("created", &self.created), ("author", &self.author)] {
            if let Some(value) = value {
                table.line(label, value)?;
            }
        }
        list(table, "annotations", &pairs(&self.annotations))
    }
}

impl Suits {
    fn text(&self, table: &mut Table<'_>) -> Result<(), Failure> {
        let Self { consumer, accepts, why, remedy } = self;
        let answer = if *accepts { "yes" } else { "no" };
        table.line("for", format_args!("{consumer}: {answer}, {why}"))?;
        if let Some(remedy) = remedy {
            table.line("do", remedy)?;
        }
        Ok(())
    }
}

fn pairs(map: &BTreeMap<String, String>) -> Vec<String> {
    map.iter().map(|(name, value)| format!("{name}={value}")).collect()
}

/// One line for each item, the label in front of the first.
fn list(table: &mut Table<'_>, label: &str, items: &[String]) -> Result<(), Failure> {
    for (index, item) in items.iter().enumerate() {
        table.line(if index == 0 { label } else { "" }, item)?;
    }
    Ok(())
}
