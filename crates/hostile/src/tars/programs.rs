//! Programs that are there twice, elsewhere, or only for some readers.

use super::{Case, Layer, MODULE, OTHER, above, t};
use crate::{Outcome, Tar};

pub(super) fn cases() -> Vec<Case> {
    [same(), moved()].into_iter().flatten().collect()
}

/// An entry for the program itself, above the layer that has it.
fn same() -> Vec<Case> {
    let other =
        |name, tar| above(name, "the last entry of a name counts", tar, Outcome::Other, Outcome::Other);
    let none = |name, tar, unpack| {
        let read = Outcome::Refused("Entrypoint", "no regular file");
        above(name, "the program is a regular file", tar, read, unpack)
    };
    let no_wasm = Outcome::Refused("NotWasm", "is not for a Wasm handler");
    let not = |name, bytes: &[u8], why| {
        let read = Outcome::Refused("NotWasm", why);
        above(name, "the program is WebAssembly", t().file("app.wasm", bytes), read, no_wasm)
    };
    vec![
        other("program-above", t().file("app.wasm", OTHER)),
        other("program-twice", t().file("app.wasm", MODULE).file("app.wasm", OTHER)),
        other("program-with-a-dot", t().file("./app.wasm", OTHER)),
        other("program-by-pax", t().pax(&["path=app.wasm"]).file("innocent", OTHER)),
        other("program-by-gnu-name", t().long(b'L', "app.wasm\0").file("innocent", OTHER)),
        other("program-behind-its-whiteout", t().file(".wh.app.wasm", b"").file("app.wasm", OTHER)),
        other("program-before-its-whiteout", t().file("app.wasm", OTHER).file(".wh.app.wasm", b"")),
        above(
            "program-absolute",
            "no absolute path",
            t().file("/app.wasm", OTHER),
            Outcome::Other,
            Outcome::Refused("Entry", "whose path is absolute"),
        ),
        above(
            "program-with-a-parent",
            "no `..` in a path",
            t().file("dir/../app.wasm", OTHER),
            Outcome::Refused("Entry", "whose path has `..` in it"),
            Outcome::Refused("Entry", "whose path has `..` in it"),
        ),
        none("program-as-directory", t().dir("app.wasm"), Outcome::Refused("Program", "cannot read")),
        none("program-as-symlink", t().symlink("app.wasm", "dir/file"), no_wasm),
        none("program-as-hard-link", t().link("app.wasm", "dir/file"), no_wasm),
        not("program-empty", b"", "an empty file"),
        not("program-cut-off-in-its-header", b"\0asm\x01", "cut off in its header"),
        not("program-of-elf", b"\x7fELF\x02\x01\x01\0", "a native program"),
        not("program-of-a-script", b"#!/bin/sh\n", "a script"),
    ]
}

/// `/app.wasm` is in a directory that a layer above made a link: who unpacks the image runs another program than who looks
/// for the name.
fn moved() -> Vec<Case> {
    let case = |name, tar: Tar| Case {
        name,
        rule: "no program through a link",
        layers: vec![
            Layer::plain(t().file("app.wasm", MODULE).dir("other").file("other/app.wasm", OTHER).end()),
            Layer::plain(tar.end()),
        ],
        read: Outcome::Refused("Entrypoint", "below a link or file"),
        unpack: Outcome::Refused("Entry", "which would replace the root directory"),
    };
    vec![case("program-below-a-link", t().symlink("./.", "other"))]
}
