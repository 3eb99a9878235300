use std::{
    io::Write,
    process::ExitCode,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clap::{Args, Subcommand};
use serde::Serialize;
use wasm_exec::{Entry, Pruned};
use wasm_oci::canonical_json_pretty;

use crate::{Failure, cache, form::Form, size::Size};

/// The flags of `wasmctr cache`.
#[derive(Debug, Args)]
#[command(
    after_help = "The cache is in $XDG_CACHE_HOME/wasmctr/code, or ~/.cache/wasmctr/code. Only its owner may \
                        write there: it holds native code. It grows to 1 GiB; what was not used for longest goes."
)]
pub(crate) struct Cache {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the code in the cache, the one used last first
    Ls {
        /// How to print it
        #[arg(long, value_enum, default_value_t)]
        format: Form,
    },
    /// Remove code, the one not used for longest first
    Prune {
        /// How much may stay: bytes, or with K, M, G [default: nothing]
        #[arg(long, value_name = "SIZE", default_value = "0", hide_default_value = true)]
        max_size: Size,
    },
}

/// What `ls` tells; this is the JSON document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listing {
    dir: String,
    entries: Vec<Line>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    key: String,
    size: u64,
    /// Seconds since 1970.
    used: u64,
}

impl Cache {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        let cache = cache::open()?;
        match self.action {
            Action::Ls { format: Form::Text } => {
                let entries = cache.entries()?;
                for Entry { key, size, used, .. } in &entries {
                    let age = SystemTime::now().duration_since(*used).unwrap_or_default();
                    writeln!(out, "{key} {size} bytes, used {} ago", rounded(age))?;
                }
                let bytes: u64 = entries.iter().map(|entry| entry.size).sum();
                writeln!(out, "{} of {bytes} bytes in {}", counted(entries.len()), cache.dir().display())?;
            }
            Action::Ls { format: Form::Json } => {
                let entries = cache.entries()?.into_iter().map(Line::of).collect();
                let listing = Listing { dir: cache.dir().display().to_string(), entries };
                out.write_all(&canonical_json_pretty(&listing)?)?;
            }
            Action::Prune { max_size } => {
                let Pruned { removed, removed_bytes, left, left_bytes, .. } = cache.prune(max_size.0)?;
                writeln!(out, "removed {} of {removed_bytes} bytes", counted(removed))?;
                writeln!(out, "left {} of {left_bytes} bytes", counted(left))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Line {
    fn of(entry: Entry) -> Self {
        let used = entry.used.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Self { key: entry.key, size: entry.size, used }
    }
}

fn counted(entries: usize) -> String {
    if entries == 1 { "1 entry".to_owned() } else { format!("{entries} entries") }
}

/// Tells a time by its largest unit.
fn rounded(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86400 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86400),
    }
}
