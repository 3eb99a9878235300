//! Names that lead out, or are none.

use tar::Header;

use super::{Case, above, both, entry, fine, t};
use crate::{Outcome, Tar};

const PARENT: &str = "whose path has `..` in it";
const ABSOLUTE: &str = "whose path is absolute";

pub(super) fn cases() -> Vec<Case> {
    [paths(), odd(), long(), places()].into_iter().flatten().collect()
}

fn paths() -> Vec<Case> {
    let parent = |name, tar| both(name, "no `..` in a path", tar, PARENT);
    let absolute = |name, tar| entry(name, "no absolute path", tar, ABSOLUTE);
    vec![
        parent("parent-file", t().file("../x", b"x")),
        parent("parent-behind-a-name", t().file("a/../../x", b"")),
        parent("parent-behind-a-dot", t().dir("./../x")),
        parent("parent-alone", t().dir("..")),
        parent("parent-of-the-end", t().dir("a/..")),
        parent("parent-symlink", t().symlink("../l", "x")),
        parent("parent-hard-link", t().link("../h", "app.wasm")),
        parent("parent-by-pax", t().pax(&["path=../x"]).file("ok", b"")),
        parent("parent-by-gnu-name", t().long(b'L', "../x").file("x", b"")),
        parent("parent-of-a-mount-point", t().link("dir/../sys", "app.wasm")),
        parent("parent-far", t().file("../../../../../../../../etc/cron.d/x", b"")),
        absolute("absolute-file", t().file("/etc/x", b"")),
        absolute("absolute-two-slashes", t().file("//etc/x", b"")),
        absolute("absolute-root", t().dir("/")),
        absolute("absolute-by-pax", t().pax(&["path=/x"]).dir("ok")),
        absolute("absolute-by-gnu-name", t().long(b'L', "/x").dir("ok")),
        absolute("absolute-symlink", t().symlink("/l", "x")),
        fine("backslash-parent", "a backslash is a letter", t().file("..\\x", b"")),
        fine("backslash-absolute", "a backslash is a letter", t().file("\\x", b"")),
        fine("drive-letter", "a colon is a letter", t().file("C:x", b"")),
        fine("dots-in-names", "only a whole `..` is a parent", t().file("..a/b..", b"").dir("...")),
        fine("dots-and-slashes", "`.` and empty parts mean nothing", t().file("./a//b/./c", b"")),
    ]
}

fn odd() -> Vec<Case> {
    let nul = |name, tar| entry(name, "no NUL in a name", tar, "whose name has a NUL in it");
    let directory = |name, tar| {
        both(name, "what ends in `/` is a directory", tar, "which is no directory but has a name like one")
    };
    let two = |name, tar| both(name, "one name for an entry", tar, "which has more than one name");
    let empty = |name, tar| {
        let read = Outcome::Refused("Entrypoint", "below a link or file");
        above(name, "a name", tar, read, Outcome::Refused("Entry", "whose name is empty"))
    };
    let mut old = Header::new_old();
    old.as_old_mut().name[..2].copy_from_slice(b"a/");
    old.set_size(0);
    old.set_mode(0o755);
    vec![
        empty("name-empty", t().file("", b"")),
        empty("name-empty-by-pax", t().pax(&["path="]).file("a", b"")),
        entry("name-not-utf8", "names are UTF-8", t().file(b"\xff", b""), "whose name is not UTF-8"),
        entry(
            "name-overlong-utf8",
            "names are UTF-8",
            t().file(b"\xc0\xae\xc0\xae/x", b""),
            "whose name is not UTF-8",
        ),
        nul("name-nul-by-pax", t().pax(&["path=a\0b"]).file("a", b"")),
        nul("name-nul-by-gnu-name", t().long(b'L', "a\0\0b").file("x", b"")),
        fine("name-control-characters", "shown escaped, never raw", t().file("a\x1b[31m\nb", b"")),
        fine("name-right-to-left", "shown escaped, never raw", t().file("a\u{202e}b", b"")),
        directory("name-file-with-slash", t().file("a/", b"")),
        directory("name-directory-of-old-tar", t().raw(old, b"")),
        two("name-pax-and-gnu", t().pax(&["path=a"]).long(b'L', "b\0").file("c", b"")),
        two("link-name-pax-and-gnu", t().pax(&["linkpath=a"]).long(b'K', "b\0").symlink("c", "d")),
    ]
}

fn long() -> Vec<Case> {
    let named = |name: String| t().long(b'L', name).file("x", b"");
    let long = |name, rule, text| entry(name, rule, named(text), "whose name is too long");
    vec![
        long("name-part-of-256-bytes", "255 bytes for a part", "a".repeat(256)),
        long("name-of-64-kib", "4096 bytes for a name", ["ä"; 32 << 10].join("/")),
        long("name-5000-deep", "4096 bytes for a name", ["a"; 5000].join("/")),
        entry("name-129-deep", "128 directories", named(["a"; 129].join("/")), "which lies too deep"),
        fine("name-128-deep", "128 directories", named(["a"; 128].join("/"))),
        fine("name-part-of-255-bytes", "255 bytes for a part", named("a".repeat(255))),
        above(
            "name-of-2-mib",
            "1 MiB for an extension header",
            named("a".repeat(2 << 20)),
            Outcome::Refused("Tar", "an extension header has more than 1 MiB"),
            Outcome::Refused("Tar", "an extension header has more than 1 MiB"),
        ),
    ]
}

/// CVE-2021-29136 replaced the root by a link, CVE-2026-41579 what the runtime mounts on.
fn places() -> Vec<Case> {
    let root = |name, tar: Tar| {
        let why = "which would replace the root directory";
        // Whatever is read would lie below it.
        let read = Outcome::Refused("Entrypoint", "below a link or file");
        above(name, "the root is a directory (CVE-2021-29136)", tar, read, Outcome::Refused("Entry", why))
    };
    let mount = |name, tar| {
        let why = "which is where the runtime mounts and must be a directory";
        entry(name, "dev, proc, sys are directories (CVE-2026-41579)", tar, why)
    };
    vec![
        root("root-as-file", t().file(".", b"")),
        root("root-as-symlink", t().symlink(".", "dir")),
        root("root-as-hard-link", t().link(".", "app.wasm")),
        mount("dev-as-symlink", t().symlink("dev", "dir")),
        mount("proc-as-symlink", t().symlink("./proc", "dir")),
        mount("sys-as-hard-link", t().link("sys", "app.wasm")),
        mount("dev-as-file", t().file("dev", b"")),
        mount("dev-through-a-link-to-the-root", t().symlink("l", "/").symlink("l/dev", "dir")),
        mount("proc-through-a-link-and-up", t().symlink("l", "dir/..").file("l/proc", b"")),
        mount("dev-first-as-directory", t().dir("dev").symlink("dev", "dir")),
    ]
}
