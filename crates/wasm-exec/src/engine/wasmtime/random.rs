use wasmtime::{Caller, Linker};
use wasmtime_wasi::p1::wasi_snapshot_preview1 as preview1;
use wiggle::GuestMemory;

use super::{
    special::parts,
    state::{PREVIEW1, State},
};

/// Links `random_get`, which gives way now and then.
///
/// wasmtime-wasi makes all the bytes at once and beside the guest's memory, and a guest may want as many as its memory
/// holds: nobody could end it for that long.
pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap_async(
        PREVIEW1,
        "random_get",
        |mut caller: Caller<'_, State>, (at, length): (i32, i32)| {
            Box::new(async move {
                let (wasi, memory) = parts(&mut caller)?;
                let [mut at, mut left] = [at, length].map(i32::cast_unsigned);
                if at.checked_add(left).is_none_or(|end| end as usize > memory.len()) {
                    return Ok(ERRNO_FAULT);
                }
                loop {
                    let some = left.min(CHUNK);
                    let memory = &mut GuestMemory::Unshared(&mut *memory);
                    let errno = preview1::random_get(wasi, memory, at.cast_signed(), some.cast_signed())?;
                    (at, left) = (at + some, left - some);
                    if errno != 0 || left == 0 {
                        return Ok(errno);
                    }
                    tokio::task::yield_now().await;
                }
            })
        },
    )?;
    Ok(())
}

const CHUNK: u32 = 64 << 10;

const ERRNO_FAULT: i32 = 21;
