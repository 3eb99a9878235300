use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::{errno::Errno, memory::Memory};

/// Which of WasmEdge's two versions of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V1,
    V2,
}

/// Where an address is in a guest's memory: `__wasi_address_t`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    at: u32,
    pub(crate) length: u32,
}

impl Place {
    pub(crate) fn read(memory: &Memory<'_>, at: u32) -> Result<Self, Errno> {
        memory.place(at, 8, 4)?;
        let place = Self { at: memory.u32(at)?, length: memory.u32(at + 4)? };
        memory.range(place.at, place.length)?;
        Ok(place)
    }

    /// The address that a guest gives.
    pub(crate) fn address(
        self,
        memory: &Memory<'_>,
        port: u32,
        version: Version,
    ) -> Result<SocketAddr, Errno> {
        let bytes = memory.bytes(self.at, self.length)?;
        let ip = match (version, self.length) {
            (_, 4) => v4(bytes),
            (_, 16) => v6(bytes),
            (Version::V2, STORAGE) => match u16::from_le_bytes([bytes[0], bytes[1]]) {
                INET4 => v4(&bytes[2..]),
                INET6 => v6(&bytes[2..]),
                UNIX => return Err(Errno::NOSYS),
                _ => None,
            },
            _ => None,
        };
        // A port is 16 bits, and what is above them is not looked at.
        ip.map(|ip| SocketAddr::new(ip, port as u16)).ok_or(Errno::INVAL)
    }

    /// Writes the bytes of an address, where there is room for them.
    pub(crate) fn set_ip(self, memory: &mut Memory<'_>, ip: IpAddr) -> Result<(), Errno> {
        match ip {
            IpAddr::V4(_) if self.length < 4 => Err(Errno::NOMEM),
            IpAddr::V4(ip) => memory.set(self.at, &ip.octets()),
            IpAddr::V6(_) if self.length < 16 => Err(Errno::NOMEM),
            IpAddr::V6(ip) => memory.set(self.at, &ip.octets()),
        }
    }

    /// Writes an address with its family: `__wasi_sockaddr_storage_t`.
    pub(crate) fn set_storage(self, memory: &mut Memory<'_>, ip: IpAddr) -> Result<(), Errno> {
        let family = if ip.is_ipv4() { INET4 } else { INET6 };
        memory.set(self.at, &family.to_le_bytes())?;
        Self { at: self.at + 2, length: self.length.saturating_sub(2) }.set_ip(memory, ip)
    }
}

fn v4(bytes: &[u8]) -> Option<IpAddr> {
    bytes.first_chunk().map(|bytes: &[u8; 4]| Ipv4Addr::from(*bytes).into())
}

fn v6(bytes: &[u8]) -> Option<IpAddr> {
    bytes.first_chunk().map(|bytes: &[u8; 16]| Ipv6Addr::from(*bytes).into())
}

/// The length of the form that names its family.
pub(crate) const STORAGE: u32 = 128;

/// Families of addresses, as numbers of the ABI.
pub(crate) const UNSPECIFIED: u16 = 0;
pub(crate) const INET4: u16 = 1;
pub(crate) const INET6: u16 = 2;
pub(crate) const UNIX: u16 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn address(bytes: &[u8], version: Version) -> Result<SocketAddr, Errno> {
        let mut memory = vec![0; 8 + bytes.len()];
        memory[..4].copy_from_slice(&8_u32.to_le_bytes());
        memory[4..8].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
        memory[8..].copy_from_slice(bytes);
        let memory = Memory(&mut memory);
        Place::read(&memory, 0)?.address(&memory, 0x1_0050, version)
    }

    fn storage(family: u16, ip: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; STORAGE as usize];
        bytes[..2].copy_from_slice(&family.to_le_bytes());
        bytes[2..2 + ip.len()].copy_from_slice(ip);
        bytes
    }

    #[test]
    fn an_address_has_three_forms() {
        let four: SocketAddr = "127.0.0.1:80".parse().unwrap();
        let six: SocketAddr = "[::1]:80".parse().unwrap();
        let one = Ipv6Addr::LOCALHOST.octets();
        for version in [Version::V1, Version::V2] {
            assert_eq!(address(&[127, 0, 0, 1], version), Ok(four));
            assert_eq!(address(&one, version), Ok(six));
            assert_eq!(address(&[0; 5], version), Err(Errno::INVAL));
            assert_eq!(address(&[], version), Err(Errno::INVAL));
        }
        assert_eq!(address(&storage(INET4, &[127, 0, 0, 1]), Version::V2), Ok(four));
        assert_eq!(address(&storage(INET6, &one), Version::V2), Ok(six));
        assert_eq!(address(&storage(UNIX, b"/a"), Version::V2), Err(Errno::NOSYS));
        assert_eq!(address(&storage(UNSPECIFIED, &[]), Version::V2), Err(Errno::INVAL));
        assert_eq!(address(&storage(INET4, &[127, 0, 0, 1]), Version::V1), Err(Errno::INVAL));
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        let mut bytes = [0; 24];
        bytes[..4].copy_from_slice(&8_u32.to_le_bytes());
        bytes[4] = 4;
        let mut memory = Memory(&mut bytes);
        let place = Place::read(&memory, 0).unwrap();
        assert_eq!(place.set_ip(&mut memory, Ipv6Addr::LOCALHOST.into()), Err(Errno::NOMEM));
        assert_eq!(place.set_ip(&mut memory, Ipv4Addr::LOCALHOST.into()), Ok(()));
        assert_eq!(bytes[8..12], [127, 0, 0, 1]);
    }
}
