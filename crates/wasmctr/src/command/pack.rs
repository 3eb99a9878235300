use std::{env, io::Write, process::ExitCode};

use anyhow::{Context, anyhow};
use clap::Args;
use wasm_oci::{Format, Layout, Location, Overwrite, Platform, sha256};

use crate::{Failure, input, table::Table};

/// The flags of `wasmctr pack`.
#[derive(Debug, Args)]
#[command(
    after_help = "The same input gives the same digest, on every machine, for one release of wasmctr. Files in \
                        the image carry the time of SOURCE_DATE_EPOCH, or 1970."
)]
pub(crate) struct Pack {
    /// The module or component: a .wasm or .wat file, or `-`
    input: Location,
    /// Where the image goes: oci:DIR:TAG
    #[arg(short, long, value_name = "LOCATION")]
    output: Location,
    /// How to pack it: compat, what `FROM scratch` and `COPY` would make
    #[arg(long, default_value = "compat")]
    format: Format,
    /// The platform that the image names
    #[arg(long, value_name = "OS/ARCH", default_value_t)]
    platform: Platform,
    /// The path of the file in the image [default: `/` and the name of the input]
    #[arg(long, value_name = "PATH")]
    entrypoint: Option<String>,
    /// An argument for the program, when it is started without any (repeatable)
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    arg: Vec<String>,
    /// An environment variable for the program (repeatable)
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    env: Vec<(String, String)>,
    /// An annotation of the image (repeatable)
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    annotation: Vec<(String, String)>,
    /// Move the tag if the layout has it already
    #[arg(long)]
    force: bool,
}

impl Pack {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        let (dir, tag) = target(&self.output)?;
        let wasm = input::wasm(&self.input)?;
        let (size, digest) = (wasm.len(), sha256(&wasm));
        let entrypoint = self.entrypoint.clone().map_or_else(|| input::entrypoint(&self.input), Ok)?;
        let mut pack =
            wasm_oci::Pack::new(wasm, &entrypoint)?.platform(self.platform.clone()).modified(epoch()?);
        pack = self.arg.iter().fold(pack, wasm_oci::Pack::arg);
        pack = self.env.iter().fold(pack, |pack, (name, value)| pack.env(format!("{name}={value}")));
        pack = self.annotation.iter().fold(pack, |pack, (name, value)| pack.annotation(name, value));
        let kind = pack.kind();
        let image = pack.build(self.format)?;
        let overwrite = if self.force { Overwrite::Replace } else { Overwrite::Refuse };
        Layout::write(dir, tag, &image, overwrite)?;

        let mut table = Table::new(out);
        table.line(&kind.to_string(), format_args!("{digest} {size} bytes"))?;
        for layer in image.layers() {
            let layer = layer.descriptor();
            table.line("layer", format_args!("{} {} bytes", layer.digest(), layer.size()))?;
        }
        table.line("image", format_args!("{} {}, {}", image.digest(), image.format(), image.platform()))?;
        table.line("written", &self.output)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What `-o` must be: a layout with a tag.
fn target(output: &Location) -> Result<(&std::path::Path, &str), Failure> {
    match output {
        Location::Layout { dir, tag: Some(tag) } => Ok((dir, tag)),
        Location::Layout { dir, tag: None } => {
            let error = anyhow!("the output `{output}` names no tag");
            Err(Failure::from(error).help(format!("name one: `-o oci:{}:v1`", dir.display())))
        }
        other => {
            let error = anyhow!("cannot write an image to `{other}`");
            Err(Failure::from(error).help("write it to an OCI layout: `-o oci:DIR:TAG`"))
        }
    }
}

/// The time that the environment asks for (<https://reproducible-builds.org/specs/source-date-epoch/>), or 1970.
fn epoch() -> Result<u64, Failure> {
    match env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => {
            let seconds =
                text.parse().with_context(|| format!("SOURCE_DATE_EPOCH is no number of seconds: `{text}`"));
            Ok(seconds?)
        }
        Err(_) => Ok(0),
    }
}

/// Parses `NAME=VALUE`.
fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}
