//! Links that lead out, entries below links, and kinds of entries that no guest needs.

use tar::{EntryType, Header};

use super::{Case, MODULE, above, both, entry, fine, t};
use crate::{Outcome, Tar};

pub(super) const BELOW: &str = "which lies below what is no directory";
const LINKS: &str = "whose path goes through too many links";
pub(super) const HARD: &str = "which is no file in the layers so far";

pub(super) fn cases() -> Vec<Case> {
    [symbolic(), below(), hard(), kinds(), claims()].into_iter().flatten().collect()
}

fn symbolic() -> Vec<Case> {
    let target = |name, tar| entry(name, "a link has a target", tar, "a link with an unusable target");
    // What is below it is made where the link leads a process that has the root as `/`.
    let inside =
        |name, to: &str| fine(name, "links lead inside the root", t().symlink("l", to).file("l/x", b""));
    vec![
        inside("symlink-absolute", "/etc"),
        inside("symlink-to-the-root", "/"),
        inside("symlink-to-the-parent", ".."),
        inside("symlink-far-up", "../../../../../etc"),
        inside("symlink-up-behind-a-name", "link/../.."),
        inside("symlink-up-from-the-root", "/../../canary"),
        inside("symlink-dangling", "nowhere/at/all"),
        inside("symlink-to-a-link", "/../link"),
        fine(
            "symlink-to-the-outside-of-a-directory",
            "links lead inside the root",
            t().symlink("dir/l", "../../canary").file("dir/l/file", b"inside"),
        ),
        fine(
            "symlink-absolute-by-pax",
            "links lead inside the root",
            t().pax(&["linkpath=/canary"]).symlink("l", "dir").file("l/file", b"inside"),
        ),
        fine(
            "symlink-absolute-by-gnu-name",
            "links lead inside the root",
            t().long(b'K', "/canary\0").symlink("l", "dir").file("l/file", b"inside"),
        ),
        target("symlink-to-nothing", t().symlink("l", "")),
        target("symlink-not-utf8", t().symlink("l", b"\xff")),
        target("symlink-nul", t().pax(&["linkpath=a\0"]).symlink("l", "dir")),
        entry(
            "symlink-to-a-whiteout",
            "whiteouts name something",
            t().symlink("l", ".wh.a").file("l/x", b""),
            "a malformed whiteout",
        ),
        target("symlink-of-64-kib", t().long(b'K', "a/".repeat(32 << 10)).symlink("l", "dir")),
        fine("symlink-to-itself", "a link is not followed where it is made", t().symlink("l", "l")),
    ]
}

fn below() -> Vec<Case> {
    let below = |name, tar| entry(name, "no entry through a file", tar, BELOW);
    let links = |name, tar| entry(name, "40 links on a path", tar, LINKS);
    let chain = |length: usize| {
        let tar = t().symlink("l0", "dir");
        (1..length).fold(tar, |tar, at| tar.symlink(format!("l{at}"), format!("l{}", at - 1)))
    };
    let spiral = format!("linkpath={}", "../a/".repeat(300));
    vec![
        below("file-below-a-file", t().file("f", b"").file("f/x", b"")),
        below("file-below-a-link-to-a-file", t().symlink("l", "app.wasm").file("l/x", b"")),
        below("directory-below-a-file-by-a-link", t().symlink("l", "/app.wasm/d").dir("l/x")),
        below("file-in-the-place-of-a-directory", t().dir("d").file("d/f", b"").file("d/f/x", b"")),
        links("file-below-a-link-to-itself", t().symlink("l", "l").file("l/x", b"")),
        links("directory-below-a-link-that-grows", t().symlink("l", "/l/l").dir("l/x")),
        links("file-below-two-links-to-each-other", t().symlink("a", "b").symlink("b", "a").file("a/x", b"")),
        links("file-below-50-links", chain(50).file("l49/x", b"")),
        fine("file-below-40-links", "40 links on a path", chain(40).file("l39/x", b"")),
        entry(
            "file-below-a-spiral",
            "256 parts on a path",
            t().dir("a").pax(&[&spiral]).symlink("l", "x").file("l/x", b""),
            "which lies too deep",
        ),
        fine(
            "directory-over-a-link",
            "the link goes, its target stays (CVE-2026-33056)",
            t().dir("link").file("link/x", b""),
        ),
        fine(
            "file-directory-file",
            "the last entry of a name counts",
            t().file("f", b"").dir("f").file("f/x", b"").file("f", b""),
        ),
    ]
}

fn hard() -> Vec<Case> {
    let hard = |name, tar| entry(name, "a hard link is to a file of the image", tar, HARD);
    vec![
        hard("hard-link-absolute", t().link("h", "/etc/passwd")),
        hard("hard-link-outside", t().link("h", "../canary/file")),
        hard("hard-link-to-a-later-file", t().link("h", "x").file("x", b"")),
        hard("hard-link-through-a-link-to-nothing", t().link("h", "link/no")),
        hard("hard-link-through-a-link-to-itself", t().symlink("l", "l").link("h", "l/x")),
        hard("hard-link-to-itself-through-a-link", t().link("link/file", "dir/file")),
        fine("hard-link-to-a-link", "a hard link is to a file of the image", t().link("h", "link")),
        hard("hard-link-to-a-directory", t().link("h", "dir")),
        hard("hard-link-to-the-root", t().link("h", ".")),
        hard("hard-link-to-itself", t().link("dir/file", "dir/file")),
        hard("hard-link-to-its-own-inside", t().link("dir", "dir/file")),
        hard("hard-link-to-nothing", t().link("h", "")),
        hard("hard-link-not-utf8", t().link("h", b"\xff")),
        fine("hard-link-to-a-file", "a hard link is to a file of the image", t().link("h", "dir/file")),
    ]
}

fn kinds() -> Vec<Case> {
    let special =
        |name, kind| entry(name, "no devices, no pipes", t().entry(kind, "x", "", b""), "a device or pipe");
    let unknown = |name, kind| {
        entry(name, "types: file, directory, links", t().entry(kind, "x", "", b""), "of the unknown type")
    };
    let content = |name, tar| both(name, "only files have content", tar, "which has content but is no file");
    vec![
        special("character-device", b'3'),
        special("block-device", b'4'),
        special("pipe", b'6'),
        entry("dev-as-device", "no devices, no pipes", t().entry(b'3', "dev", "", b""), "a device or pipe"),
        entry(
            "device-in-another-dev",
            "no devices, no pipes",
            t().entry(b'4', "usr/dev/sda", "", b""),
            "a device or pipe",
        ),
        fine(
            "device-in-dev",
            "passed over: the runtime mounts its own",
            t().entry(b'3', "dev/null", "", b""),
        ),
        unknown("contiguous-file", b'7'),
        unknown("socket", b's'),
        unknown("volume-header", b'V'),
        unknown("continued-file", b'M'),
        unknown("dump-of-a-directory", b'D'),
        unknown("type-255", 255),
        content("directory-with-content", t().entry(b'5', "d", "", b"x")),
        content("symlink-with-content", t().entry(b'2', "l", "dir", b"x")),
        content("device-with-content", t().entry(b'3', "dev/null", "", b"x")),
        content("hard-link-with-content", t().entry(b'1', "h", "app.wasm", b"x")),
        fine("set-user-id", "set-uid, set-gid and sticky are dropped", mode(0o6755)),
        fine("sticky", "set-uid, set-gid and sticky are dropped", mode(0o1777)),
        fine("mode-of-all-ones", "set-uid, set-gid and sticky are dropped", mode(0o7777777)),
        fine(
            "attribute-capability",
            "extended attributes are dropped",
            t().pax(&["SCHILY.xattr.security.capability=\x01\0\0\x02"]).file("x", b""),
        ),
        fine(
            "attribute-overlay",
            "extended attributes are dropped",
            t().pax(&["SCHILY.xattr.trusted.overlay.opaque=y"]).dir("x"),
        ),
    ]
}

/// Sizes that are not true (CVE-2025-62518, CVE-2026-33055), and times and owners that are none.
fn claims() -> Vec<Case> {
    let sparse = |name, tar| both(name, "no sparse files", tar, "a sparse file");
    let sizes = |name, tar| both(name, "one size (CVE-2025-62518)", tar, "which has two sizes");
    let mut gnu = Header::new_gnu();
    gnu.as_old_mut().name[0] = b's';
    gnu.set_entry_type(EntryType::new(b'S'));
    gnu.set_size(0);
    gnu.set_mode(0o644);
    if let Some(gnu) = gnu.as_gnu_mut() {
        gnu.realsize = [0xff; 12];
    }
    let mut huge = Header::new_ustar();
    huge.as_old_mut().name[0] = b'a';
    huge.set_mode(0o644);
    huge.set_size(1 << 62);
    let mut odd = Header::new_gnu();
    odd.as_old_mut().name[0] = b'a';
    odd.set_mode(0o644);
    odd.set_size(0);
    odd.as_old_mut().mtime = [0xff; 12];
    odd.set_uid(1 << 63);
    vec![
        sparse("sparse-gnu-of-8-eib", t().raw(gnu, b"")),
        sparse("sparse-pax", t().pax(&["GNU.sparse.realsize=8000000000000000000"]).file("s", b"")),
        sparse("sparse-pax-renamed", t().pax(&["GNU.sparse.name=app.wasm"]).file("s", b"")),
        sizes("size-0-by-pax", t().pax(&["size=0"]).file("s", MODULE)),
        sizes("size-greater-by-pax", t().pax(&["size=1024"]).file("s", b"x")),
        above(
            "size-of-4-eib",
            "4 GiB of files",
            t().raw(huge, b""),
            Outcome::Refused("Tar", "it is cut off"),
            Outcome::Refused("TooMuch", "more than 4294967296 bytes in its files"),
        ),
        fine("time-before-1970-and-owner-2-to-the-63", "times and owners are dropped", t().raw(odd, b"")),
        fine("times-by-pax", "times are dropped", t().pax(&["mtime=-1.5", "atime=1e99"]).file("x", b"")),
    ]
}

fn mode(mode: u32) -> Tar {
    let mut header = Header::new_ustar();
    header.as_old_mut().name[0] = b'x';
    header.set_size(0);
    header.set_mode(mode);
    t().raw(header, b"")
}
