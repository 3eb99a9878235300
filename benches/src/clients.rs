use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use rustix::event::{Timespec, epoll};

/// What some clients saw who asked one server again and again.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Load {
    /// How many answers came each second, all connections together.
    pub per_second: f64,
    /// The time from the request to the whole answer that half of them did not exceed.
    pub p50: Duration,
    /// The time that 99 of 100 did not exceed.
    pub p99: Duration,
}

/// Asks for `/` over so many connections that stay, for some time. One thread does it for all, so that it does not take
/// more of the machine than it must.
///
/// # Errors
///
/// A connection fails, or the server hangs up.
pub fn load(server: SocketAddr, connections: usize, time: Duration) -> io::Result<Load> {
    let mut clients = (0..connections).map(|_| Client::new(server)).collect::<io::Result<Vec<Client>>>()?;
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    for (index, client) in clients.iter_mut().enumerate() {
        epoll::add(&epoll, &client.stream, epoll::EventData::new_u64(index as u64), epoll::EventFlags::IN)?;
        client.ask()?;
    }
    let start = Instant::now();
    let mut times = Vec::new();
    let mut events = Vec::with_capacity(connections);
    while start.elapsed() < time {
        let patience = Timespec { tv_sec: 10, tv_nsec: 0 };
        events.clear();
        if epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut events), Some(&patience))? == 0 {
            return Err(io::ErrorKind::TimedOut.into());
        }
        for event in &events {
            let client = &mut clients[event.data.u64() as usize];
            if client.read()? {
                times.push(client.asked.elapsed());
                client.ask()?;
            }
        }
    }
    let per_second = times.len() as f64 / start.elapsed().as_secs_f64();
    times.sort_unstable();
    let percentile = |percent: usize| times[(times.len() - 1) * percent / 100];
    Ok(Load { per_second, p50: percentile(50), p99: percentile(99) })
}

/// One connection, and how much of an answer it lacks.
struct Client {
    stream: TcpStream,
    asked: Instant,
    /// How long each answer is: the first one told.
    length: usize,
    lacks: usize,
}

impl Client {
    fn new(server: SocketAddr) -> io::Result<Self> {
        let mut stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(REQUEST)?;
        let mut answer = Vec::new();
        let mut bytes = [0; 4096];
        while !is_whole(&answer) {
            let read = stream.read(&mut bytes)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            answer.extend_from_slice(&bytes[..read]);
        }
        Ok(Self { stream, asked: Instant::now(), length: answer.len(), lacks: 0 })
    }

    fn ask(&mut self) -> io::Result<()> {
        (self.asked, self.lacks) = (Instant::now(), self.length);
        self.stream.write_all(REQUEST)
    }

    /// Reads what is there, and tells whether that was the last of the answer.
    fn read(&mut self) -> io::Result<bool> {
        let read = self.stream.read(&mut [0; 4096])?;
        if read == 0 || read > self.lacks {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.lacks -= read;
        Ok(self.lacks == 0)
    }
}

/// Tells whether an answer has come to its end, by its length or by an empty chunk.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let end =
        if text.contains("\r\ntransfer-encoding: chunked\r\n") { "\r\n0\r\n\r\n" } else { "Hello, World!" };
    text.ends_with(end)
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
