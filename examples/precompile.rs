//! Runs a core module twice, as two processes would: the first compiles it and leaves its code in a cache, the second
//! only loads it. A real program keeps the cache in a place of its own, such as `~/.cache/NAME/code`.
//!
//! `cargo run -p examples --example precompile [-- FILE]`; without a file, a guest that says hello.

#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::{env, fs, time::Instant};

use anyhow::Context;
use wasm_exec::{Cache, Origin, Output, Task};

fn main() -> anyhow::Result<()> {
    let wasm = match env::args().nth(1) {
        Some(path) => {
            let file = fs::read(&path).with_context(|| format!("cannot read `{path}`"))?;
            wat::parse_bytes(&file)?.into_owned()
        }
        None => guests::HELLO.wasm(),
    };
    let home = tempfile::tempdir()?;

    for turn in 1..=2 {
        let engine = wasm_exec::engine("wasmtime")?;
        let cache = Cache::open(home.path().join("code"))?.max_bytes(64 << 20);
        let start = Instant::now();
        let cached = cache.program(&*engine, &wasm)?;
        assert_eq!(matches!(cached.origin, Origin::Cache(_)), turn == 2);
        let what = match cached.origin {
            Origin::Cache(entry) => format!("loaded {} bytes of code", entry.size),
            Origin::Compiled(entry) => format!("compiled to {} bytes of code", entry.size),
            other => format!("compiled, but not stored: {other:?}"),
        };
        println!("{what} in {:.2?}", start.elapsed());
        let exit = cached.program.run(Task::default().arg("guest").stdout(Output::Inherit))?;
        println!("{exit}");
    }
    Ok(())
}
