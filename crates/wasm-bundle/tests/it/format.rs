//! Layers that are no sound tars, wherever they are cut off: the other cases are in the crate `hostile`.

use wasm_bundle::Error;

use crate::image::{Yard, app};

/// Cut between entries, or in the padding of the last, it is a tar without an end marker, as umoci makes them; elsewhere an
/// entry is not whole, and nothing is unpacked.
#[test]
fn a_tar_cut_off_anywhere() {
    let whole = app().dir("d").pax(&["path=d/long"]).file("short", &[b'x'; 700]).symlink("l", "d").end();
    let marker = whole.len() - 1024;
    let is_whole = |end: usize| matches!(end, 520..=1024 | 1536 | 3772..=4096) || end == marker;
    // Every border of a block, and beside it.
    for end in (1..=marker).filter(|end| end % 512 < 2 || end % 512 == 511) {
        let yard = Yard::new();
        match yard.write(&[whole[..end].to_vec()]) {
            Ok(_) => assert!(is_whole(end), "{end}"),
            Err(error) => {
                assert!(!is_whole(end) && matches!(&error, Error::Tar { layer: 0, .. }), "{end}: {error:?}");
                yard.assert_nothing_made("cut off");
            }
        }
    }
    for end in [marker + 512, whole.len()] {
        Yard::new().write(&[whole[..end].to_vec()]).unwrap();
    }
}
