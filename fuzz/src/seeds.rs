//! Writes the inputs that the tests begin with into `corpus/TARGET/`, for cargo-fuzz.

use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    for target in wasmctr_fuzz::SEEDED {
        let seeds = wasmctr_fuzz::seeds(target);
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        fs::create_dir_all(&dir)?;
        for (at, seed) in seeds.iter().enumerate() {
            fs::write(dir.join(format!("seed-{at}")), seed)?;
        }
        println!("{target}: {} seeds", seeds.len());
    }
    Ok(())
}
