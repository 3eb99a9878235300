//! `sock_getaddrinfo`: the addresses of a name, written into a list that the guest has made.

use std::net::{IpAddr, SocketAddr};

use dns_lookup::{AddrInfo, AddrInfoHints};

use super::{Parts, connection::ask};
use crate::{
    address::{INET4, INET6, UNSPECIFIED},
    errno::{Errno, Outcome},
    lookup::aside,
    memory::Memory,
    policy::Access,
};

#[expect(clippy::too_many_arguments, reason = "those of the function of the ABI")]
pub(crate) async fn addresses(
    mut parts: Parts<'_>,
    node: u32,
    node_length: u32,
    service: u32,
    service_length: u32,
    hints: u32,
    list: u32,
    most: u32,
    out: u32,
) -> Outcome {
    let memory = &parts.memory;
    let [node_bytes, service_bytes] =
        [memory.bytes(node, node_length)?, memory.bytes(service, service_length)?];
    memory.place(hints, INFO, 4)?;
    memory.place(list, 4, 4)?;
    memory.place(out, 4, 4)?;
    if node_bytes.is_empty() && service_bytes.is_empty() {
        return Err(Errno::AINONAME.into());
    }
    if most < 1 {
        return Err(Errno::AIMEMORY.into());
    }
    let hints = Hints::read(memory, hints, node_bytes.is_empty())?;
    let [node, service] = [text(node_bytes)?, text(service_bytes)?];
    if let Some(name) = node.as_deref().filter(|name| name.parse::<IpAddr>().is_err()) {
        ask(parts.view.sockets, Access::LookUp(name)).await?;
    }
    let system = hints.system();
    let found = aside(move || ask_system(node.as_deref(), service.as_deref(), system));
    let found = found.await.unwrap_or(Err(Errno::AIFAIL))?;
    let written = write(&mut parts.memory, list, most, &hints, &found)?;
    Ok(parts.memory.set_u32(out, written)?)
}

/// What the guest wants to know.
struct Hints {
    flags: u16,
    family: u8,
    kind: u8,
    protocol: u8,
}

impl Hints {
    fn read(memory: &Memory<'_>, at: u32, is_nameless: bool) -> Result<Self, Errno> {
        let [family, kind, protocol] = [memory.u8(at + 2)?, memory.u8(at + 3)?, memory.u8(at + 4)?];
        let hints = Self { flags: memory.u16(at)?, family, kind, protocol };
        if hints.flags & !FLAGS != 0 || (hints.flags & CANONICAL != 0 && is_nameless) {
            return Err(Errno::AIBADFLAG);
        }
        if !matches!(u16::from(family), UNSPECIFIED | INET4 | INET6) {
            return Err(Errno::AIFAMILY);
        }
        // Of each there is none, and two.
        if protocol > 2 || kind > 2 {
            return Err(Errno::NOSYS);
        }
        Ok(hints)
    }

    fn system(&self) -> AddrInfoHints {
        let flags = AI.iter().enumerate().filter(|(bit, _)| self.flags & 1 << bit != 0);
        AddrInfoHints {
            flags: flags.fold(0, |all, (_, flag)| all | flag),
            address: [libc::AF_UNSPEC, libc::AF_INET, libc::AF_INET6][usize::from(self.family)],
            socktype: KINDS[usize::from(self.kind)],
            protocol: PROTOCOLS[usize::from(self.protocol)],
        }
    }
}

/// What the guest gives as a name may have a zero byte at its end, or further bytes behind one.
fn text(bytes: &[u8]) -> Result<Option<String>, Errno> {
    let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = str::from_utf8(bytes).map_err(|_| Errno::AINONAME)?;
    Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
}

fn ask_system(
    node: Option<&str>,
    service: Option<&str>,
    hints: AddrInfoHints,
) -> Result<Vec<AddrInfo>, Errno> {
    let found = dns_lookup::getaddrinfo(node, service, Some(hints));
    let found = found.map_err(|error| Errno::of_lookup(error.error_num()))?;
    // What is no address of the internet is nothing to a guest.
    Ok(found.flatten().collect())
}

/// Writes as many as there are, and as there is room for.
fn write(
    memory: &mut Memory<'_>,
    list: u32,
    most: u32,
    hints: &Hints,
    found: &[AddrInfo],
) -> Result<u32, Errno> {
    let mut at = memory.u32(list)?;
    let mut written = 0;
    for found in found.iter().take(most as usize) {
        memory.place(at, INFO, 4).map_err(|_| Errno::FAULT)?;
        write_one(memory, at, hints, found)?;
        at = memory.u32(at + 24)?;
        written += 1;
    }
    Ok(written)
}

fn write_one(memory: &mut Memory<'_>, at: u32, hints: &Hints, found: &AddrInfo) -> Result<(), Errno> {
    let [address, name, name_room] = [memory.u32(at + 12)?, memory.u32(at + 16)?, memory.u32(at + 20)?];
    memory.place(address, 12, 4).map_err(|_| Errno::FAULT)?;
    let [data_room, data] = [memory.u32(address + 4)?, memory.u32(address + 8)?];
    let bytes = data_of(found.sockaddr);
    let canonical = found.canonname.as_deref().unwrap_or_default();
    let has_room =
        data_room as usize >= bytes.len() && (canonical.is_empty() || name_room as usize > canonical.len());
    if !has_room {
        return Err(Errno::AIMEMORY);
    }
    // Nothing is written of what cannot be written whole.
    memory.range(data, bytes.len() as u32)?;
    memory.range(name, canonical.len() as u32)?;
    let family = if found.sockaddr.is_ipv4() { INET4 } else { INET6 } as u8;
    let [kind, protocol] = [(found.socktype, KINDS), (found.protocol, PROTOCOLS)]
        .map(|(number, of)| of.iter().position(|own| *own == number).unwrap_or(0) as u8);
    memory.set(data, &bytes)?;
    if !canonical.is_empty() {
        memory.set(name, &[canonical.as_bytes(), &[0]].concat())?;
    }
    memory.set(address, &[family])?;
    memory.set_u32(address + 4, bytes.len() as u32)?;
    memory.set_u16(at, hints.flags)?;
    memory.set(at + 2, &[family, kind, protocol])?;
    // The sizes of the system's own structures.
    memory.set_u32(at + 8, if found.sockaddr.is_ipv4() { 16 } else { 28 })?;
    memory.set_u32(at + 20, canonical.len() as u32)
}

/// What follows the family in the system's own structures.
fn data_of(address: SocketAddr) -> Vec<u8> {
    let port = address.port().to_be_bytes();
    match address {
        SocketAddr::V4(address) => [&port[..], &address.ip().octets(), &[0; 8]].concat(),
        SocketAddr::V6(address) => [
            &port[..],
            &address.flowinfo().to_ne_bytes(),
            &address.ip().octets(),
            &address.scope_id().to_ne_bytes(),
        ]
        .concat(),
    }
}

/// The size of an entry: `__wasi_addrinfo_t`.
const INFO: u32 = 28;

const FLAGS: u16 = 0x7f;
const CANONICAL: u16 = 2;

/// The system's flags, in the order of the ABI's bits.
const AI: [i32; 7] = [
    libc::AI_PASSIVE,
    libc::AI_CANONNAME,
    libc::AI_NUMERICHOST,
    libc::AI_NUMERICSERV,
    libc::AI_V4MAPPED,
    libc::AI_ALL,
    libc::AI_ADDRCONFIG,
];
const KINDS: [i32; 3] = [0, libc::SOCK_DGRAM, libc::SOCK_STREAM];
const PROTOCOLS: [i32; 3] = [0, libc::IPPROTO_TCP, libc::IPPROTO_UDP];
