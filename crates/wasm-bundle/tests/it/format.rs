//! Layers that are no sound tars, wherever they are cut off: the other cases are in the crate `hostile`.

use wasm_bundle::Error;

use crate::image::{Yard, app};

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
