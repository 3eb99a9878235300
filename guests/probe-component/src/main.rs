//! Does what its arguments say, and ends with 0 if it could: for tests of what a guest gets and may do.
//!
//! | Arguments | What it does |
//! |---|---|
//! | `args` | prints its arguments, a line each |
//! | `cat` | copies standard input to standard output |
//! | `connect ADDRESS` | connects, sends `ping` and prints what comes back |
//! | `env` | prints the environment, a line each |
//! | `flood` | writes to standard output until it cannot, and then once more |
//! | `listen ADDRESS` | prints its address, accepts one connection and sends back four bytes that it gets |
//! | `lookup NAME` | prints the addresses of a name, sorted |
//! | `open PATH` | opens a file again and again, without closing it |
//! | `read PATH` | prints the first four bytes of a file |
//! | `send ADDRESS` | sends the datagram `ping` and prints what comes back |
//! | `sleep` | sleeps for a year |
//! | `write PATH` | writes `written` to a file |
//!
//! What went wrong goes to standard error.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::thread;
use std::time::Duration;

fn main() -> io::Result<()> {
    let args: Vec<_> = std::env::args().collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [_, "args", ..] => args.iter().try_for_each(|arg| writeln!(io::stdout(), "{arg}")),
        [_, "cat"] => io::copy(&mut io::stdin(), &mut io::stdout()).map(drop),
        [_, "connect", address] => connect(address),
        [_, "env"] => {
            let mut out = io::stdout();
            std::env::vars().try_for_each(|(name, value)| writeln!(out, "{name}={value}"))
        }
        [_, "flood"] => flood(),
        [_, "listen", address] => listen(address),
        [_, "lookup", name] => lookup(name),
        [_, "open", path] => open(path),
        [_, "read", path] => read(path),
        [_, "send", address] => send(address),
        [_, "sleep"] => {
            thread::sleep(Duration::from_secs(365 * 86_400));
            Ok(())
        }
        [_, "write", path] => fs::write(path, "written"),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    }
}

fn connect(address: &str) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"ping")?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    println!("{answer}");
    Ok(())
}

fn listen(address: &str) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    println!("{}", listener.local_addr()?);
    let (mut stream, _) = listener.accept()?;
    let mut bytes = [0; 4];
    stream.read_exact(&mut bytes)?;
    stream.write_all(&bytes)
}

fn lookup(name: &str) -> io::Result<()> {
    let mut addresses: Vec<_> = (name, 0).to_socket_addrs()?.map(|address| address.ip()).collect();
    addresses.sort();
    addresses.iter().try_for_each(|address| writeln!(io::stdout(), "{address}"))
}

fn send(address: &str) -> io::Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.connect(address)?;
    socket.send(b"ping")?;
    let mut bytes = [0; 4];
    let size = socket.recv(&mut bytes)?;
    println!("{}", String::from_utf8_lossy(&bytes[..size]));
    Ok(())
}

fn read(path: &str) -> io::Result<()> {
    let mut bytes = [0; 4];
    let size = File::open(path)?.read(&mut bytes)?;
    io::stdout().write_all(&bytes[..size])
}

fn open(path: &str) -> io::Result<()> {
    let mut files = Vec::new();
    loop {
        files.push(File::open(path)?);
    }
}

fn flood() -> io::Result<()> {
    let mut out = io::stdout();
    while out.write_all(&[b'x'; 4096]).is_ok() {}
    out.write_all(b"once more\n")
}
