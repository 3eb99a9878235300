//! Compressed layers that are not sound, or are small and become large.

use tar::Header;

use super::{Case, Layer, MODULE, base, gzip, t};
use crate::{Outcome, Tar};

pub(super) fn cases() -> Vec<Case> {
    [streams(), bombs()].into_iter().flatten().collect()
}

/// A compressed layer above an innocent one.
fn case(name: &'static str, rule: &'static str, blob: Vec<u8>, read: Outcome, unpack: Outcome) -> Case {
    Case { name, rule, layers: vec![Layer::plain(base().end()), Layer::gzip(blob)], read, unpack }
}

fn streams() -> Vec<Case> {
    let broken = |name, blob| {
        let (read, unpack) =
            (Outcome::Refused("Malformed", "the layer"), Outcome::Refused("Layer", "cannot read layer 1"));
        case(name, "a gzip stream is whole", blob, read, unpack)
    };
    let tar = t().file("x", MODULE).end();
    let packed = gzip(&tar);
    let (mut crc, mut flags) = (packed.clone(), packed.clone());
    let at = crc.len() - 8;
    crc[at] ^= 1;
    flags[3] = 0xe0;
    let half = tar.len() / 2;
    let nested = Outcome::Refused("Tar", "a header has a wrong checksum");
    vec![
        broken("gzip-not-at-all", b"not gzip".to_vec()),
        broken("gzip-header-only", vec![0x1f, 0x8b, 8]),
        broken("gzip-cut-off", packed[..packed.len() - 9].to_vec()),
        broken("gzip-without-its-checksum", packed[..packed.len() - 4].to_vec()),
        broken("gzip-checksum-wrong", crc),
        broken("gzip-reserved-flags", flags),
        broken("gzip-with-text-behind", [packed.clone(), b"text".to_vec()].concat()),
        case(
            "gzip-of-two-members",
            "members are one stream",
            [gzip(&tar[..half]), gzip(&tar[half..])].concat(),
            Outcome::Fine,
            Outcome::Fine,
        ),
        case("gzip-in-gzip", "one compression", gzip(&packed.repeat(9)), nested, nested),
        broken("plain-tar-called-gzip", tar),
    ]
}

fn bombs() -> Vec<Case> {
    let bomb = |name, blob| {
        let read = Outcome::Refused("TooLarge", "more than the limit of");
        let unpack = Outcome::Refused("Layer", "cannot read layer 1");
        case(name, "200 times its size, 16 MiB to 1 GiB", blob, read, unpack)
    };
    let zeros = vec![0; 24 << 20];
    let end = t().file("x", MODULE).end();
    vec![
        bomb("gzip-bomb-behind-the-end", gzip(&[end.clone(), zeros.clone()].concat())),
        bomb("gzip-bomb-in-a-file", gzip(&zero_file(zeros))),
        bomb("gzip-bomb-of-entries", gzip(&t().dir("d").bytes().repeat(60_000))),
        // No stream of gzip becomes more than 1,032 times as large: this is 1 MB.
        bomb("gzip-bomb-of-1-gb", [gzip(&end), zero_members(1000)].concat()),
        case(
            "1000000-empty-files",
            "100,000 entries",
            empty_files(1000),
            Outcome::Refused("Entries", "100000"),
            Outcome::Refused("TooMuch", "more than 100000 entries in its layers"),
        ),
    ]
}

/// A file of zeros, cut off.
fn zero_file(zeros: Vec<u8>) -> Vec<u8> {
    let mut header = Header::new_ustar();
    header.as_old_mut().name[0] = b'z';
    header.set_mode(0o644);
    header.set_size(1 << 30);
    [t().raw(header, b"").bytes(), zeros].concat()
}

/// So many times a million zeros, of which nobody holds more than a few in memory.
fn zero_members(count: usize) -> Vec<u8> {
    gzip(&vec![0; 1_000_000]).repeat(count)
}

/// So many times a thousand empty files. They would be 512 MB, which is not held in memory either.
fn empty_files(thousands: usize) -> Vec<u8> {
    let tar = (0..1000).fold(Tar::new(), |tar, number| tar.file(format!("f{number}"), b""));
    gzip(&tar.bytes()).repeat(thousands)
}
