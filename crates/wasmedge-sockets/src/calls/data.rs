//! What goes through a socket.

use std::net::SocketAddr;

use rustix::{io::Errno as System, net::RecvFlags};

use super::{Parts, connection::ask};
use crate::{
    address::{Place, STORAGE, Version},
    errno::{Errno, Outcome},
    memory::Buffers,
    policy::Access,
    socket::{Kind, Received, internet},
    sockets::{Sockets, is_socket},
};

/// [`send`] for a guest that does not wait.
pub(crate) fn send_now(
    mut parts: Parts<'_>,
    fd: u32,
    list: u32,
    count: u32,
    flags: u32,
    out: u32,
) -> Option<Outcome> {
    parts.answers_at_once(fd).then(|| {
        no_flags(flags)?;
        let buffers = buffers(&parts, list, count, out)?;
        let sent = parts.view.sockets.get(fd)?.send(&buffers, parts.memory.0, None)?;
        Ok(parts.memory.set_u32(out, sent as u32)?)
    })
}

pub(crate) async fn send(
    mut parts: Parts<'_>,
    fd: u32,
    list: u32,
    count: u32,
    flags: u32,
    out: u32,
) -> Outcome {
    no_flags(flags)?;
    let buffers = buffers(&parts, list, count, out)?;
    if !is_socket(fd) {
        return Err(parts.no_socket(fd).await);
    }
    let sent = send_from(&mut parts, fd, buffers, None).await?;
    Ok(parts.memory.set_u32(out, sent)?)
}

#[expect(clippy::too_many_arguments, reason = "those of the function of the ABI")]
pub(crate) async fn send_to(
    mut parts: Parts<'_>,
    version: Version,
    fd: u32,
    list: u32,
    count: u32,
    address: u32,
    port: u32,
    flags: u32,
    out: u32,
) -> Outcome {
    let to = Place::read(&parts.memory, address)?.address(&parts.memory, port, version)?;
    no_flags(flags)?;
    let buffers = buffers(&parts, list, count, out)?;
    if !is_socket(fd) {
        return Err(parts.no_socket(fd).await);
    }
    parts.view.sockets.get(fd)?;
    ask(parts.view.sockets, Access::SendTo(to)).await?;
    parts.view.sockets.get_mut(fd)?.heard = Some(to);
    let sent = send_from(&mut parts, fd, buffers, Some(to)).await?;
    Ok(parts.memory.set_u32(out, sent)?)
}

/// `fd_write` on a socket.
pub(crate) async fn write(mut parts: Parts<'_>, fd: u32, list: u32, count: u32, out: u32) -> Outcome {
    let buffers = buffers(&parts, list, count, out)?;
    let sent = send_from(&mut parts, fd, buffers, None).await?;
    Ok(parts.memory.set_u32(out, sent)?)
}

/// [`receive`] for a guest that does not wait.
pub(crate) fn receive_now(
    mut parts: Parts<'_>,
    fd: u32,
    list: u32,
    count: u32,
    flags: u32,
    out: u32,
    out_flags: u32,
) -> Option<Outcome> {
    parts.answers_at_once(fd).then(|| {
        let flags = receive_flags(flags)?;
        let buffers = buffers(&parts, list, count, out)?;
        parts.memory.place(out_flags, 2, 2)?;
        let received = parts.view.sockets.get(fd)?.receive(&buffers, parts.memory.0, flags)?;
        tell(&mut parts, &received, out, out_flags)
    })
}

pub(crate) async fn receive(
    mut parts: Parts<'_>,
    fd: u32,
    list: u32,
    count: u32,
    flags: u32,
    out: u32,
    out_flags: u32,
) -> Outcome {
    let flags = receive_flags(flags)?;
    let buffers = buffers(&parts, list, count, out)?;
    parts.memory.place(out_flags, 2, 2)?;
    if !is_socket(fd) {
        return Err(parts.no_socket(fd).await);
    }
    let received = receive_to(&mut parts, fd, buffers, flags).await?;
    tell(&mut parts, &received, out, out_flags)
}

#[expect(clippy::too_many_arguments, reason = "those of the function of the ABI")]
pub(crate) async fn receive_from_v1(
    mut parts: Parts<'_>,
    fd: u32,
    list: u32,
    count: u32,
    address: u32,
    flags: u32,
    out: u32,
    out_flags: u32,
) -> Outcome {
    let place = Place::read(&parts.memory, address)?;
    let flags = receive_flags(flags)?;
    let buffers = buffers(&parts, list, count, out)?;
    parts.memory.place(out_flags, 2, 2)?;
    if !is_socket(fd) {
        return Err(parts.no_socket(fd).await);
    }
    let received = receive_to(&mut parts, fd, buffers, flags).await?;
    if let Some(from) = received.from {
        // The address is left out if there is no room for it.
        let _ = place.set_ip(&mut parts.memory, from.ip());
    }
    tell(&mut parts, &received, out, out_flags)
}

#[expect(clippy::too_many_arguments, reason = "those of the function of the ABI")]
pub(crate) async fn receive_from_v2(
    mut parts: Parts<'_>,
    fd: u32,
    list: u32,
    count: u32,
    address: u32,
    flags: u32,
    port: u32,
    out: u32,
    out_flags: u32,
) -> Outcome {
    let place = Place::read(&parts.memory, address)?;
    if !matches!(place.length, 4 | 16 | STORAGE) {
        return Err(Errno::INVAL.into());
    }
    let flags = receive_flags(flags)?;
    let width = if parts.view.sockets.swapped_ports { 2 } else { 4 };
    parts.memory.place(port, width, width)?;
    let buffers = buffers(&parts, list, count, out)?;
    parts.memory.place(out_flags, 2, 2)?;
    if !is_socket(fd) {
        return Err(parts.no_socket(fd).await);
    }
    let received = receive_to(&mut parts, fd, buffers, flags).await?;
    if let Some(from) = received.from {
        set_from(&mut parts, place, port, from)?;
    }
    tell(&mut parts, &received, out, out_flags)
}

fn set_from(parts: &mut Parts<'_>, place: Place, port: u32, from: SocketAddr) -> Outcome {
    if place.length == STORAGE {
        place.set_storage(&mut parts.memory, from.ip())?;
    } else {
        let _ = place.set_ip(&mut parts.memory, from.ip());
    }
    Ok(if parts.view.sockets.swapped_ports {
        parts.memory.set(port, &from.port().to_be_bytes())
    } else {
        parts.memory.set_u32(port, from.port().into())
    }?)
}

/// `fd_read` on a socket.
pub(crate) async fn read(mut parts: Parts<'_>, fd: u32, list: u32, count: u32, out: u32) -> Outcome {
    let buffers = buffers(&parts, list, count, out)?;
    let received = receive_to(&mut parts, fd, buffers, RecvFlags::empty()).await?;
    Ok(parts.memory.set_u32(out, received.bytes as u32)?)
}

async fn send_from(
    parts: &mut Parts<'_>,
    fd: u32,
    mut buffers: Buffers,
    to: Option<SocketAddr>,
) -> Outcome<u32> {
    let sockets = &*parts.view.sockets;
    let socket = sockets.get(fd)?;
    let mut sent = 0;
    loop {
        let error = match socket.send(&buffers, parts.memory.0, to) {
            Ok(some) => {
                sent += some;
                // Who blocks is told when all of it is on its way.
                if socket.nonblocking || socket.kind == Kind::Datagram || some >= buffers.total() {
                    return Ok(sent as u32);
                }
                buffers.skip(some);
                continue;
            }
            Err(System::AGAIN) => match socket.wait(&*sockets.reactor, false).await {
                Ok(()) => continue,
                Err(errno) => errno,
            },
            Err(error) => error.into(),
        };
        // The error will be there once more.
        return if sent > 0 { Ok(sent as u32) } else { Err(error.into()) };
    }
}

async fn receive_to(parts: &mut Parts<'_>, fd: u32, buffers: Buffers, flags: RecvFlags) -> Outcome<Received> {
    match parts.view.sockets.get(fd)?.kind {
        Kind::Datagram => receive_datagram(parts, fd, &buffers, flags).await,
        Kind::Stream => receive_stream(parts, fd, buffers, flags).await,
    }
}

/// Receives the next datagram whose sender the policy allows; of others no byte gets into the guest's memory.
async fn receive_datagram(
    parts: &mut Parts<'_>,
    fd: u32,
    buffers: &Buffers,
    flags: RecvFlags,
) -> Outcome<Received> {
    loop {
        let received = match parts.view.sockets.get(fd)?.sender() {
            Ok(Some(from)) if !may_hear(parts.view.sockets, fd, from).await? => {
                parts.view.sockets.get(fd)?.discard();
                parts.give_way().await;
                continue;
            }
            Ok(_) => parts.view.sockets.get(fd)?.receive(buffers, parts.memory.0, flags),
            Err(error) => Err(error),
        };
        match received {
            Ok(received) => return Ok(received),
            Err(System::AGAIN) => {
                let sockets = &*parts.view.sockets;
                sockets.get(fd)?.wait(&*sockets.reactor, true).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Asks the policy about whoever has sent a datagram.
async fn may_hear(sockets: &mut Sockets, fd: u32, from: SocketAddr) -> Result<bool, Errno> {
    let socket = sockets.get(fd)?;
    if socket.heard == Some(from) {
        return Ok(true);
    }
    let at = rustix::net::getsockname(&socket.descriptor).ok().and_then(internet);
    let may = sockets.policy.allows(Access::Receive { from, at }).await;
    if may {
        sockets.get_mut(fd)?.heard = Some(from);
    }
    Ok(may)
}

async fn receive_stream(
    parts: &mut Parts<'_>,
    fd: u32,
    mut buffers: Buffers,
    flags: RecvFlags,
) -> Outcome<Received> {
    let sockets = &*parts.view.sockets;
    let socket = sockets.get(fd)?;
    let wants_all = flags == RecvFlags::WAITALL && !socket.nonblocking;
    let mut before = 0;
    loop {
        let error = match socket.receive(&buffers, parts.memory.0, flags) {
            Ok(received) => {
                let is_all = received.bytes == 0 || received.bytes >= buffers.total();
                if !wants_all || is_all {
                    return Ok(Received { bytes: before + received.bytes, ..received });
                }
                before += received.bytes;
                buffers.skip(received.bytes);
                continue;
            }
            Err(System::AGAIN) => match socket.wait(&*sockets.reactor, true).await {
                Ok(()) => continue,
                Err(errno) => errno,
            },
            Err(error) => error.into(),
        };
        let part = Received { bytes: before, truncated: false, from: None };
        return if before > 0 { Ok(part) } else { Err(error.into()) };
    }
}

/// Reads the list of buffers, and checks where their sum goes.
fn buffers(parts: &Parts<'_>, list: u32, count: u32, out: u32) -> Result<Buffers, Errno> {
    let buffers = parts.memory.buffers(list, count)?;
    parts.memory.place(out, 4, 4)?;
    Ok(buffers)
}

fn no_flags(flags: u32) -> Result<(), Errno> {
    if flags as u16 == 0 { Ok(()) } else { Err(Errno::INVAL) }
}

fn receive_flags(flags: u32) -> Result<RecvFlags, Errno> {
    let flags = flags as u16;
    let mut system = RecvFlags::empty();
    if flags & !(PEEK | WAIT_ALL) != 0 {
        return Err(Errno::INVAL);
    }
    system.set(RecvFlags::PEEK, flags & PEEK != 0);
    system.set(RecvFlags::WAITALL, flags & WAIT_ALL != 0);
    Ok(system)
}

fn tell(parts: &mut Parts<'_>, received: &Received, out: u32, out_flags: u32) -> Outcome {
    parts.memory.set_u32(out, received.bytes as u32)?;
    Ok(parts.memory.set_u16(out_flags, received.truncated.into())?)
}

const PEEK: u16 = 1;
const WAIT_ALL: u16 = 2;
