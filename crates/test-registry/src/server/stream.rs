//! A connection, with or without TLS, and how it ends.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustls::{ServerConnection, StreamOwned};

use super::stop::Stop;
use crate::tls::Tls;

/// Bytes that reach a client that does not read: below them nothing needs to be waited for.
const WINDOW: u64 = 32 << 10;

/// How long the rest of a request is still read after its answer.
const LEFTOVER: Duration = Duration::from_secs(5);

/// A connection.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Stream {
    pub(super) fn new(stream: TcpStream, tls: Option<&Tls>) -> io::Result<Self> {
        let Some(tls) = tls else { return Ok(Self::Plain(stream)) };
        let connection = ServerConnection::new(tls.config.clone()).map_err(io::Error::other)?;
        Ok(Self::Tls(Box::new(StreamOwned::new(connection, stream))))
    }

    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => &stream.sock,
        }
    }

    /// Ends the connection in order, and lets the client read what is under way.
    pub(super) fn close(mut self) {
        if let Self::Tls(stream) = &mut self {
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
        self.end();
    }

    /// Ends the connection as one does that was cut: TLS says nothing.
    pub(super) fn end(self) {
        let mut socket = self.socket();
        let _ = socket.shutdown(Shutdown::Write);
        // Closed with something unread, the kernel would reset, and the client might lose the answer.
        let _ = socket.set_read_timeout(Some(Duration::from_millis(500)));
        let until = Instant::now() + LEFTOVER;
        let mut piece = [0; 16 << 10];
        while matches!(socket.read(&mut piece), Ok(1..)) && Instant::now() < until {}
    }

    /// Makes the connection end with a reset when it is dropped, once the client has what was sent.
    pub(super) fn reset(&self, sent: u64, stop: &Stop) {
        if sent > WINDOW {
            self.drain(stop);
        }
        let _ = rustix::net::sockopt::set_socket_linger(self.socket(), Some(Duration::ZERO));
    }

    /// Waits until the client goes, until the end, or for `patience`.
    pub(super) fn stall(&mut self, patience: Duration, stop: &Stop) {
        let until = Instant::now() + patience;
        let socket = self.socket();
        let _ = socket.set_read_timeout(Some(Duration::from_millis(20)));
        let mut piece = [0; 1 << 10];
        while Instant::now() < until && !stop.is_set() {
            // What comes is read and forgotten: only the end matters.
            match (&mut &*socket).read(&mut piece) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                }
                Err(_) => return,
            }
        }
    }

    /// Waits until the kernel has nothing left to send, two seconds at most.
    fn drain(&self, stop: &Stop) {
        let until = Instant::now() + Duration::from_secs(2);
        let ends = self.socket().local_addr().and_then(|local| Ok((local, self.socket().peer_addr()?)));
        let Ok((local, peer)) = ends else { return };
        while Instant::now() < until && unsent(local, peer) != Some(0) {
            if stop.wait(Duration::from_millis(5)) {
                return;
            }
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(buffer),
            Self::Tls(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// Bytes that the peer has not acknowledged, where `/proc/net` tells.
fn unsent(local: SocketAddr, peer: SocketAddr) -> Option<u64> {
    let table = if local.is_ipv4() { "/proc/net/tcp" } else { "/proc/net/tcp6" };
    let (local, peer) = (kernel(local), kernel(peer));
    let table = fs::read_to_string(table).ok()?;
    let line = table.lines().find(|line| {
        let mut words = line.split_whitespace().skip(1);
        words.next() == Some(local.as_str()) && words.next() == Some(peer.as_str())
    })?;
    let (unsent, _) = line.split_whitespace().nth(4)?.split_once(':')?;
    u64::from_str_radix(unsent, 16).ok()
}

/// An address as `/proc/net` writes it.
fn kernel(address: SocketAddr) -> String {
    let word = |bytes: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(bytes));
    let host: String = match address.ip() {
        IpAddr::V4(ip) => word(ip.octets()),
        IpAddr::V6(ip) => {
            ip.octets().chunks(4).map(|four| word([four[0], four[1], four[2], four[3]])).collect()
        }
    };
    format!("{host}:{:04X}", address.port())
}
