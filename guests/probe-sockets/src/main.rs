//! Does with WasmEdge's sockets what its arguments say, and ends with 0 if it could: for tests of both engines.
//!
//! | Arguments | What it does |
//! |---|---|
//! | `connect ADDRESS` | connects, sends `ping` and prints what comes back |
//! | `connect-async ADDRESS` | the same by tokio, for at most a second |
//! | `echo ADDRESS COUNT` | sends that many datagrams back to where they come from |
//! | `listen ADDRESS COUNT` | accepts that many connections in turn and sends back what they send, by tokio |
//! | `lookup NAME` | prints the IPv4 addresses of a name, sorted |
//! | `many ADDRESS` | three clients of a server in this guest, which send 20 blocks each, while a clock ticks |
//!
//! What went wrong goes to standard error.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{interval, timeout};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let args: Vec<_> = std::env::args().collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [_, "connect", address] => connect(address),
        [_, "connect-async", address] => {
            timeout(Duration::from_secs(1), connect_async(parse(address)?)).await?
        }
        [_, "echo", address, count] => echo(address, parse(count)?),
        [_, "listen", address, count] => {
            serve(TcpListener::bind(parse::<SocketAddr>(address)?).await?, parse(count)?).await
        }
        [_, "lookup", name] => lookup(name),
        [_, "many", address] => many(parse(address)?).await,
        _ => Err(io::ErrorKind::InvalidInput.into()),
    }
}

fn parse<T: std::str::FromStr>(text: &str) -> io::Result<T> {
    text.parse().map_err(|_| io::ErrorKind::InvalidInput.into())
}

fn connect(address: &str) -> io::Result<()> {
    let mut stream = wasmedge_wasi_socket::TcpStream::connect(address)?;
    stream.write_all(b"ping")?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    println!("{answer}");
    Ok(())
}

async fn connect_async(address: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"ping").await?;
    stream.shutdown().await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    println!("{answer}");
    Ok(())
}

fn echo(address: &str, count: usize) -> io::Result<()> {
    let socket = wasmedge_wasi_socket::UdpSocket::bind(address)?;
    println!("ready");
    let mut bytes = [0; 2000];
    for _ in 0..count {
        let (len, from) = socket.recv_from(&mut bytes)?;
        println!("{len} bytes from {}", from.ip());
        socket.send_to(&bytes[..len], from)?;
    }
    Ok(())
}

/// One connection after the other.
async fn serve(listener: TcpListener, count: usize) -> io::Result<()> {
    println!("ready");
    for _ in 0..count {
        let (stream, _) = listener.accept().await?;
        send_back(stream).await?;
    }
    Ok(())
}

async fn send_back(mut stream: TcpStream) -> io::Result<()> {
    let (mut reader, mut writer) = stream.split();
    let sent = tokio::io::copy(&mut reader, &mut writer).await?;
    writer.shutdown().await?;
    println!("{sent} bytes");
    Ok(())
}

fn lookup(name: &str) -> io::Result<()> {
    let mut addresses: Vec<_> =
        wasmedge_wasi_socket::nslookup(name, "http")?.iter().map(SocketAddr::ip).collect();
    addresses.sort();
    addresses.dedup();
    addresses.iter().for_each(|address| println!("{address}"));
    Ok(())
}

async fn many(address: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    let server = tokio::spawn(async move {
        let mut connections = Vec::new();
        for _ in 0..3 {
            connections.push(tokio::spawn(send_back(listener.accept().await?.0)));
        }
        for connection in connections {
            connection.await.expect("it did not panic")?;
        }
        Ok::<_, io::Error>(())
    });
    let clients: Vec<_> = (1..=3).map(|seed| tokio::spawn(client(address, seed))).collect();
    let mut ticks = interval(Duration::from_millis(1));
    for _ in 0..10 {
        ticks.tick().await;
    }
    for client in clients {
        client.await.expect("it did not panic")?;
    }
    server.await.expect("it did not panic")?;
    let refused = timeout(Duration::from_secs(5), connect_async(address)).await?;
    println!("nobody listens: {:?}", refused.map_err(|error| error.kind()));
    Ok(())
}

/// Sends twenty blocks and expects each of them back before the next.
async fn client(address: SocketAddr, seed: u8) -> io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let block: Vec<u8> = (0..10_000u32).map(|at| (at as u8).wrapping_mul(seed)).collect();
    let mut received = vec![0; block.len()];
    for _ in 0..20 {
        stream.write_all(&block).await?;
        received.fill(0);
        stream.read_exact(&mut received).await?;
        if received != block {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    stream.shutdown().await
}
