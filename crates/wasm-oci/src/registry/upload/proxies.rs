//! Where uploads may go.
//!
//! oci-client follows the redirects that reqwest follows, and sends a blob wherever the registry says. It can be told of
//! proxies only: so what may not be reached has a proxy that is nobody's.

use std::net::{Ipv4Addr, Ipv6Addr};

use reqwest::Url;

use crate::registry::{
    Options,
    http::{is_loopback, without_proxy},
};

/// The proxies of a client, in the words of its configuration. One that is named keeps it from reading the environment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Proxies {
    pub(super) http: String,
    pub(super) https: Option<String>,
    /// What is reached without one.
    pub(super) none: String,
}

/// A name that is never anybody's (RFC 6761).
const NOWHERE: &str = "http://uploads-do-not-go-there.invalid:9";

impl Proxies {
    /// From HTTPS nothing leads back to plain HTTP. From plain HTTP nothing leads to a link-local address, where clouds keep
    /// the secrets of a machine, nor, from another machine, to this one. Over HTTPS such an address would need a certificate
    /// that nobody gives it. Behind a proxy of the user's, what may be reached is the proxy's business.
    pub(super) fn of(options: &Options, origin: &Url) -> Self {
        let nowhere = || NOWHERE.to_owned();
        if origin.scheme() == "https" {
            let none = options.no_proxy.clone().unwrap_or_default();
            // This machine is reached directly, and can not be said to be: that would open it for plain HTTP as well.
            let https = options.https_proxy.clone().filter(|_| !is_loopback(origin));
            return Self { http: nowhere(), https, none };
        }
        match &options.http_proxy {
            Some(proxy) => {
                Self { http: proxy.clone(), https: options.https_proxy.clone(), none: without_proxy(options) }
            }
            None => Self { http: nowhere(), https: Some(nowhere()), none: direct(is_loopback(origin)) },
        }
    }
}

/// Every name, and every address that an upload may go to.
fn direct(local: bool) -> String {
    let this_machine = |block| (!local).then_some(block);
    let v4 = |address: Ipv4Addr, length| Block { first: u128::from(address.to_bits()) << 96, length };
    let v6 = |address: Ipv6Addr, length| Block { first: address.to_bits(), length };
    let mapped = |address: Ipv4Addr, length: u8| v6(address.to_ipv6_mapped(), 96 + length);
    let link = (Ipv4Addr::new(169, 254, 0, 0), 16);
    let here = [(Ipv4Addr::new(127, 0, 0, 0), 8), (Ipv4Addr::UNSPECIFIED, 32)];
    let refused: Vec<_> = here.into_iter().filter_map(this_machine).chain([link]).collect();
    let old: Vec<_> = refused.iter().map(|(address, length)| v4(*address, *length)).collect();
    let mut new: Vec<_> = refused.iter().map(|(address, length)| mapped(*address, *length)).collect();
    new.push(v6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10));
    if !local {
        new.extend([v6(Ipv6Addr::LOCALHOST, 128), v6(Ipv6Addr::UNSPECIFIED, 128)]);
    }
    let all = Block { first: 0, length: 0 };
    let mut entries = vec!["*".to_owned()];
    all.without(&old, &mut |Block { first, length }| {
        entries.push(format!("{}/{length}", Ipv4Addr::from_bits((first >> 96) as u32)));
    });
    all.without(&new, &mut |Block { first, length }| {
        entries.push(format!("{}/{length}", Ipv6Addr::from_bits(first)));
    });
    entries.join(",")
}

/// Addresses that begin with the same bits; those of IPv4 are the first 32 bits of the number.
#[derive(Debug, Clone, Copy)]
struct Block {
    first: u128,
    length: u8,
}

impl Block {
    fn contains(self, other: Self) -> bool {
        let mask = u128::MAX.checked_shl(128 - u32::from(self.length)).unwrap_or(0);
        self.length <= other.length && (self.first ^ other.first) & mask == 0
    }

    /// Gives the blocks that are left of it without the others.
    fn without(self, others: &[Self], give: &mut impl FnMut(Self)) {
        if others.iter().any(|other| other.contains(self)) {
            return;
        }
        if !others.iter().any(|other| self.contains(*other)) {
            return give(self);
        }
        let length = self.length + 1;
        Self { length, ..self }.without(others, give);
        let second = self.first | 1 << (128 - u32::from(length));
        Self { first: second, length }.without(others, give);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_uploads_reach() {
        for local in [false, true] {
            let list = direct(local);
            let blocks: Vec<_> = list.split(',').skip(1).map(|text| text.split_once('/').unwrap()).collect();
            let reached = |text: &str| {
                blocks.iter().any(|(first, length)| {
                    let length: u32 = length.parse().unwrap();
                    match (first.parse(), text.parse()) {
                        (Ok(first), Ok(address)) => same(first, address, length),
                        _ => false,
                    }
                })
            };
            fn same(first: std::net::IpAddr, address: std::net::IpAddr, length: u32) -> bool {
                use std::net::IpAddr::{V4, V6};
                match (first, address) {
                    (V4(a), V4(b)) => ((a.to_bits() ^ b.to_bits()) as u64) >> (32 - length) == 0,
                    (V6(a), V6(b)) => (a.to_bits() ^ b.to_bits()).checked_shr(128 - length).unwrap_or(0) == 0,
                    _ => false,
                }
            }
            for near in [
                "169.253.255.255",
                "169.255.0.0",
                "8.8.8.8",
                "255.255.255.255",
                "2001:db8::1",
                "fe7f::1",
                "fec0::",
            ] {
                assert!(reached(near), "{near} in {list}");
            }
            for link in [
                "169.254.0.0",
                "169.254.169.254",
                "169.254.255.255",
                "fe80::1",
                "febf::1",
                "::ffff:169.254.169.254",
            ] {
                assert!(!reached(link), "{link} in {list}");
            }
            for here in ["127.0.0.1", "127.255.255.255", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"] {
                assert_eq!(reached(here), local, "{here} in {list}");
            }
        }
    }
}
