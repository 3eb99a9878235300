//! A client that hides nothing: what it reads is what was on the wire.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use test_registry::Registry;

/// How the connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Fin,
    Reset,
    /// It did not, within the client's patience.
    Open,
}

/// Everything that came.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) raw: Vec<u8>,
    pub(crate) end: End,
}

/// A request, over a connection of its own.
pub(crate) fn ask(registry: &Registry, method: &str, target: &str) -> Reply {
    send(registry, method, target, &[], b"")
}

/// The same with headers and a body.
pub(crate) fn send(
    registry: &Registry,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Reply {
    let mut stream = connect(registry.address());
    write(&mut stream, &request(registry, method, target, headers, body));
    read(&mut stream)
}

/// Status of a request without anything.
pub(crate) fn status(registry: &Registry, method: &str, target: &str) -> u16 {
    ask(registry, method, target).status()
}

/// The bytes of a request that ends its connection.
pub(crate) fn request(
    registry: &Registry,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Vec<u8> {
    let mut head =
        format!("{method} {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", registry.host());
    let framed = headers.iter().any(|(name, _)| matches!(*name, "Content-Length" | "Transfer-Encoding"));
    if !framed && method != "GET" && method != "HEAD" {
        head += &format!("Content-Length: {}\r\n", body.len());
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// Writes; that the other side does not read everything is its right.
pub(crate) fn write(stream: &mut impl Write, bytes: &[u8]) {
    let _ = stream.write_all(bytes);
}

/// Reads until the end.
pub(crate) fn read(stream: &mut impl Read) -> Reply {
    let mut raw = Vec::new();
    let mut piece = [0; 16 << 10];
    let end = loop {
        match stream.read(&mut piece) {
            Ok(0) => break End::Fin,
            Ok(got) => raw.extend_from_slice(&piece[..got]),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => break End::Open,
                ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => break End::Reset,
                ErrorKind::UnexpectedEof => break End::Reset,
                _ => panic!("{error}"),
            },
        }
    };
    Reply { raw, end }
}

impl Reply {
    fn split(&self) -> (&[u8], &[u8]) {
        let at = self.raw.windows(4).position(|four| four == b"\r\n\r\n").map_or(self.raw.len(), |at| at + 4);
        self.raw.split_at(at)
    }

    pub(crate) fn head(&self) -> String {
        String::from_utf8(self.split().0.to_vec()).unwrap()
    }

    pub(crate) fn body(&self) -> &[u8] {
        self.split().1
    }

    pub(crate) fn status(&self) -> u16 {
        self.head().split(' ').nth(1).unwrap_or_default().parse().unwrap_or(0)
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let head = self.head();
        let named = |line: &str| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then(|| value.to_owned())
        };
        head.split("\r\n").skip(1).find_map(named)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(self.body()).unwrap()
    }

    /// Code of the first error.
    pub(crate) fn code(&self) -> String {
        self.json()["errors"][0]["code"].as_str().unwrap_or_default().to_owned()
    }
}
