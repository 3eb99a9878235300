//! Layers with entries that attack whoever unpacks them. Each is refused by name, and nothing is left behind.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use tar::{EntryType, Header};
use wasm_bundle::{Error, Refusal};

use crate::image::{MODULE, Tar, Yard, app};

/// Unpacks each layer above an innocent one: a second pass and another layer's files do not change the answer.
fn check<const N: usize>(cases: [(Tar, &str, Refusal); N]) {
    for (tar, name, refusal) in cases {
        let case = format!("{name}: {refusal:?}");
        let yard = Yard::new();
        let base = app().dir("dir").file("dir/file", b"").symlink("link", "dir").end();
        match yard.write(&[base, tar.end()]) {
            Err(Error::Entry { layer: 1, entry, refusal: why }) => {
                assert_eq!((&*entry, why), (name, refusal), "{case}");
            }
            other => panic!("{case}: {other:?}"),
        }
        yard.assert_nothing_made(&case);
    }
}

fn t() -> Tar {
    Tar::new()
}

/// An entry that goes by the long name of GNU.
fn long(name: &str) -> Tar {
    t().entry(b'L', "././@LongLink", "", name.as_bytes()).file("x", b"")
}

#[test]
fn paths_that_lead_out() {
    check([
        (t().file("../x", b"x"), "../x", Refusal::Parent),
        (t().file("a/../../x", b""), "a/../../x", Refusal::Parent),
        (t().dir("./../x"), "./../x", Refusal::Parent),
        (t().dir(".."), "..", Refusal::Parent),
        (t().symlink("../l", "x"), "../l", Refusal::Parent),
        (t().link("../h", "app.wasm"), "../h", Refusal::Parent),
        (t().pax(&["path=../x"]).file("ok", b""), "../x", Refusal::Parent),
        (long("../x"), "../x", Refusal::Parent),
        (t().file("/etc/x", b""), "/etc/x", Refusal::Absolute),
        (t().file("//etc/x", b""), "//etc/x", Refusal::Absolute),
        (t().dir("/"), "/", Refusal::Absolute),
        (t().pax(&["path=/x"]).dir("ok"), "/x", Refusal::Absolute),
    ]);
}

#[test]
fn names_that_are_none() {
    let old_directory = {
        let mut header = Header::new_old();
        header.as_old_mut().name[..2].copy_from_slice(b"a/");
        header.set_size(0);
        header.set_mode(0o755);
        t().raw(header, b"")
    };
    check([
        (t().file("", b""), "", Refusal::Empty),
        (t().pax(&["path="]).file("a", b""), "", Refusal::Empty),
        (t().file(b"\xff", b""), "\u{fffd}", Refusal::NotUtf8),
        (t().pax(&["path=a\0b"]).file("a", b""), "a\0b", Refusal::Nul),
        (long("a\0\0b"), "a\0\0b", Refusal::Nul),
        (t().file("a/", b""), "a/", Refusal::NameOfDirectory),
        (old_directory, "a/", Refusal::NameOfDirectory),
        (t().pax(&["path=a"]).entry(b'L', "l", "", b"b\0").file("c", b""), "a", Refusal::TwoNames),
        (t().pax(&["linkpath=a"]).entry(b'K', "l", "", b"b\0").symlink("c", "d"), "c", Refusal::TwoNames),
    ]);
}

#[test]
fn names_without_end() {
    let refused = |name: &str| {
        let yard = Yard::new();
        let error = yard.write(&[app().end(), long(name).end()]).unwrap_err();
        yard.assert_nothing_made("long");
        assert!(error.to_string().len() < 1000, "a message has bounds");
        match error {
            Error::Entry { refusal, .. } => refusal,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(&"a".repeat(256)), Refusal::TooLong);
    assert_eq!(refused(&["ä"; 32 << 10].join("/")), Refusal::TooLong);
    assert_eq!(refused(&["a"; 129].join("/")), Refusal::TooDeep);
    assert_eq!(refused(&["a"; 5000].join("/")), Refusal::TooLong);
}

/// CVE-2021-29136 replaced the root by a link, CVE-2026-41579 what the runtime mounts on.
#[test]
fn places_that_must_be_directories() {
    check([
        (t().file(".", b""), ".", Refusal::Root),
        (t().symlink(".", "dir"), ".", Refusal::Root),
        (t().symlink("./", "dir"), "./", Refusal::Root),
        (t().link(".", "app.wasm"), ".", Refusal::Root),
        (t().symlink("dev", "dir"), "dev", Refusal::MountPoint),
        (t().symlink("./proc", "dir"), "./proc", Refusal::MountPoint),
        (t().link("sys", "app.wasm"), "sys", Refusal::MountPoint),
        (t().file("dev", b""), "dev", Refusal::MountPoint),
        (t().dir("dev").symlink("dev", "dir"), "dev", Refusal::MountPoint),
        (t().symlink("l", "/").symlink("l/dev", "dir"), "l/dev", Refusal::MountPoint),
        (t().symlink("l", "dir/..").file("l/proc", b""), "l/proc", Refusal::MountPoint),
        (t().link("dir/../sys", "app.wasm"), "dir/../sys", Refusal::Parent),
    ]);
}

#[test]
fn targets_of_links_that_are_none() {
    check([
        (t().symlink("l", ""), "l", Refusal::LinkTarget),
        (t().symlink("l", b"\xff"), "l", Refusal::LinkTarget),
        (t().pax(&["linkpath=a\0"]).symlink("l", "dir"), "l", Refusal::LinkTarget),
    ]);
}

/// What an entry below a link asks for is made where the link leads a process in the container, and nowhere else.
#[test]
fn links_that_would_lead_out() {
    let chain = |length: usize| {
        let tar = t().dir("end").symlink("l0", "end");
        (1..length).fold(tar, |tar, at| tar.symlink(format!("l{at}"), format!("./l{}", at - 1)))
    };
    let outside = |yard: &Yard| yard.path().join("canary").to_str().unwrap().to_owned();
    let to = |target: &str| t().symlink("l", target).file("l/x", b"inside");
    for (tar, path) in [
        (to("/etc"), "etc/x"),
        (to("../../../../../etc"), "etc/x"),
        (to("/"), "x"),
        (to(".."), "x"),
        (to("link/../.."), "x"),
        (to("/../../link"), "dir/x"),
        (t().pax(&["linkpath=/etc"]).symlink("l", "dir").file("l/x", b"inside"), "etc/x"),
        (t().entry(b'K', "l", "", b"/etc\0").symlink("l", "dir").file("l/x", b"inside"), "etc/x"),
        (t().symlink("a", "/b").symlink("b", "../c").file("a/x", b"inside"), "c/x"),
        (t().symlink("proc/self", "/dir").file("proc/self/x", b"inside"), "dir/x"),
        (chain(40).file("l39/x", b"inside"), "end/x"),
        (t().symlink("dir/l", "../../canary").file("dir/l/x", b"inside"), "canary/x"),
        (t().file("link/new", b"inside"), "dir/new"),
        (t().link("link/hard", "link/file"), "dir/hard"),
        (t().symlink("l", "/etc").link("h", "l"), "h"),
    ] {
        let yard = Yard::new();
        let base = app().dir("dir").file("dir/file", b"").symlink("link", "dir").end();
        yard.write(&[base, tar.end()]).unwrap();
        assert!(fs::symlink_metadata(yard.rootfs(path)).is_ok(), "{path}");
        yard.assert_untouched(path);
    }
    let yard = Yard::new();
    let canary = outside(&yard);
    let layer = app().symlink("l", &canary).file("l/file", b"inside").file("l/inside/x", b"").end();
    yard.write(&[layer]).unwrap();
    assert!(yard.rootfs(&format!("{}/file", &canary[1..])).exists());
    yard.assert_untouched("the canary's own path");
}

#[test]
fn entries_below_what_is_no_directory() {
    let chain = (1..50)
        .fold(t().symlink("l0", "dir"), |tar, at| tar.symlink(format!("l{at}"), format!("l{}", at - 1)));
    let spiral = |length: usize| "../a/".repeat(length);
    check([
        (t().file("app.wasm/x", b""), "app.wasm/x", Refusal::Below),
        (t().symlink("l", "app.wasm").file("l/x", b""), "l/x", Refusal::Below),
        (t().symlink("l", "/app.wasm/d").dir("l/x"), "l/x", Refusal::Below),
        (t().symlink("l", "l").file("l/x", b""), "l/x", Refusal::Links),
        (t().symlink("l", "/l/l").dir("l/x"), "l/x", Refusal::Links),
        (t().symlink("a", "b").symlink("b", "a").file("a/x", b""), "a/x", Refusal::Links),
        (chain.file("l49/x", b""), "l49/x", Refusal::Links),
        (
            t().dir("a").pax(&[&format!("linkpath={}", spiral(300))]).symlink("l", "x").file("l/x", b""),
            "l/x",
            Refusal::TooDeep,
        ),
    ]);
}

#[test]
fn hard_links_to_what_is_no_file_of_the_image() {
    let to = |target: &str| Refusal::HardLink { target: target.into() };
    check([
        (t().link("h", "/etc/passwd"), "h", to("/etc/passwd")),
        (t().link("h", "../canary/file"), "h", to("../canary/file")),
        (t().link("h", "../.wh.x"), "h", to("../.wh.x")),
        (t().link("h", "x").file("x", b""), "h", to("x")),
        (t().link("h", "link/no"), "h", to("link/no")),
        (t().link("link/file", "dir/file"), "link/file", to("dir/file")),
        (t().symlink("l", "l").link("h", "l/x"), "h", to("l/x")),
        (t().link("h", "dir"), "h", to("dir")),
        (t().link("h", "."), "h", to("")),
        (t().link("app.wasm", "./app.wasm"), "app.wasm", to("app.wasm")),
        (t().link("dir", "dir/file"), "dir", to("dir/file")),
        (t().link("h", ""), "h", to("")),
        (t().link("h", b"\xff"), "h", to("\u{fffd}")),
    ]);
}

#[test]
fn kinds_that_no_guest_needs() {
    let mut sparse = Header::new_gnu();
    sparse.set_path("s").unwrap();
    sparse.set_entry_type(EntryType::new(b'S'));
    sparse.set_size(0);
    sparse.set_mode(0o644);
    sparse.as_gnu_mut().unwrap().realsize = [0xff; 12];
    check([
        (t().entry(b'3', "null", "", b""), "null", Refusal::Special),
        (t().entry(b'4', "sda", "", b""), "sda", Refusal::Special),
        (t().entry(b'6', "pipe", "", b""), "pipe", Refusal::Special),
        (t().entry(b'3', "dev", "", b""), "dev", Refusal::Special),
        (t().entry(b'4', "usr/dev/sda", "", b""), "usr/dev/sda", Refusal::Special),
        (t().entry(b'3', "dev/null", "", b"x"), "dev/null", Refusal::Content),
        (t().entry(b'7', "contiguous", "", b""), "contiguous", Refusal::Unknown('7')),
        (t().entry(b's', "socket", "", b""), "socket", Refusal::Unknown('s')),
        (t().entry(b'V', "volume", "", b""), "volume", Refusal::Unknown('V')),
        (t().raw(sparse, b""), "s", Refusal::Sparse),
        (t().pax(&["GNU.sparse.realsize=8000000000000000000"]).file("s", b""), "s", Refusal::Sparse),
        (t().pax(&["size=0"]).file("s", MODULE), "s", Refusal::TwoSizes),
        (t().pax(&["size=1024"]).file("s", b"x"), "s", Refusal::TwoSizes),
        (t().entry(b'5', "d", "", b"x"), "d", Refusal::Content),
        (t().entry(b'2', "l", "dir", b"x"), "l", Refusal::Content),
        (t().entry(b'1', "h", "app.wasm", b"x"), "h", Refusal::Content),
    ]);
}

#[test]
fn whiteouts_of_nothing() {
    check([
        (t().file(".wh.", b""), ".wh.", Refusal::Whiteout),
        (t().file("dir/.wh..", b""), "dir/.wh..", Refusal::Whiteout),
        (t().file("dir/.wh...", b""), "dir/.wh...", Refusal::Whiteout),
        (t().file(".wh..wh.plnk", b""), ".wh..wh.plnk", Refusal::Whiteout),
        (t().dir(".wh.dir"), ".wh.dir", Refusal::Whiteout),
        (t().symlink(".wh.dir", "dir"), ".wh.dir", Refusal::Whiteout),
        (t().file(".wh.dir", b"x"), ".wh.dir", Refusal::Whiteout),
        (t().file(".wh.dir/x", b""), ".wh.dir/x", Refusal::Whiteout),
        (t().file("app.wasm/.wh.file", b""), "app.wasm/.wh.file", Refusal::Below),
        (t().file("app.wasm/.wh..wh..opq", b""), "app.wasm/.wh..wh..opq", Refusal::Below),
        (t().symlink("l", "dir/.wh.x").file("l/y", b""), "l/y", Refusal::Whiteout),
        (t().file("../.wh.canary", b""), "../.wh.canary", Refusal::Parent),
    ]);
}

/// Somebody who may write beside the bundle puts links where directories were just looked at.
#[test]
fn links_that_appear_meanwhile() {
    let yard = Yard::new();
    let files =
        |tar: Tar, prefix| (0..2000).fold(tar, |tar, at| tar.file(format!("a/{prefix}{}", at % 100), b"x"));
    let below = files(app().dir("a"), "").end();
    let above = (0..100).fold(t(), |tar, at| tar.file(format!("a/.wh.{at}"), b"")).end();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| flip(yard.path(), &done));
        for _ in 0..5 {
            let _ = yard.write(&[below.clone(), above.clone()]);
            let _ = fs::remove_dir_all(yard.bundle());
        }
        done.store(true, Ordering::Relaxed);
    });
    yard.assert_canary_alive("flipped");
}

/// Swaps `rootfs/a` of every unfinished bundle for a link to the canary and back.
fn flip(yard: &Path, done: &AtomicBool) {
    while !done.load(Ordering::Relaxed) {
        for entry in fs::read_dir(yard).unwrap().flatten() {
            let root = entry.path().join("rootfs");
            let _ = fs::rename(root.join("a"), root.join("b"));
            let _ = symlink(yard.join("canary"), root.join("a"));
            let _ = fs::remove_file(root.join("a"));
            let _ = fs::rename(root.join("b"), root.join("a"));
        }
    }
}
