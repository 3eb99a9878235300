//! Layers that attack whoever unpacks them: the corpus of the crate `hostile`, and an attacker beside the bundle.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use hostile::{Outcome, Tar, variant};
use wasm_bundle::Bundle;
use wasm_oci::{Overwrite, oci_spec::image::MediaType};

use crate::{
    image::{Yard, app, spec, stored},
    properties::assert_inside,
};

/// Each case is refused as the table says, and nothing is left behind; or it is unpacked, and nothing outside is touched.
#[test]
fn every_case_of_the_corpus() {
    let mut wrong = vec![];
    for case in hostile::cases() {
        wrong.extend(check(&case).map(|why| format!("{}: {why}", case.name)));
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn check(case: &hostile::Case) -> Option<String> {
    let yard = Yard::new();
    let layers = case.layers.iter().map(|layer| (MediaType::from(layer.media_type), layer.blob.clone()));
    let image = stored(layers.collect());
    match (Bundle::write(yard.bundle(), &spec(), &image, Overwrite::Refuse), case.unpack) {
        (Ok(bundle), Outcome::Fine | Outcome::Other) => {
            assert_inside(&bundle);
            yard.assert_untouched(case.name);
            let expected = if case.unpack == Outcome::Other { hostile::OTHER } else { hostile::MODULE };
            let program = bundle.module().ok();
            let is_read = !matches!(case.read, Outcome::Refused(..));
            (is_read && program.as_deref() != Some(expected)).then(|| format!("the program is {program:?}"))
        }
        (Err(error), Outcome::Refused(name, message)) => {
            yard.assert_nothing_made(case.name);
            let text = error.to_string();
            let layer = format!("layer {}", case.layers.len() - 1);
            let right = variant(&error) == name && text.contains(message);
            let told = !matches!(name, "Entry" | "Tar" | "Layer") || text.contains(&layer);
            (!right || !told || text.len() > 1000)
                .then(|| format!("expected {name}: {message}, got {error:?}: {text}"))
        }
        (found, expected) => Some(format!("expected {expected:?}, got {found:?}")),
    }
}

fn t() -> Tar {
    Tar::new()
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
