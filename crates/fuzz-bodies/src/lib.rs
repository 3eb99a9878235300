//! The bodies of the fuzz targets in `fuzz/`, which is a workspace of its own because libFuzzer needs a C++ compiler.
//!
//! They are ordinary functions, so that `cargo test` runs them too, with a few inputs, the corpus of the crate `hostile`,
//! and whatever once went wrong (`regressions/TARGET/`). Each has an invariant, not only "does not panic".

#![expect(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "by a panic they tell what they have found"
)]

mod bundle;
mod convert;
mod image;
mod kubernetes;
mod manifest;
mod node;
mod reference;
mod sockets;
mod unpack;

pub use self::{
    bundle::{config, selection},
    convert::convert,
    kubernetes::kubernetes,
    manifest::manifest,
    node::node,
    reference::reference,
    sockets::sockets,
    unpack::unpack,
};

/// The targets that have seeds.
pub const SEEDED: [&str; 3] = ["manifest", "unpack", "convert"];

/// What a target begins with.
#[must_use]
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    match target {
        "manifest" => manifest::seeds(),
        "unpack" => unpack::seeds(),
        "convert" => convert::seeds(),
        _ => vec![],
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    /// Runs what once went wrong with a target.
    pub(crate) fn regressions(target: &str, run: impl Fn(&[u8])) {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions").join(target);
        for file in fs::read_dir(dir).into_iter().flatten() {
            run(&fs::read(file.unwrap().path()).unwrap());
        }
    }
}
