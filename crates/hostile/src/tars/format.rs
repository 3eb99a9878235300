//! What is no sound tar, or would be read differently by two readers.

use tar::{EntryType, Header};

use super::{Case, gzip, raw, t};
use crate::{Outcome, Tar};

pub(super) fn cases() -> Vec<Case> {
    [blocks(), cuts(), numbers(), extensions()].into_iter().flatten().collect()
}

/// What both refuse as no sound tar.
fn tar(name: &'static str, rule: &'static str, layer: Vec<u8>, why: &'static str) -> Case {
    raw(name, rule, layer, Outcome::Refused("Tar", why), Outcome::Refused("Tar", why))
}

fn blocks() -> Vec<Case> {
    let checksum = |name, layer| tar(name, "checksums are right", layer, "a header has a wrong checksum");
    let behind = |name, layer| tar(name, "nothing behind the end", layer, "data follows its end marker");
    let end = |name, layer| raw(name, "the end need not be marked", layer, Outcome::Fine, Outcome::Fine);
    let mut sum = t().file("a", b"").end();
    sum[0] = b'b';
    let many = || [t().dir("d").bytes().repeat(100_001), vec![0; 1024]].concat();
    vec![
        checksum("checksum-wrong", sum),
        checksum("text", vec![b'x'; 2048]),
        checksum("gzip-in-a-plain-layer", gzip(&vec![1; 99_999]).repeat(20)),
        behind("data-behind-the-end", [t().end(), b"x".to_vec()].concat()),
        behind("tar-behind-the-end", [t().end(), t().file("app.wasm", super::OTHER).end()].concat()),
        end("empty", vec![]),
        end("end-not-marked", t().file("a", b"").bytes()),
        Case {
            unpack: Outcome::Refused("TooMuch", "more than 100000 entries in its layers"),
            ..raw(
                "100001-entries",
                "100,000 entries",
                many(),
                Outcome::Refused("Entries", "100000"),
                Outcome::Fine,
            )
        },
    ]
}

/// Cut off before, in and behind a header, content and padding.
fn cuts() -> Vec<Case> {
    let whole = t().dir("d").pax(&["path=d/long"]).file("short", &[b'x'; 700]).symlink("l", "d").bytes();
    let cut = |name, at: usize| tar(name, "a tar is whole", whole[..at].to_vec(), "it is cut off");
    let end = |name, at: usize| {
        raw(name, "the end need not be marked", whole[..at].to_vec(), Outcome::Fine, Outcome::Fine)
    };
    let between = "it ends between an extension header and its entry";
    vec![
        cut("cut-in-the-first-header", 1),
        cut("cut-at-the-end-of-a-header", 511),
        end("cut-behind-a-header", 512),
        cut("cut-in-an-extension-header", 513),
        cut("cut-before-an-extension", 1024),
        cut("cut-in-an-extension", 1024 + 5),
        tar("cut-behind-an-extension", "a tar is whole", whole[..1536].to_vec(), between),
        cut("cut-in-a-file's-header", 1536 + 100),
        cut("cut-before-content", 2048),
        cut("cut-between-blocks-of-content", 2048 + 512),
        cut("cut-in-content", 2048 + 600),
        end("cut-in-padding", 2048 + 701),
        end("cut-behind-padding", 2048 + 1024),
        cut("cut-in-a-link", 3072 + 200),
        end("cut-behind-the-last-entry", 3584),
        tar("cut-in-the-end-marker", "a tar is whole", vec![0; 100], "it is cut off"),
    ]
}

fn numbers() -> Vec<Case> {
    let size = |name, field: [u8; 12]| {
        let layer = changed(|header| header.as_old_mut().size = field);
        tar(name, "numbers are octal or binary", layer, "a header has a size that is no number")
    };
    let mode = changed(|header| header.as_old_mut().mode = *b"rw-r--r-");
    vec![
        size("size-with-a-digit-of-9", *b"9          \0"),
        size("size-with-a-sign", *b"+1         \0"),
        size("size-with-a-gap", *b"1 1        \0"),
        size("size-negative", [0xff; 12]),
        size("size-beyond-64-bits", *b"\x80\0\0\x01\0\0\0\0\0\0\0\0"),
        tar("mode-in-letters", "numbers are octal or binary", mode, "a header has a mode that is no number"),
    ]
}

fn extensions() -> Vec<Case> {
    let (pax, name, link) = (b'x', b'L', b'K');
    let malformed = |case, body: &[u8]| {
        let layer = t().entry(pax, "x", "", body).file("a", b"").end();
        tar(case, "PAX records are sound", layer, "a PAX header is malformed")
    };
    let all = |case, record: &[u8]| {
        let layer = t().entry(b'g', "g", "", record).file("c", b"").end();
        tar(case, "no name or size for all", layer, "it has one name or size for all entries")
    };
    let mut bomb = Header::new_gnu();
    bomb.set_entry_type(EntryType::new(pax));
    bomb.set_size(u64::MAX >> 1);
    let twice = |case, tar_: Tar, why| tar(case, "one extension of a kind", tar_.end(), why);
    let huge = "an extension header has more than 1 MiB";
    vec![
        malformed("pax-cut-off", b"9 path="),
        malformed("pax-nul-behind", b"9 path=a\n\0"),
        malformed("pax-length-wrong", b"8 path=a\n"),
        malformed("pax-length-huge", b"99999999999999999999 path=a\n"),
        malformed("pax-size-negative", b"11 size=-1\n"),
        malformed("pax-without-a-key", b"4 =\n"),
        twice(
            "pax-same-key-twice",
            t().pax(&["path=a", "path=b"]).file("c", b""),
            "a PAX header says the same thing twice",
        ),
        twice(
            "pax-twice",
            t().pax(&["path=a"]).pax(&["path=b"]).file("c", b""),
            "it has two PAX headers for one entry",
        ),
        twice(
            "gnu-name-twice",
            t().long(name, "a").long(name, "b").file("c", b""),
            "it has two long names for one entry",
        ),
        twice(
            "gnu-link-name-twice",
            t().long(link, "a").long(link, "b").symlink("c", "d"),
            "it has two long link names for one entry",
        ),
        twice("pax-for-nothing", t().pax(&["path=a"]), "it ends between an extension header and its entry"),
        all("global-name", b"9 path=a\n"),
        all("global-size", b"10 size=1\n"),
        all("global-link-name", b"14 linkpath=a\n"),
        tar("extension-of-8-eib", "1 MiB for an extension header", t().raw(bomb, b"").end(), huge),
    ]
}

/// An empty file whose header is changed before its checksum is made.
fn changed(change: impl FnOnce(&mut Header)) -> Vec<u8> {
    let mut header = Header::new_ustar();
    header.as_old_mut().name[0] = b'a';
    header.set_size(0);
    header.set_mode(0o644);
    change(&mut header);
    t().raw(header, b"").end()
}
