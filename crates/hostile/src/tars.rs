//! The table.

mod breakouts;
mod compressed;
mod format;
mod links;
mod names;
mod programs;
mod whiteouts;

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};

use crate::{Outcome, Tar};

/// The smallest module: the program of every image here.
pub const MODULE: &[u8] = b"\0asm\x01\0\0\0";
/// Another module.
pub const OTHER: &[u8] = b"\0asm\x01\0\0\0\0\x02\x01x";
/// Media type of a layer that is not compressed.
pub const PLAIN: &str = "application/vnd.oci.image.layer.v1.tar";
/// Media type of a layer that is compressed.
pub const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// An image that runs `/app.wasm`, by its layers.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "tests take it apart")]
pub struct Case {
    /// What it is called.
    pub name: &'static str,
    /// The rule or limit that it tries.
    pub rule: &'static str,
    /// The layers, the lowest first.
    pub layers: Vec<Layer>,
    /// What reading its program gives.
    pub read: Outcome,
    /// What unpacking it gives.
    pub unpack: Outcome,
}

/// A layer as it is stored.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_structs, reason = "tests take it apart")]
pub struct Layer {
    /// [`PLAIN`] or [`GZIP`].
    pub media_type: &'static str,
    /// The blob.
    pub blob: Vec<u8>,
}

impl Layer {
    fn plain(blob: Vec<u8>) -> Self {
        Self { media_type: PLAIN, blob }
    }

    fn gzip(blob: Vec<u8>) -> Self {
        Self { media_type: GZIP, blob }
    }
}

/// Every case.
#[must_use]
pub fn cases() -> Vec<Case> {
    [
        names::cases(),
        links::cases(),
        breakouts::cases(),
        whiteouts::cases(),
        format::cases(),
        compressed::cases(),
        programs::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A tar above an innocent one, so that it is not the first layer that is read: with the program, a directory with a file,
/// and a link to it.
fn above(name: &'static str, rule: &'static str, tar: Tar, read: Outcome, unpack: Outcome) -> Case {
    raw(name, rule, tar.end(), read, unpack)
}

/// The same for what is no tar.
fn raw(name: &'static str, rule: &'static str, layer: Vec<u8>, read: Outcome, unpack: Outcome) -> Case {
    Case { name, rule, layers: vec![Layer::plain(base().end()), Layer::plain(layer)], read, unpack }
}

/// What only unpacking refuses, as an entry.
fn entry(name: &'static str, rule: &'static str, tar: Tar, why: &'static str) -> Case {
    above(name, rule, tar, Outcome::Fine, Outcome::Refused("Entry", why))
}

/// What both refuse, as an entry.
fn both(name: &'static str, rule: &'static str, tar: Tar, why: &'static str) -> Case {
    above(name, rule, tar, Outcome::Refused("Entry", why), Outcome::Refused("Entry", why))
}

/// What does no harm.
fn fine(name: &'static str, rule: &'static str, tar: Tar) -> Case {
    above(name, rule, tar, Outcome::Fine, Outcome::Fine)
}

fn base() -> Tar {
    Tar::new().file("app.wasm", MODULE).dir("dir").file("dir/file", b"").symlink("link", "dir")
}

fn t() -> Tar {
    Tar::new()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Memory takes everything.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}
