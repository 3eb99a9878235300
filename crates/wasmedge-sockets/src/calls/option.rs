//! The options of sockets, as numbers and bytes: what the guest gives is what the system gets.

use std::os::fd::{AsFd, AsRawFd};

use rustix::io::Errno as System;

use super::Parts;
use crate::{
    errno::{Errno, Outcome},
    sockets::{Sockets, is_socket},
};

pub(crate) async fn get(
    mut parts: Parts<'_>,
    fd: u32,
    level: u32,
    name: u32,
    value: u32,
    size: u32,
) -> Outcome {
    let option = option(level, name)?;
    let length = parts.memory.u32(size)?;
    let place = parts.memory.range(value, length)?;
    if !is_socket(fd) {
        return Err(parts.no_socket(fd).await);
    }
    let value = &mut parts.memory.0[place];
    // These are told as other numbers than the system's, and so they must be whole.
    if matches!(option, libc::SO_ERROR | libc::SO_TYPE) && value.len() < 4 {
        return Err(Errno::INVAL.into());
    }
    let length = system_get(&parts.view.sockets.get(fd)?.descriptor, option, value)?;
    if let Some(number) = value[..length].first_chunk_mut::<4>() {
        let system = i32::from_ne_bytes(*number);
        let own = match option {
            libc::SO_ERROR if system != 0 => Errno::from(System::from_raw_os_error(system)).code(),
            libc::SO_TYPE if system == libc::SOCK_DGRAM => 1,
            libc::SO_TYPE if system == libc::SOCK_STREAM => 2,
            _ => system,
        };
        *number = own.to_le_bytes();
    }
    Ok(parts.memory.set_u32(size, length as u32)?)
}

pub(crate) async fn set(
    mut parts: Parts<'_>,
    fd: u32,
    level: u32,
    name: u32,
    value: u32,
    length: u32,
) -> Outcome {
    let option = option(level, name)?;
    let place = parts.memory.range(value, length)?;
    if !is_socket(fd) {
        return Err(parts.no_socket(fd).await);
    }
    let value = &parts.memory.0[place];
    let number = value.first_chunk().map(|bytes| i32::from_ne_bytes(*bytes));
    let sockets = parts.view.sockets;
    let socket = sockets.get_mut(fd)?;
    match option {
        // Whoever may choose the device chooses where packets go, past every rule about addresses.
        libc::SO_BINDTODEVICE => Err(Errno::PERM.into()),
        libc::SO_LINGER => {
            system_set(&socket.descriptor, option, value)?;
            socket.lingers = value.get(4..8).is_some_and(|seconds| seconds != [0; 4]);
            Ok(())
        }
        libc::SO_SNDBUF => set_buffer(sockets, fd, option, 0, number, value),
        libc::SO_RCVBUF => set_buffer(sockets, fd, option, 1, number, value),
        _ => Ok(system_set(&socket.descriptor, option, value)?),
    }
}

/// Sets how much the system buffers, if the guest may have so much.
fn set_buffer(
    sockets: &mut Sockets,
    fd: u32,
    option: i32,
    which: usize,
    bytes: Option<i32>,
    value: &[u8],
) -> Outcome {
    let most = sockets.limits.buffered;
    let others = sockets.buffered - sockets.get(fd)?.buffers[which];
    // The system takes what is negative for very much.
    let bytes = bytes.map_or(0, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    let total = others.saturating_add(bytes);
    if total > most {
        return Err(Errno::NOBUFS.into());
    }
    let socket = sockets.get_mut(fd)?;
    system_set(&socket.descriptor, option, value)?;
    socket.buffers[which] = bytes;
    sockets.buffered = total;
    Ok(())
}

/// The system's number of an option.
fn option(level: u32, name: u32) -> Result<i32, Errno> {
    let option = OPTIONS.get(name as usize).copied();
    if level == 0 { option.ok_or(Errno::INVAL) } else { Err(Errno::INVAL) }
}

/// In the order of the ABI's numbers.
const OPTIONS: [i32; 15] = [
    libc::SO_REUSEADDR,
    libc::SO_TYPE,
    libc::SO_ERROR,
    libc::SO_DONTROUTE,
    libc::SO_BROADCAST,
    libc::SO_SNDBUF,
    libc::SO_RCVBUF,
    libc::SO_KEEPALIVE,
    libc::SO_OOBINLINE,
    libc::SO_LINGER,
    libc::SO_RCVLOWAT,
    libc::SO_RCVTIMEO,
    libc::SO_SNDTIMEO,
    libc::SO_ACCEPTCONN,
    libc::SO_BINDTODEVICE,
];

/// Returns how many bytes of the buffer the system has written.
#[expect(unsafe_code, reason = "rustix has no function that takes any option")]
fn system_get(socket: impl AsFd, option: i32, value: &mut [u8]) -> Result<usize, System> {
    let mut length = value.len() as libc::socklen_t;
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the descriptor is open while it is borrowed; the system writes at most `length` bytes, which are those of
    // the slice, and then how many it wrote.
    let result =
        unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, option, value.as_mut_ptr().cast(), &raw mut length) };
    if result == 0 { Ok((length as usize).min(value.len())) } else { Err(last_error()) }
}

#[expect(unsafe_code, reason = "rustix has no function that takes any option")]
fn system_set(socket: impl AsFd, option: i32, value: &[u8]) -> Result<(), System> {
    let fd = socket.as_fd().as_raw_fd();
    let length = value.len() as libc::socklen_t;
    // SAFETY: the descriptor is open while it is borrowed; the system reads at most `length` bytes, which are those of
    // the slice. No option of the table takes a pointer.
    let result = unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, option, value.as_ptr().cast(), length) };
    if result == 0 { Ok(()) } else { Err(last_error()) }
}

fn last_error() -> System {
    System::from_io_error(&std::io::Error::last_os_error()).unwrap_or(System::IO)
}
