//! Hostile inputs: tars that attack whoever reads or unpacks them, each with a name, the rule that it tries and what must
//! become of it.
//!
//! Two crates run the same table: `wasm-oci` reads the program of the image (`Artifact::wasm`), `wasm-bundle` unpacks it.
//! The fuzz targets begin with its bytes. `book/src/refused.md` shows it.

mod outcome;
mod tar;
mod tars;

pub use outcome::{Outcome, variant};
pub use tar::Tar;
pub use tars::{Case, GZIP, Layer, MODULE, OTHER, PLAIN, cases};
