//! Writes the inputs that the tests begin with into `fuzz/corpus/TARGET/`, for cargo-fuzz.
//!
//! `cargo run -p fuzz-bodies --example seeds`

#![expect(clippy::print_stdout, reason = "a program talks to its user")]

use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    for target in fuzz_bodies::SEEDED {
        let seeds = fuzz_bodies::seeds(target);
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
        fs::create_dir_all(&dir)?;
        for (at, seed) in seeds.iter().enumerate() {
            fs::write(dir.join(format!("seed-{at}")), seed)?;
        }
        println!("{target}: {} seeds", seeds.len());
    }
    Ok(())
}
