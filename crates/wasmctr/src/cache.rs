use std::path::PathBuf;

use wasm_exec::{Cache, Engine, Origin, Program};

use crate::{Failure, home};

/// Opens this user's cache of precompiled code: `$XDG_CACHE_HOME/wasmctr/code`, or `~/.cache/wasmctr/code`.
pub(crate) fn open() -> Result<Cache, Failure> {
    Ok(Cache::open(place()?)?)
}

/// Where it is.
pub(crate) fn place() -> Result<PathBuf, Failure> {
    Ok(home::cache()?.join("wasmctr/code"))
}

/// Loads the program from the cache, and compiles it where there is no cache: then a warning says why. Tells as well
/// whether the cache had it.
pub(crate) fn program(engine: &dyn Engine, wasm: &[u8]) -> wasm_exec::Result<(Program, bool)> {
    let warn = |failure: Failure| {
        failure
            .note("the program is compiled each time; with `--no-cache` without this warning")
            .warn(&mut anstream::stderr().lock());
    };
    let cache = match open() {
        Ok(cache) => cache,
        Err(failure) => {
            warn(failure);
            return Ok((engine.compile(wasm)?, false));
        }
    };
    let cached = cache.program(engine, wasm)?;
    let found = matches!(cached.origin, Origin::Cache(_));
    if let Origin::NotStored(error) = cached.origin {
        warn(error.into());
    }
    Ok((cached.program, found))
}
