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

/// What a target is given, and its body.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Body {
    /// Bytes.
    Bytes(fn(&[u8])),
    /// Text.
    Text(fn(&str)),
}

/// The targets, by the names of their bodies.
pub const TARGETS: [(&str, Body); 9] = [
    ("config", Body::Text(config)),
    ("convert", Body::Bytes(convert)),
    ("kubernetes", Body::Text(kubernetes)),
    ("manifest", Body::Bytes(manifest)),
    ("node", Body::Text(node)),
    ("reference", Body::Text(reference)),
    ("selection", Body::Text(selection)),
    ("sockets", Body::Bytes(sockets)),
    ("unpack", Body::Bytes(unpack)),
];

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

    use super::{Body, TARGETS};

    /// A target is one line: what it does, its body does, which is tested here.
    #[test]
    fn every_target_calls_its_body() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
        let manifest = fs::read_to_string(dir.join("Cargo.toml")).unwrap();
        assert_eq!(fs::read_dir(dir.join("fuzz_targets")).unwrap().count(), TARGETS.len());
        assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
        for (name, body) in TARGETS {
            let call = match body {
                Body::Bytes(_) => format!("|data: &[u8]| fuzz_bodies::{name}(data)"),
                Body::Text(_) => format!("|text: &str| fuzz_bodies::{name}(text)"),
            };
            let target =
                fs::read_to_string(dir.join("fuzz_targets").join(name).with_extension("rs")).unwrap();
            assert_eq!(target, format!("#![no_main]\n\nlibfuzzer_sys::fuzz_target!({call});\n"));
            let bin = format!("[[bin]]\nname = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"\n");
            assert!(manifest.contains(&bin), "{name}");
        }
    }

    /// Runs what once went wrong with a target.
    pub(crate) fn regressions(target: &str, run: impl Fn(&[u8])) {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions").join(target);
        for file in fs::read_dir(dir).into_iter().flatten() {
            run(&fs::read(file.unwrap().path()).unwrap());
        }
    }
}
