use wasm_oci::Store;

use crate::{Failure, home};

/// Opens this user's store of images: `$XDG_CACHE_HOME/wasmctr/images`, or `~/.cache/wasmctr/images`.
pub(crate) fn open() -> Result<Store, Failure> {
    Ok(Store::open(&home::cache()?.join("wasmctr/images"))?)
}
