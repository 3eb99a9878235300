//! Measures what each format makes of modules, as a table in Markdown: the bytes of the layers that are pulled.
//!
//! `cargo run -p examples --example sizes [-- FILE.wasm …]`; without files, the guests of this project that are compiled
//! (`cargo xtask guests`).

#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::{env, fs, path::PathBuf};

use wasm_oci::{Compression, Format, Pack};

fn main() -> anyhow::Result<()> {
    let mut files: Vec<PathBuf> = env::args().skip(1).map(PathBuf::from).collect();
    if files.is_empty() {
        files.extend(guests::COMPILED.iter().filter_map(|guest| guests::compiled(guest)));
    }
    println!("| guest | raw | compat, gzip | compat, zstd | artifact |\n|---|---|---|---|---|");
    for file in files {
        let wasm = fs::read(&file)?;
        let pack = Pack::new(wasm.clone(), "/app.wasm")?;
        let layer = |format, compression| -> anyhow::Result<u64> {
            let image = pack.clone().compression(compression).build(format)?;
            Ok(image.layers().iter().map(|layer| layer.descriptor().size()).sum())
        };
        println!(
            "| {} | {} | {} | {} | {} |",
            file.file_stem().unwrap_or_default().display(),
            wasm.len(),
            layer(Format::Compat, Compression::Gzip)?,
            layer(Format::Compat, Compression::Zstd)?,
            layer(Format::Artifact, Compression::Gzip)?,
        );
    }
    Ok(())
}
