//! What a socket has in common with files: these functions are asked about both.

use wasmtime_wasi::p1::wasi_snapshot_preview1 as preview1;
use wiggle::GuestMemory;

use super::{
    Parts,
    connection::{FDFLAGS, NONBLOCK},
    data,
};
use crate::{
    errno::{Errno, Outcome, finish},
    socket::Kind,
    sockets::is_socket,
};

pub(crate) async fn read(
    parts: Parts<'_>,
    fd: i32,
    list: i32,
    count: i32,
    out: i32,
) -> wasmtime::Result<i32> {
    if is_socket(fd.cast_unsigned()) {
        let [fd, list, count, out] = [fd, list, count, out].map(i32::cast_unsigned);
        return finish(data::read(parts, fd, list, count, out).await);
    }
    let memory = &mut GuestMemory::Unshared(parts.memory.0);
    preview1::fd_read(parts.view.wasi, memory, fd, list, count, out).await
}

pub(crate) async fn write(
    parts: Parts<'_>,
    fd: i32,
    list: i32,
    count: i32,
    out: i32,
) -> wasmtime::Result<i32> {
    if is_socket(fd.cast_unsigned()) {
        let [fd, list, count, out] = [fd, list, count, out].map(i32::cast_unsigned);
        return finish(data::write(parts, fd, list, count, out).await);
    }
    let memory = &mut GuestMemory::Unshared(parts.memory.0);
    preview1::fd_write(parts.view.wasi, memory, fd, list, count, out).await
}

pub(crate) async fn close(mut parts: Parts<'_>, fd: i32) -> wasmtime::Result<i32> {
    if is_socket(fd.cast_unsigned()) {
        let closed = parts.view.remove(fd.cast_unsigned());
        return finish(closed.map_err(Into::into));
    }
    let memory = &mut GuestMemory::Unshared(parts.memory.0);
    preview1::fd_close(parts.view.wasi, memory, fd).await
}

pub(crate) async fn renumber(mut parts: Parts<'_>, from: i32, to: i32) -> wasmtime::Result<i32> {
    match [from, to].map(|fd| is_socket(fd.cast_unsigned())) {
        [true, true] => {
            let moved = parts.view.renumber(from.cast_unsigned(), to.cast_unsigned());
            finish(moved.map_err(Into::into))
        }
        [false, false] => {
            let memory = &mut GuestMemory::Unshared(parts.memory.0);
            preview1::fd_renumber(parts.view.wasi, memory, from, to).await
        }
        // The number tells which of the two it is.
        _ => Ok(Errno::NOTSUP.code()),
    }
}

pub(crate) async fn stat(parts: Parts<'_>, fd: i32, out: i32) -> wasmtime::Result<i32> {
    if is_socket(fd.cast_unsigned()) {
        return finish(stat_socket(parts, fd.cast_unsigned(), out.cast_unsigned()));
    }
    let memory = &mut GuestMemory::Unshared(parts.memory.0);
    preview1::fd_fdstat_get(parts.view.wasi, memory, fd, out).await
}

fn stat_socket(mut parts: Parts<'_>, fd: u32, out: u32) -> Outcome {
    parts.memory.place(out, 24, 8)?;
    let socket = parts.view.sockets.get(fd)?;
    let mut stat = [0; 24];
    stat[0] = file_type(socket.kind);
    stat[2] = if socket.nonblocking { NONBLOCK as u8 } else { 0 };
    stat[8..16].copy_from_slice(&RIGHTS.to_le_bytes());
    stat[16..].copy_from_slice(&RIGHTS.to_le_bytes());
    Ok(parts.memory.set(out, &stat)?)
}

pub(crate) fn set_flags(mut parts: Parts<'_>, fd: i32, flags: i32) -> wasmtime::Result<i32> {
    if is_socket(fd.cast_unsigned()) {
        return finish(set_socket_flags(&mut parts, fd.cast_unsigned(), flags as u16));
    }
    let memory = &mut GuestMemory::Unshared(parts.memory.0);
    preview1::fd_fdstat_set_flags(parts.view.wasi, memory, fd, flags)
}

fn set_socket_flags(parts: &mut Parts<'_>, fd: u32, flags: u16) -> Outcome {
    if flags & !FDFLAGS != 0 {
        return Err(Errno::INVAL.into());
    }
    parts.view.sockets.get_mut(fd)?.nonblocking = flags & NONBLOCK != 0;
    Ok(())
}

pub(crate) async fn file_stat(parts: Parts<'_>, fd: i32, out: i32) -> wasmtime::Result<i32> {
    if is_socket(fd.cast_unsigned()) {
        return finish(file_stat_socket(parts, fd.cast_unsigned(), out.cast_unsigned()));
    }
    let memory = &mut GuestMemory::Unshared(parts.memory.0);
    preview1::fd_filestat_get(parts.view.wasi, memory, fd, out).await
}

/// What it is, and nothing about the host.
fn file_stat_socket(mut parts: Parts<'_>, fd: u32, out: u32) -> Outcome {
    parts.memory.place(out, 64, 8)?;
    let mut stat = [0; 64];
    stat[16] = file_type(parts.view.sockets.get(fd)?.kind);
    // One link.
    stat[24] = 1;
    Ok(parts.memory.set(out, &stat)?)
}

fn file_type(kind: Kind) -> u8 {
    match kind {
        Kind::Datagram => 5,
        Kind::Stream => 6,
    }
}

/// What can be done with a socket: `fd_read`, `fd_fdstat_set_flags`, `fd_write`, `poll_fd_readwrite`, `sock_shutdown`
/// and WasmEdge's open, close, bind, recv, recv_from, send and send_to.
const RIGHTS: u64 = 1 << 1 | 1 << 3 | 1 << 6 | 0x1ff << 27;
