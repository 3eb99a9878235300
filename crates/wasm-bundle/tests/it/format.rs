//! Layers that are no sound tars, or that two readers would read differently.

use tar::{EntryType, Header};
use wasm_bundle::Error;

use crate::image::{Tar, Yard, app};

/// Unpacks each layer above an innocent one.
fn check<const N: usize>(cases: [(Vec<u8>, &str); N]) {
    for (layer, message) in cases {
        let yard = Yard::new();
        match yard.write(&[app().end(), layer]) {
            Err(Error::Tar { layer: 1, why }) => assert_eq!(why, message),
            other => panic!("{message}: {other:?}"),
        }
        yard.assert_nothing_made(message);
    }
}

fn t() -> Tar {
    Tar::new()
}

/// An empty file whose header is changed before its checksum is made.
fn changed(change: fn(&mut Header)) -> Tar {
    let mut header = Header::new_ustar();
    header.set_path("a").unwrap();
    header.set_size(0);
    header.set_mode(0o644);
    change(&mut header);
    t().raw(header, b"")
}

#[test]
fn what_is_no_tar() {
    let mut sum = t().file("a", b"").end();
    sum[0] = b'b';
    check([
        (sum, "a header has a wrong checksum"),
        (vec![b'x'; 2048], "a header has a wrong checksum"),
        (vec![], "it ends without an end marker"),
        (vec![0; 100], "it is cut off"),
        ([t().end(), b"x".to_vec()].concat(), "data follows its end marker"),
        ([t().end(), t().file("a", b"").end()].concat(), "data follows its end marker"),
    ]);
}

#[test]
fn numbers_that_are_none() {
    let size = "a header has a size that is no number";
    check([
        (changed(|header| header.as_old_mut().size = *b"9          \0").end(), size),
        (changed(|header| header.as_old_mut().size = *b"+1         \0").end(), size),
        (changed(|header| header.as_old_mut().size = *b"1 1        \0").end(), size),
        (changed(|header| header.as_old_mut().size = [0xff; 12]).end(), size),
        (
            changed(|header| header.as_old_mut().mode = *b"rw-r--r-").end(),
            "a header has a mode that is no number",
        ),
    ]);
}

#[test]
fn extension_headers() {
    let (pax, name, link) = (b'x', b'L', b'K');
    let one_for_all = "it has one name or size for all entries";
    let huge = "an extension header has more than 1 MiB";
    let mut bomb = Header::new_gnu();
    bomb.set_entry_type(EntryType::new(pax));
    bomb.set_size(u64::MAX >> 1);
    check([
        (t().entry(pax, "x", "", b"9 path=").file("a", b"").end(), "a PAX header is malformed"),
        (t().entry(pax, "x", "", b"9 path=a\n\0").file("a", b"").end(), "a PAX header is malformed"),
        (t().pax(&["path=a", "path=b"]).file("c", b"").end(), "a PAX header says the same thing twice"),
        (t().pax(&["path=a"]).pax(&["path=b"]).file("c", b"").end(), "it has two PAX headers for one entry"),
        (
            t().entry(name, "l", "", b"a").entry(name, "l", "", b"b").file("c", b"").end(),
            "it has two long names for one entry",
        ),
        (
            t().entry(link, "l", "", b"a").entry(link, "l", "", b"b").symlink("c", "d").end(),
            "it has two long link names for one entry",
        ),
        (t().pax(&["path=a"]).end(), "it ends between an extension header and its entry"),
        (t().entry(b'g', "g", "", b"9 path=a\n").file("c", b"").end(), one_for_all),
        (t().entry(b'g', "g", "", b"10 size=1\n").file("c", b"").end(), one_for_all),
        (t().entry(name, "l", "", &vec![b'a'; (1 << 20) + 1]).file("x", b"").end(), huge),
        (t().raw(bomb, b"").end(), huge),
    ]);
}

#[test]
fn a_tar_cut_off_anywhere() {
    let whole = app().dir("d").pax(&["path=d/long"]).file("short", &[b'x'; 700]).symlink("l", "d").end();
    let marker = whole.len() - 1024;
    // Every border of a block, and beside it.
    for end in (0..=marker).filter(|end| end % 512 < 2 || end % 512 == 511) {
        let yard = Yard::new();
        let error = yard.write(&[whole[..end].to_vec()]).unwrap_err();
        assert!(matches!(&error, Error::Tar { layer: 0, .. }), "{end}: {error:?}");
        yard.assert_nothing_made("cut off");
    }
    for end in [marker + 512, whole.len()] {
        Yard::new().write(&[whole[..end].to_vec()]).unwrap();
    }
}

#[test]
fn more_than_is_unpacked() {
    let refused = |layer: Vec<u8>| {
        let yard = Yard::new();
        let error = yard.write(&[layer]).unwrap_err().to_string();
        yard.assert_nothing_made("too much");
        error
    };
    let many = [t().dir("d").bytes().repeat(100_001), vec![0; 1024]].concat();
    assert_eq!(refused(many), "the image has more than 100000 entries in its layers");
    let large = changed(|header| header.set_size(1 << 62)).end();
    assert_eq!(refused(large), "the image has more than 4294967296 bytes in its files");
}
