//! Run with: cargo run -p examples --example precompile -- guests/wat/hello.wat
//!
//! Runs a core module twice, as two processes would: the first compiles it and leaves its code in a cache, the second only
//! loads it. A real program keeps the cache in a place of its own, such as `~/.cache/NAME/code`.

#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::{env, fs, time::Instant};

use anyhow::Context;
use wasm_exec::{Cache, Origin, Output, Task};

fn main() -> anyhow::Result<()> {
    let path = env::args().nth(1).context("usage: precompile FILE")?;
    let file = fs::read(&path).with_context(|| format!("cannot read `{path}`"))?;
    let wasm = wat::parse_bytes(&file)?;
    let home = tempfile::tempdir()?;

    for _ in 0..2 {
        let engine = wasm_exec::engine("wasmtime")?;
        let cache = Cache::open(home.path().join("code"))?.max_bytes(64 << 20);
        let start = Instant::now();
        let cached = cache.program(&*engine, &wasm)?;
        let what = match cached.origin {
            Origin::Cache(entry) => format!("loaded {} bytes of code", entry.size),
            Origin::Compiled(entry) => format!("compiled to {} bytes of code", entry.size),
            other => format!("compiled, but not stored: {other:?}"),
        };
        println!("{what} in {:.2?}", start.elapsed());
        let exit = cached.program.run(Task::default().arg(&path).stdout(Output::Inherit))?;
        println!("{exit}");
    }
    Ok(())
}
