//! Where a request may go.

use std::net::IpAddr;

use reqwest::Url;

use super::host;
use crate::{Error, Result};

/// The address that a redirect leads to, when it may be followed.
pub(in crate::registry) fn redirected(from: &Url, to: &[u8]) -> Result<Url> {
    let shown = || String::from_utf8_lossy(&to[..to.len().min(SHOWN)]).into_owned();
    let refuse = |why| Error::BadRedirect { host: host(from), to: shown().into(), why };
    let text = std::str::from_utf8(to).map_err(|_| refuse("it is no address"))?;
    if text.is_empty() {
        return Err(refuse("it is empty"));
    }
    let url = from.join(text).map_err(|_| refuse("it is no address"))?;
    match (from.scheme(), url.scheme()) {
        (_, "https") | ("http", "http") => {}
        (_, "http") => return Err(refuse("it leads from HTTPS to plain HTTP")),
        _ => return Err(refuse("it is neither HTTPS nor HTTP")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("it has a user in it"));
    }
    if is_link_local(&url) {
        return Err(refuse("it leads to a link-local address"));
    }
    if is_loopback(&url) && !is_loopback(from) {
        return Err(refuse("it leads to this machine"));
    }
    Ok(url)
}

/// How much of an address that is not followed is shown.
const SHOWN: usize = 300;

/// Whether it is this machine, as far as the address itself says.
pub(in crate::registry) fn is_loopback(url: &Url) -> bool {
    match ip(url) {
        Some(ip) => ip.is_loopback() || ip.is_unspecified(),
        None => url
            .host_str()
            .is_some_and(|name| name == "localhost" || name.trim_end_matches('.').ends_with(".localhost")),
    }
}

/// Addresses of the own wire: where clouds keep the secrets of a machine.
fn is_link_local(url: &Url) -> bool {
    match ip(url) {
        Some(IpAddr::V4(ip)) => ip.is_link_local(),
        Some(IpAddr::V6(ip)) => ip.is_unicast_link_local(),
        None => false,
    }
}

fn ip(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let ip: IpAddr = inner.parse().ok()?;
    Some(match ip {
        // An IPv4 address in other clothes.
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4),
        IpAddr::V4(_) => ip,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_redirects_lead() {
        let to = |from: &str, to: &str| match redirected(&from.parse().unwrap(), to.as_bytes()) {
            Ok(url) => url.to_string(),
            Err(Error::BadRedirect { why, .. }) => why.to_owned(),
            Err(error) => error.to_string(),
        };
        let (https, http) = ("https://r.io/v2/a", "http://127.0.0.1:5000/v2/a");
        for (from, location, expected) in [
            (https, "https://cdn.io/b", "https://cdn.io/b"),
            (https, "/b", "https://r.io/b"),
            (https, "b", "https://r.io/v2/b"),
            (https, "//cdn.io/b", "https://cdn.io/b"),
            (http, "http://127.0.0.2:1/b", "http://127.0.0.2:1/b"),
            (http, "https://cdn.io/b", "https://cdn.io/b"),
            (https, "http://cdn.io/b", "it leads from HTTPS to plain HTTP"),
            (https, "file:///etc/passwd", "it is neither HTTPS nor HTTP"),
            (https, "ftp://cdn.io/", "it is neither HTTPS nor HTTP"),
            (https, "https://169.254.169.254/latest", "it leads to a link-local address"),
            (https, "https://[fe80::1]/", "it leads to a link-local address"),
            (https, "https://[::ffff:169.254.169.254]/", "it leads to a link-local address"),
            (https, "https://0xA9FEA9FE/", "it leads to a link-local address"),
            (https, "https://127.0.0.1/", "it leads to this machine"),
            (https, "https://localhost:8080/", "it leads to this machine"),
            (https, "https://[::1]/", "it leads to this machine"),
            (https, "https://me:secret@cdn.io/", "it has a user in it"),
            (https, "https://", "it is no address"),
            (https, "", "it is empty"),
        ] {
            assert_eq!(to(from, location), expected, "{location}");
        }
    }
}
