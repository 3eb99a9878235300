use std::{io::Write, process::ExitCode, time::Instant};

use clap::Args;
use wasm_exec::Origin;
use wasm_oci::{Location, Platform, sha256};

use crate::{
    Failure, cache,
    engine::{Choice, Code},
    input,
    remote::Remote,
    table::Table,
};

/// The flags of `wasmctr compile`.
#[derive(Debug, Args)]
#[command(after_help = "`wasmctr run` finds the code in the cache of precompiled code and starts at once.")]
pub(crate) struct Compile {
    /// A .wasm or .wat file, `-`, a bundle directory, or an image: `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`
    location: Location,
    /// Which image of an index of several [default: the one for WebAssembly]
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<Platform>,
    /// Compile for `serve` and for `run --timeout`, which end guests that compute
    #[arg(long)]
    interruptible: bool,
    #[command(flatten)]
    engine: Choice,
    #[command(flatten)]
    remote: Remote,
}

impl Compile {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<ExitCode, Failure> {
        let engine = self.engine.here().map_err(|failure| failure.code(1))?;
        let wasm = input::module(&self.location, self.platform.as_ref(), &self.remote)?;
        let engine = engine.make(Code { counts_fuel: false, interruptible: self.interruptible })?;
        let cache = cache::open()?;

        let start = Instant::now();
        let cached = cache.program(&*engine, &wasm)?;
        let time = start.elapsed().as_secs_f64() * 1000.0;
        let (label, entry) = match cached.origin {
            Origin::Cache(entry) => ("found", entry),
            Origin::Compiled(entry) => ("compiled", entry),
            Origin::NotStored(error) => return Err(error.into()),
            _ => return Err(anyhow::anyhow!("the cache gave an unknown answer").into()),
        };
        let mut table = Table::new(out);
        table.line("module", format_args!("{} {} bytes", sha256(&wasm), wasm.len()))?;
        table.line("engine", format_args!("{} {}", engine.info().name, engine.info().version))?;
        table.line("code", format_args!("{} {} bytes", entry.key, entry.size))?;
        table.line(label, format_args!("in {time:.2} ms"))?;
        table.line("cache", cache.dir().display())?;
        Ok(ExitCode::SUCCESS)
    }
}
