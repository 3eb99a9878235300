//! Listening, and the threads of it.

mod exchange;
mod stop;
mod stream;
mod wire;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use self::exchange::Connection;
use self::stop::Stop;
use crate::registry::{Shared, lock};

/// Connections at a time; one more is closed at once.
const CONNECTIONS: usize = 512;

/// How long a read or a write may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The threads of a registry.
#[derive(Debug)]
pub(crate) struct Server {
    shared: Arc<Shared>,
    state: Arc<State>,
    listening: Option<JoinHandle<()>>,
}

/// What the threads share.
#[derive(Debug, Default)]
struct State {
    stop: Stop,
    accepted: AtomicU64,
    /// Another handle of each connection, to end it.
    open: Mutex<HashMap<u64, TcpStream>>,
}

impl Server {
    /// A listener on a port that nobody has.
    pub(crate) fn listen(address: IpAddr) -> io::Result<TcpListener> {
        if !address.is_loopback() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a test registry listens on loopback only",
            ));
        }
        TcpListener::bind((address, 0))
    }

    /// Answers what comes in.
    pub(crate) fn start(listener: TcpListener, shared: Arc<Shared>) -> io::Result<Self> {
        let state = Arc::new(State::default());
        let (own, of) = (Arc::clone(&state), Arc::clone(&shared));
        let listening = named(&shared).spawn(move || listen(&listener, &of, &own))?;
        Ok(Self { shared, state, listening: Some(listening) })
    }

    /// Connections so far.
    pub(crate) fn connections(&self) -> u64 {
        self.state.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.stop.set();
        for stream in lock(&self.state.open).values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        // A connection wakes the thread that waits for one.
        let woken = TcpStream::connect_timeout(&self.shared.address, PATIENCE).is_ok();
        if let Some(listening) = self.listening.take().filter(|_| woken) {
            let _ = listening.join();
        }
    }
}

/// Takes connections until the end, then waits for those that are left.
fn listen(listener: &TcpListener, shared: &Arc<Shared>, state: &Arc<State>) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    while let Ok((stream, _)) = accept(listener) {
        if state.stop.is_set() {
            break;
        }
        threads.retain(|thread| !thread.is_finished());
        let number = state.accepted.fetch_add(1, Ordering::SeqCst) + 1;
        if threads.len() < CONNECTIONS
            && let Ok(thread) = spawn(stream, number, shared, state)
        {
            threads.push(thread);
        }
    }
    for stream in lock(&state.open).values() {
        let _ = stream.shutdown(Shutdown::Both);
    }
    for thread in threads {
        let _ = thread.join();
    }
}

/// The next connection; errors of one that has already gone, or of a moment without descriptors, are none.
fn accept(listener: &TcpListener) -> io::Result<(TcpStream, std::net::SocketAddr)> {
    let mut patience = 1000;
    loop {
        match listener.accept() {
            Err(_) if patience > 0 => {
                patience -= 1;
                thread::sleep(Duration::from_millis(5));
            }
            accepted => return accepted,
        }
    }
}

/// A thread for the connection.
fn spawn(
    stream: TcpStream,
    number: u64,
    shared: &Arc<Shared>,
    state: &Arc<State>,
) -> io::Result<JoinHandle<()>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    lock(&state.open).insert(number, stream.try_clone()?);
    let (shared, own) = (Arc::clone(shared), Arc::clone(state));
    let thread = named(&shared);
    let spawned = thread.spawn(move || {
        let forget = Forget { state: &own, number };
        if let Ok(connection) = Connection::new(stream, number, &shared, &own.stop) {
            connection.serve(forget);
        }
    });
    if spawned.is_err() {
        lock(&state.open).remove(&number);
    }
    spawned
}

/// All threads of a registry have its port in their name, so that a test sees whether one is left.
fn named(shared: &Shared) -> thread::Builder {
    thread::Builder::new().name(format!("registry-{}", shared.address.port()))
}

/// Gives up the other handle of a connection: only the last one to be closed can reset it.
#[derive(Debug)]
struct Forget<'a> {
    state: &'a State,
    number: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        lock(&self.state.open).remove(&self.number);
    }
}
