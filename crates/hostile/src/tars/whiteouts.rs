//! Whiteouts: of nothing, of too much, through links.

use super::{Case, above, both, entry, fine, t};
use crate::Outcome;

pub(super) fn cases() -> Vec<Case> {
    let malformed = |name, tar| entry(name, "whiteouts name something", tar, "a malformed whiteout");
    let below =
        |name, tar| entry(name, "no entry through a file", tar, "which lies below what is no directory");
    // Who looks for the program takes it for deleted.
    let deletes = |name, tar, why| {
        let read = Outcome::Refused("Entrypoint", "deleted by a layer above it");
        above(name, "whiteouts name something", tar, read, Outcome::Refused("Entry", why))
    };
    vec![
        deletes("whiteout-of-nothing", t().file(".wh.", b""), "a malformed whiteout"),
        malformed("whiteout-of-the-directory-itself", t().file("dir/.wh..", b"")),
        malformed("whiteout-of-the-parent", t().file("dir/.wh...", b"")),
        malformed("whiteout-of-aufs", t().file(".wh..wh.plnk", b"")),
        malformed("whiteout-as-directory", t().dir(".wh.dir")),
        malformed("whiteout-as-symlink", t().symlink(".wh.dir", "dir")),
        malformed("whiteout-with-content", t().file(".wh.dir", b"x")),
        malformed("entry-below-a-whiteout", t().file(".wh.dir/x", b"")),
        malformed("opaque-with-an-entry-below", t().file(".wh..wh..opq/x", b"")),
        below("whiteout-through-a-file", t().file("app.wasm/.wh.file", b"")),
        deletes(
            "opaque-through-a-file",
            t().file("app.wasm/.wh..wh..opq", b""),
            "which lies below what is no directory",
        ),
        fine("whiteout-through-a-link", "links lead inside the root", t().file("link/.wh.file", b"")),
        fine("opaque-through-a-link", "links lead inside the root", t().file("link/.wh..wh..opq", b"")),
        both(
            "whiteout-outside",
            "no `..` in a path",
            t().file("../.wh.canary", b""),
            "whose path has `..` in it",
        ),
        fine("whiteout-of-a-link", "the link goes, its target stays", t().file(".wh.link", b"")),
        fine("whiteout-of-what-is-not-there", "nothing happens", t().file("no/such/.wh.file", b"")),
        above(
            "whiteout-of-the-program",
            "whiteouts delete from the layers below",
            t().file(".wh.app.wasm", b""),
            Outcome::Refused("Entrypoint", "deleted by a layer above it"),
            Outcome::Refused("Program", "cannot read the program"),
        ),
        above(
            "opaque-root",
            "whiteouts delete from the layers below",
            t().file(".wh..wh..opq", b""),
            Outcome::Refused("Entrypoint", "deleted by a layer above it"),
            Outcome::Refused("Program", "cannot read the program"),
        ),
    ]
}
