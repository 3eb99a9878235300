//! Sockets that are made, bound, connected and ended.

use rustix::{
    io::Errno as System,
    net::{
        AddressFamily, Shutdown, bind as system_bind, connect as system_connect, listen as system_listen,
        sockopt,
    },
};

use super::Parts;
use crate::{
    address::{INET4, INET6, Place, STORAGE, UNIX, Version},
    errno::{Errno, Outcome},
    policy::Access,
    socket::{Kind, Socket, internet},
    sockets::{Sockets, is_socket},
};

pub(crate) async fn open(mut parts: Parts<'_>, family: u32, kind: u32, out: u32) -> Outcome {
    parts.memory.place(out, 4, 4)?;
    // A family and a type are numbers of 8 bits.
    let family = match u16::from(family as u8) {
        INET4 => AddressFamily::INET,
        INET6 => AddressFamily::INET6,
        UNIX => return Err(Errno::NOSYS.into()),
        _ => return Err(Errno::INVAL.into()),
    };
    let kind = match kind as u8 {
        DATAGRAM => Kind::Datagram,
        STREAM => Kind::Stream,
        _ => return Err(Errno::INVAL.into()),
    };
    ask(parts.view.sockets, Access::Open).await?;
    parts.view.has_room()?;
    let socket = Socket::open(family, kind, parts.view.sockets.nodelay)?;
    let fd = parts.view.insert(socket)?;
    Ok(parts.memory.set_u32(out, fd)?)
}

pub(crate) async fn bind(
    mut parts: Parts<'_>,
    version: Version,
    fd: u32,
    address: u32,
    port: u32,
) -> Outcome {
    let address = Place::read(&parts.memory, address)?.address(&parts.memory, port, version)?;
    if !is_socket(fd) {
        return Err(parts.no_socket(fd).await);
    }
    let sockets = parts.view.sockets;
    sockets.get(fd)?;
    ask(sockets, Access::Bind(address)).await?;
    Ok(system_bind(&sockets.get(fd)?.descriptor, &address)?)
}

pub(crate) async fn listen(mut parts: Parts<'_>, fd: u32, backlog: u32) -> Outcome {
    if !is_socket(fd) {
        return Err(parts.no_socket(fd).await);
    }
    let sockets = parts.view.sockets;
    // What was never bound listens on a port that the system chooses.
    let at = internet(rustix::net::getsockname(&sockets.get(fd)?.descriptor)?).ok_or(Errno::NOSYS)?;
    ask(sockets, Access::Listen(at)).await?;
    let socket = sockets.get_mut(fd)?;
    socket.descriptor.renew();
    Ok(system_listen(&socket.descriptor, backlog.cast_signed())?)
}

pub(crate) async fn accept(parts: Parts<'_>, fd: u32, out: u32) -> Outcome {
    accept_with(parts, fd, 0, out).await
}

pub(crate) async fn accept_with(mut parts: Parts<'_>, fd: u32, flags: u32, out: u32) -> Outcome {
    parts.memory.place(out, 4, 4)?;
    let flags = flags as u16;
    if flags & !FDFLAGS != 0 {
        return Err(Errno::INVAL.into());
    }
    if !is_socket(fd) {
        return Err(parts.no_socket(fd).await);
    }
    parts.view.sockets.get(fd)?;
    parts.view.has_room()?;
    let accepted = loop {
        let socket = parts.view.sockets.get(fd)?;
        match socket.accept() {
            Ok(accepted) => break accepted,
            Err(System::INTR) => {}
            Err(System::AGAIN) => socket.wait(&*parts.view.sockets.reactor, true).await?,
            Err(error) => return Err(error.into()),
        }
    };
    let fd = parts.view.insert(Socket::accepted(accepted, flags & NONBLOCK != 0))?;
    Ok(parts.memory.set_u32(out, fd)?)
}

pub(crate) async fn connect(
    mut parts: Parts<'_>,
    version: Version,
    fd: u32,
    address: u32,
    port: u32,
) -> Outcome {
    let address = Place::read(&parts.memory, address)?.address(&parts.memory, port, version)?;
    if !is_socket(fd) {
        return Err(parts.no_socket(fd).await);
    }
    let sockets = parts.view.sockets;
    sockets.get(fd)?;
    ask(sockets, Access::Connect(address)).await?;
    let socket = sockets.get_mut(fd)?;
    socket.descriptor.renew();
    socket.heard = Some(address);
    match system_connect(&socket.descriptor, &address) {
        Ok(()) => return Ok(()),
        Err(System::INPROGRESS | System::INTR) if !socket.nonblocking => {}
        Err(error) => return Err(error.into()),
    }
    let socket = sockets.get(fd)?;
    match socket.wait(&*sockets.reactor, false).await {
        // As the system says it when the time to send is over.
        Err(Errno::AGAIN) => return Err(Errno::INPROGRESS.into()),
        waited => waited?,
    }
    sockopt::socket_error(&socket.descriptor)??;
    // Linux takes a connection for one that is being made until somebody asks again.
    match system_connect(&socket.descriptor, &address) {
        Ok(()) | Err(System::ISCONN) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn shutdown(mut parts: Parts<'_>, fd: u32, how: u32) -> Outcome {
    let how = match how as u8 {
        // WasmEdge takes nothing for reading.
        0 | READ => Shutdown::Read,
        WRITE => Shutdown::Write,
        BOTH => Shutdown::Both,
        _ => return Err(Errno::INVAL.into()),
    };
    if !is_socket(fd) {
        return Err(parts.no_socket(fd).await);
    }
    Ok(rustix::net::shutdown(&parts.view.sockets.get(fd)?.descriptor, how)?)
}

/// Whose address a guest asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Local,
    Peer,
}

pub(crate) async fn name_v1(
    mut parts: Parts<'_>,
    end: End,
    fd: u32,
    address: u32,
    kind: u32,
    port: u32,
) -> Outcome {
    let place = Place::read(&parts.memory, address)?;
    if !matches!(place.length, 4 | 16) {
        return Err(Errno::INVAL.into());
    }
    parts.memory.place(kind, 4, 4)?;
    parts.memory.place(port, 4, 4)?;
    let name = name(&mut parts, end, fd).await?;
    place.set_ip(&mut parts.memory, name.ip())?;
    parts.memory.set_u32(port, name.port().into())?;
    // Not the number of a family: WasmEdge keeps to what guests have come to expect.
    Ok(parts.memory.set_u32(kind, if name.is_ipv4() { 4 } else { 6 })?)
}

pub(crate) async fn name_v2(mut parts: Parts<'_>, end: End, fd: u32, address: u32, port: u32) -> Outcome {
    let place = Place::read(&parts.memory, address)?;
    parts.memory.place(port, 4, 4)?;
    if place.length != STORAGE {
        return Err(Errno::INVAL.into());
    }
    let name = name(&mut parts, end, fd).await?;
    place.set_storage(&mut parts.memory, name.ip())?;
    Ok(parts.memory.set_u32(port, name.port().into())?)
}

async fn name(parts: &mut Parts<'_>, end: End, fd: u32) -> Outcome<std::net::SocketAddr> {
    if !is_socket(fd) {
        return Err(parts.no_socket(fd).await);
    }
    let socket = &parts.view.sockets.get(fd)?.descriptor;
    let name = match end {
        End::Local => Some(rustix::net::getsockname(socket)?),
        End::Peer => rustix::net::getpeername(socket)?,
    };
    Ok(name.and_then(internet).ok_or(Errno::NOSYS)?)
}

/// Refuses what the policy does not allow.
pub(super) async fn ask(sockets: &Sockets, access: Access<'_>) -> Outcome {
    if sockets.policy.allows(access).await { Ok(()) } else { Err(Errno::ACCES.into()) }
}

const DATAGRAM: u8 = 1;
const STREAM: u8 = 2;

const READ: u8 = 1;
const WRITE: u8 = 2;
const BOTH: u8 = 3;

/// The flags of a descriptor: those that there are, and the one that sockets have.
pub(super) const FDFLAGS: u16 = 0x1f;
pub(super) const NONBLOCK: u16 = 4;
