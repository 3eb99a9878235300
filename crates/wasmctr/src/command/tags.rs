use std::{io::Write, process::ExitCode};

use anyhow::anyhow;
use clap::Args;
use wasm_oci::{Location, Reference, canonical_json_pretty};

use crate::{Failure, form::Form, remote::Remote, table::visible};

/// The flags of `wasmctr tags`.
#[derive(Debug, Args)]
pub(crate) struct Tags {
    /// The repository: `HOST/NAME`; with --delete the tag or digest that goes: `HOST/NAME:TAG`, `HOST/NAME@DIGEST`
    #[arg(value_name = "NAME", value_parser = Location::reference)]
    name: Reference,
    /// Delete the tag, or, by digest, the image with all its tags, where the registry allows it
    #[arg(long)]
    delete: bool,
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    #[command(flatten)]
    remote: Remote,
}

impl Tags {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        if self.delete {
            return self.delete(out);
        }
        let (registry, _progress) = self.remote.client(&self.name)?;
        let tags = registry.tags(&self.name)?;
        match self.format {
            Form::Json => {
                let name = format!("{}/{}", self.name.registry(), self.name.repository());
                let document = serde_json::json!({"name": name, "tags": tags});
                out.write_all(&canonical_json_pretty(&document)?)?;
            }
            Form::Text => tags.iter().try_for_each(|tag| writeln!(out, "{}", visible(tag)))?,
        }
        Ok(ExitCode::SUCCESS)
    }

    fn delete(&self, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        if self.name.tag().is_none() && self.name.digest().is_none() {
            let error = anyhow!("`{}` names neither tag nor digest", self.name);
            return Err(Failure::new(2, error).help("name what goes: `NAME:TAG` or `NAME@DIGEST`"));
        }
        let (registry, _progress) = self.remote.client(&self.name)?;
        registry.delete(&self.name)?;
        match self.format {
            Form::Json => {
                let document = serde_json::json!({"deleted": self.name.to_string()});
                out.write_all(&canonical_json_pretty(&document)?)?;
            }
            Form::Text => writeln!(out, "deleted {}", self.name)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
