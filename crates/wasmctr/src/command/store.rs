use std::{
    io::Write,
    process::ExitCode,
    time::{Duration, SystemTime},
};

use anyhow::anyhow;
use clap::{Args, Subcommand};
use serde::Serialize;
use wasm_oci::{Collected, Layout, Location, Verified, canonical_json_pretty};

use crate::{Failure, form::Form, limits::seconds, store, table::Table};

/// The flags of `wasmctr store`.
#[derive(Debug, Args)]
#[command(
    after_help = "Without a layout it is this user's store: $XDG_CACHE_HOME/wasmctr/images, or ~/.cache/wasmctr/images. \
                  Only its owner may write there."
)]
pub(crate) struct Store {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Compare every blob with its digest; those that are damaged are put aside, and the command ends with 1
    Verify {
        /// The layout: `oci:DIR` [default: this user's store]
        layout: Option<Location>,
        /// How to print it
        #[arg(long, value_enum, default_value_t)]
        format: Form,
    },
    /// Remove blobs that no image needs, and what was left unfinished; a layout that is in use is waited for
    Gc {
        /// The layout: `oci:DIR` [default: this user's store]
        layout: Option<Location>,
        /// Leave what was written within so many seconds: somebody may be about to need it
        #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "3600")]
        keep: Duration,
        /// How many seconds to wait for who uses it
        #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "30")]
        wait: Duration,
        /// How to print it
        #[arg(long, value_enum, default_value_t)]
        format: Form,
    },
    /// Take a tag out; its blobs stay until `gc`
    Rm {
        /// The image: `oci:DIR:TAG`, or the name of an image in this user's store
        image: Location,
    },
}

impl Store {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        match &self.action {
            Action::Verify { layout, format } => verify(&opened(layout.as_ref())?, *format, out),
            Action::Gc { layout, keep, wait, format } => {
                let dir = opened(layout.as_ref())?.dir().to_owned();
                // A clock that is wrong removes nothing too early.
                let before = SystemTime::now().checked_sub(*keep).unwrap_or(SystemTime::UNIX_EPOCH);
                collected(&Layout::gc(&dir, before, *wait)?, *format, out)
            }
            Action::Rm { image } => {
                let (mut layout, tag) = match image {
                    Location::Layout { dir, tag: Some(tag) } => (Layout::open(dir)?, tag.clone()),
                    Location::Registry(name) => (store::open()?.into_layout(), name.to_string()),
                    other => return Err(not_tagged(other)),
                };
                layout.untag(&tag)?;
                Table::new(out).line("removed", tag)?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

fn opened(location: Option<&Location>) -> Result<Layout, Failure> {
    match location {
        None => Ok(store::open()?.into_layout()),
        Some(Location::Layout { dir, tag: None }) => Ok(Layout::open(dir)?),
        Some(other) => {
            let error = anyhow!("`{other}` is no layout as a whole");
            Err(Failure::from(error).help("name one without a tag: `oci:DIR`"))
        }
    }
}

fn not_tagged(location: &Location) -> Failure {
    Failure::from(anyhow!("`{location}` names no tag of a layout")).help("name one: `oci:DIR:TAG`")
}

/// What `verify` found; this is the JSON document.
#[derive(Debug, Serialize)]
struct Found {
    blobs: usize,
    bytes: u64,
    corrupt: Vec<Corrupt>,
    missing: Vec<Missing>,
}

#[derive(Debug, Serialize)]
struct Corrupt {
    digest: String,
    quarantined: bool,
}

#[derive(Debug, Serialize)]
struct Missing {
    digest: String,
    tag: Option<String>,
}

fn verify(layout: &Layout, format: Form, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let found = Found::of(layout.verify()?);
    match format {
        Form::Text => found.text(out)?,
        Form::Json => out.write_all(&canonical_json_pretty(&found)?)?,
    }
    let whole = found.corrupt.is_empty() && found.missing.is_empty();
    Ok(if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Found {
    fn of(found: Verified) -> Self {
        let corrupt = found
            .corrupt
            .into_iter()
            .map(|it| Corrupt { digest: it.digest.to_string(), quarantined: it.quarantined });
        let missing =
            found.missing.into_iter().map(|it| Missing { digest: it.digest.to_string(), tag: it.tag });
        Self {
            blobs: found.blobs,
            bytes: found.bytes,
            corrupt: corrupt.collect(),
            missing: missing.collect(),
        }
    }

    fn text(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let mut table = Table::new(out);
        table.line("checked", format_args!("{} blobs of {} bytes", self.blobs, self.bytes))?;
        for Corrupt { digest, quarantined } in &self.corrupt {
            let moved = if *quarantined { "put aside" } else { "still there" };
            table.line("damaged", format_args!("{digest} {moved}"))?;
        }
        for Missing { digest, tag } in &self.missing {
            match tag {
                Some(tag) => table.line("missing", format_args!("{digest} of {tag}"))?,
                None => table.line("missing", digest)?,
            }
        }
        Ok(())
    }
}

/// What `gc` did; this is the JSON document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Removed {
    removed: usize,
    removed_bytes: u64,
    left: usize,
    young: usize,
}

fn collected(collected: &Collected, format: Form, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let Collected { removed, removed_bytes, left, young, .. } = *collected;
    match format {
        Form::Json => {
            out.write_all(&canonical_json_pretty(&Removed { removed, removed_bytes, left, young })?)?;
        }
        Form::Text => {
            let mut table = Table::new(out);
            table.line("removed", format_args!("{removed} files of {removed_bytes} bytes"))?;
            table.line("left", format_args!("{left} blobs, {young} of them needed by no image and young"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
