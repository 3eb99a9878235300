//! FIFOs, devices and sockets in the directories of a guest, which it may list and delete but not open.
//!
//! Whoever opens a FIFO waits for the other end, and whoever reads a device waits for what it has to say: in a system
//! call on the thread of the run, which nobody can end. So the two functions of preview 1 that open what a path leads to
//! look first. If somebody on the host puts a FIFO in the place of a file in between, they do wait.

use wasmtime::{AsContextMut, Caller, Extern, Linker, bail};
use wasmtime_wasi::p1::{
    WasiP1Ctx,
    wasi_snapshot_preview1::{self as preview1, WasiSnapshotPreview1},
};
use wiggle::GuestMemory;

use super::state::{PREVIEW1, State};

/// Links the two functions.
pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap_async(PREVIEW1, "path_open", |mut caller: Caller<'_, State>, args: OpenArgs| {
        Box::new(async move {
            let (dir, follow, path, length, create, rights, inherited, flags, opened) = args;
            let may = caller.data().may_open_special_files();
            let (wasi, memory) = &mut parts(&mut caller)?;
            if !may && is_special(wasi, memory, (dir, follow, path, length)).await? {
                return Ok(ERRNO_ACCES);
            }
            let memory = &mut GuestMemory::Unshared(memory);
            preview1::path_open(
                *wasi, memory, dir, follow, path, length, create, rights, inherited, flags, opened,
            )
            .await
        })
    })?;
    linker.func_wrap_async(
        PREVIEW1,
        "path_filestat_set_times",
        |mut caller: Caller<'_, State>, args: (i32, i32, i32, i32, i64, i64, i32)| {
            Box::new(async move {
                let (dir, follow, path, length, accessed, modified, which) = args;
                let may = caller.data().may_open_special_files();
                let (wasi, memory) = &mut parts(&mut caller)?;
                if !may && is_special(wasi, memory, (dir, follow, path, length)).await? {
                    return Ok(ERRNO_ACCES);
                }
                let memory = &mut GuestMemory::Unshared(memory);
                preview1::path_filestat_set_times(
                    *wasi, memory, dir, follow, path, length, accessed, modified, which,
                )
                .await
            })
        },
    )?;
    Ok(())
}

type OpenArgs = (i32, i32, i32, i32, i32, i64, i64, i32, i32);

/// What a function of preview 1 works on.
pub(super) fn parts<'a>(
    caller: &'a mut Caller<'_, State>,
) -> wasmtime::Result<(&'a mut WasiP1Ctx, &'a mut [u8])> {
    let fuel = caller.as_context_mut().hostcall_fuel();
    // The words are those of the functions that are not ours.
    let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
        bail!("missing required memory export");
    };
    let (memory, state) = memory.data_and_store_mut(caller);
    let wasi = state.wasi(true);
    wasi.set_hostcall_fuel(fuel);
    Ok((wasi, memory))
}

/// Tells whether a path leads to something that is neither a file nor a directory.
///
/// It is looked at as the guest would, in a memory that has only the path and room for the answer. What is not there or
/// cannot be looked at is not special: whoever opens it gets the error number.
async fn is_special(
    wasi: &mut WasiP1Ctx,
    memory: &[u8],
    (dir, follow, path, length): (i32, i32, i32, i32),
) -> wasmtime::Result<bool> {
    let [at, len] = [path, length].map(|number| number.cast_unsigned() as usize);
    let Some(path) = at.checked_add(len).and_then(|end| memory.get(at..end)) else { return Ok(false) };
    let mut own = [&[0; FILESTAT], path].concat();
    let own_memory = &mut GuestMemory::Unshared(&mut own);
    let errno =
        preview1::path_filestat_get(wasi, own_memory, dir, follow, FILESTAT as i32, length, 0).await?;
    let known = [FILETYPE_DIRECTORY, FILETYPE_REGULAR_FILE, FILETYPE_SYMBOLIC_LINK];
    Ok(errno == 0 && !known.contains(&own[FILETYPE]))
}

/// The size of `filestat`, and where its file type is.
const FILESTAT: usize = 64;
const FILETYPE: usize = 16;

const FILETYPE_DIRECTORY: u8 = 3;
const FILETYPE_REGULAR_FILE: u8 = 4;
const FILETYPE_SYMBOLIC_LINK: u8 = 7;
const ERRNO_ACCES: i32 = 2;
