//! What unpacking makes of layers that are allowed.

use std::{fs, os::unix::fs::MetadataExt};

use tar::Header;
use wasm_bundle::Result;
use wasm_oci::oci_spec::image::MediaType;

use crate::image::{Tar, Yard, app, image_of, spec};

fn mode(yard: &Yard, path: &str) -> u32 {
    fs::symlink_metadata(yard.rootfs(path)).unwrap().mode() & 0o7777
}

fn with_mode(tar: Tar, kind: u8, name: &str, mode: u32) -> Tar {
    let mut header = Header::new_gnu();
    header.set_path(name).unwrap();
    header.set_entry_type(tar::EntryType::new(kind));
    header.set_size(0);
    header.set_mode(mode);
    header.set_uid(u64::from(u32::MAX));
    header.set_mtime(u64::MAX);
    tar.raw(header, b"")
}

#[test]
fn every_kind_of_entry() {
    let yard = Yard::new();
    let tar = app()
        .dir("./")
        .dir("./etc/")
        .file("./etc/hosts", b"127.0.0.1")
        .link("etc/copy", "etc/hosts")
        .symlink("etc/link", "../etc/hosts")
        .file("implied/dir/file", b"x")
        .symlink("implied/self", "self");
    yard.write(&[tar.end()]).unwrap();
    assert_eq!(fs::read(yard.rootfs("etc/link")).unwrap(), b"127.0.0.1");
    assert_eq!(fs::metadata(yard.rootfs("etc/copy")).unwrap().nlink(), 2);
    assert_eq!(mode(&yard, "etc/hosts"), 0o644);
    assert_eq!(mode(&yard, "implied"), 0o755);
    assert_eq!(fs::read_link(yard.rootfs("implied/self")).unwrap().as_os_str(), "self");
    yard.assert_untouched("kinds");
}

#[test]
fn permissions_are_kept_and_privileges_are_not() {
    let yard = Yard::new();
    let tar = with_mode(app(), b'0', "setuid", 0o6755);
    let tar = with_mode(tar, b'0', "none", 0);
    let tar = with_mode(tar, b'5', "tmp", 0o1777);
    let tar = with_mode(tar, b'5', "closed", 0o0050).file("closed/file", b"x");
    yard.write(&[tar.end()]).unwrap();
    assert_eq!(mode(&yard, "setuid"), 0o755);
    assert_eq!(mode(&yard, "none"), 0);
    assert_eq!(mode(&yard, "tmp"), 0o777);
    // The owner of a bundle can always delete it.
    assert_eq!(mode(&yard, "closed"), 0o750);
    let owner = |path: &str| fs::metadata(yard.rootfs(path)).unwrap().uid();
    assert_eq!(owner("setuid"), owner(""));
}

#[test]
fn an_entry_replaces_what_is_there() {
    let yard = Yard::new();
    let tar = app()
        .file("a", b"first")
        .file("a", b"second")
        .dir("d")
        .file("d/inside", b"")
        .file("d", b"a file now")
        .file("e", b"")
        .dir("e")
        .file("e/inside", b"")
        .file("target", b"target")
        .symlink("l", "target")
        .file("l", b"not the target")
        .link("h", "target")
        .file("h", b"own");
    yard.write(&[tar.end()]).unwrap();
    assert_eq!(fs::read(yard.rootfs("a")).unwrap(), b"second");
    assert_eq!(fs::read(yard.rootfs("d")).unwrap(), b"a file now");
    assert!(yard.rootfs("e/inside").exists());
    assert_eq!(fs::read(yard.rootfs("l")).unwrap(), b"not the target");
    assert_eq!(fs::read(yard.rootfs("target")).unwrap(), b"target");
}

/// CVE-2026-33056: a directory entry over a link gave the link's target its permissions.
#[test]
fn a_directory_over_a_link_leaves_the_target_alone() {
    let yard = Yard::new();
    let tar = with_mode(app(), b'5', "real", 0o700).symlink("d", "real");
    yard.write(&[with_mode(tar, b'5', "d", 0o777).file("d/file", b"").end()]).unwrap();
    assert_eq!(mode(&yard, "real"), 0o700);
    assert!(fs::symlink_metadata(yard.rootfs("d")).unwrap().is_dir());
    assert!(!yard.rootfs("real/file").exists());
}

#[test]
fn long_names_of_both_kinds() {
    let yard = Yard::new();
    let long = ["long"; 60].join("/");
    let tar = app()
        .pax(&[&format!("path={long}/pax"), "mtime=-1.5", "SCHILY.xattr.security.capability=x", "size=2"])
        .file("short", b"ab")
        .entry(b'L', "././@LongLink", "", format!("{long}/gnu\0").as_bytes())
        .file("short", b"cd")
        .entry(b'g', "global", "", b"18 comment=global\n");
    let tar = tar.pax(&["linkpath=app.wasm"]).symlink("link", "elsewhere");
    yard.write(&[tar.end()]).unwrap();
    assert_eq!(fs::read(yard.rootfs(&format!("{long}/pax"))).unwrap(), b"ab");
    assert_eq!(fs::read(yard.rootfs(&format!("{long}/gnu"))).unwrap(), b"cd");
    assert!(!yard.rootfs("short").exists());
    assert_eq!(fs::read_link(yard.rootfs("link")).unwrap().as_os_str(), "app.wasm");
}

#[test]
fn whiteouts_delete_from_the_layers_below() {
    let yard = Yard::new();
    let below = app()
        .file("gone", b"")
        .dir("dir")
        .file("dir/gone", b"")
        .file("dir/kept", b"")
        .dir("tree/sub")
        .file("tree/sub/file", b"")
        .dir("opaque/sub")
        .file("opaque/old", b"")
        .symlink("link", "app.wasm");
    let above = Tar::new()
        .file("opaque/new", b"")
        .file("opaque/.wh..wh..opq", b"")
        .file(".wh.gone", b"")
        .file("dir/.wh.gone", b"")
        .file(".wh.tree", b"")
        .file(".wh.link", b"")
        .file(".wh.never-was", b"")
        .file("no/such/.wh.dir", b"")
        .file("nor/.wh..wh..opq", b"");
    yard.write(&[below.end(), above.end()]).unwrap();
    for path in ["gone", "dir/gone", "tree", "opaque/old", "opaque/sub", "link", "no", "nor"] {
        assert!(fs::symlink_metadata(yard.rootfs(path)).is_err(), "{path}");
    }
    for path in ["app.wasm", "dir/kept", "opaque/new"] {
        assert!(yard.rootfs(path).exists(), "{path}");
    }
    yard.assert_untouched("whiteouts");
}

/// "Whiteout files MUST only apply to resources in lower layers", wherever they stand in their own.
#[test]
fn whiteouts_spare_their_own_layer() {
    let yard = Yard::new();
    let below = app().file("f", b"old").dir("d").file("d/old", b"");
    let above = Tar::new()
        .file("f", b"new")
        .file(".wh.f", b"")
        .file("d/new", b"")
        .file(".wh.d", b"")
        .file("d/newer", b"");
    yard.write(&[below.end(), above.end()]).unwrap();
    assert_eq!(fs::read(yard.rootfs("f")).unwrap(), b"new");
    let mut left: Vec<_> = fs::read_dir(yard.rootfs("d")).unwrap().map(|e| e.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["new", "newer"]);
}

#[test]
fn a_later_layer_wins_and_links_into_earlier_ones() {
    let yard = Yard::new();
    let layers = [
        app().file("f", b"one").file("kept", b"kept").end(),
        Tar::new().file("f", b"two").end(),
        Tar::new().link("linked", "kept").end(),
    ];
    yard.write(&layers).unwrap();
    assert_eq!(fs::read(yard.rootfs("f")).unwrap(), b"two");
    assert_eq!(fs::read(yard.rootfs("linked")).unwrap(), b"kept");
}

/// `/bin`, `/lib` and `/sbin` are links in every Debian; later layers and their whiteouts go through them.
#[test]
fn layers_of_a_linux_system() {
    let yard = Yard::new();
    let base = app()
        .dir("usr/bin")
        .dir("usr/lib")
        .symlink("bin", "usr/bin")
        .symlink("lib", "/usr/lib")
        .file("usr/bin/busybox", b"busybox")
        .symlink("usr/bin/sh", "/bin/busybox")
        .symlink("etc/mtab", "../proc/self/mounts")
        .symlink("var/run", "/run")
        .symlink("usr/lib/liba.so", "liba.so.1")
        .file("usr/lib/old.so", b"old")
        .entry(b'3', "dev/null", "", b"")
        .entry(b'6', "dev/initctl", "", b"");
    let above = Tar::new()
        .file("bin/tool", b"tool")
        .link("bin/tool2", "bin/tool")
        .link("bin/ash", "bin/sh")
        .file("lib/.wh.old.so", b"")
        .file("var/run/app.pid", b"1");
    yard.write(&[base.end(), above.end()]).unwrap();
    assert_eq!(fs::read(yard.rootfs("usr/bin/tool2")).unwrap(), b"tool");
    assert_eq!(fs::read(yard.rootfs("run/app.pid")).unwrap(), b"1");
    assert!(!yard.rootfs("usr/lib/old.so").exists());
    assert_eq!(fs::read_link(yard.rootfs("bin")).unwrap().as_os_str(), "usr/bin");
    assert_eq!(fs::read_link(yard.rootfs("usr/bin/ash")).unwrap().as_os_str(), "/bin/busybox");
    assert_eq!(fs::read_dir(yard.rootfs("dev")).unwrap().count(), 0);
    yard.assert_untouched("linux");
}

/// An opaque directory behind a link: what is emptied lies inside.
#[test]
fn whiteouts_go_through_links_inside() {
    let yard = Yard::new();
    let base =
        app().file("d/a", b"").file("d/sub/b", b"").symlink("abs", "/d").symlink("out", "../../../canary");
    let above = Tar::new()
        .file("abs/.wh..wh..opq", b"")
        .file("abs/new", b"")
        .file("out/.wh.file", b"")
        .file("out/.wh..wh..opq", b"");
    yard.write(&[base.end(), above.end()]).unwrap();
    let names: Vec<_> = fs::read_dir(yard.rootfs("d")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["new"]);
    yard.assert_untouched("whiteouts through links");
}

#[test]
fn layers_that_cannot_be_read_are_named() {
    let write = |layer: MediaType, bytes: Vec<u8>| -> Result<()> {
        let yard = Yard::new();
        let image = image_of(layer, &[bytes]);
        let result = wasm_bundle::Bundle::write(yard.bundle(), &spec(), &image, wasm_oci::Overwrite::Refuse);
        yard.assert_nothing_made("layer");
        result.map(|_| ())
    };
    for (layer, bytes) in [
        (MediaType::ImageLayerZstd, vec![]),
        (MediaType::ImageLayerGzip, b"not gzip".to_vec()),
        (MediaType::ImageLayerGzip, vec![0x1f, 0x8b, 8]),
    ] {
        let error = write(layer, bytes).unwrap_err();
        assert_eq!(error.to_string(), "cannot read layer 0 of the image");
        assert!(std::error::Error::source(&error).is_some());
    }
}
