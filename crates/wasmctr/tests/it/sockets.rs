//! Guests that use WasmEdge's sockets, unchanged on both engines: who talks to them gets the same bytes.
//!
//! Every test has a network of its own on each engine, so that all can use the port that the server has.

use std::{
    fmt::Debug,
    fs,
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use lab::Network;

use crate::support::{Place, Ran, ended, send, wasmedge};

const SERVER: &str = "127.0.0.1:8080";

#[test]
fn an_answer() {
    on_both(|engine| {
        let answer = engine.serve().hello();
        assert_eq!(
            answer,
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 13\r\ndate: …\r\n\r\nHello, World!"
        );
        answer
    });
}

#[test]
fn what_the_server_does_not_have() {
    on_both(|engine| {
        let server = engine.serve();
        let none = server.ask("GET /none HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        assert!(none.starts_with("HTTP/1.1 404 Not Found\r\n"), "{none}");
        let post = server.ask("POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        assert!(post.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"), "{post}");
        let wrong = server.ask("this is no HTTP\r\n\r\n");
        assert!(wrong.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{wrong}");
        (none, post, wrong)
    });
}

#[test]
fn a_connection_that_is_kept() {
    on_both(|engine| {
        let server = engine.serve();
        let mut stream = server.connect();
        let answers = ["/", "/", "/none", "/"].map(|path| {
            stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).unwrap();
            answer(&mut stream)
        });
        assert_eq!(answers.iter().filter(|answer| answer.ends_with("\r\n\r\nHello, World!")).count(), 3);
        answers
    });
}

#[test]
fn requests_before_their_answers() {
    on_both(|engine| {
        let server = engine.serve();
        let mut stream = server.connect();
        stream.write_all(&b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(50)).unwrap();
        let answers: Vec<_> = (0..50).map(|_| answer(&mut stream)).collect();
        assert!(answers.iter().all(|answer| answer.ends_with("\r\n\r\nHello, World!")));
        answers
    });
}

#[test]
fn a_request_byte_by_byte() {
    on_both(|engine| {
        let server = engine.serve();
        let mut stream = server.connect();
        for byte in b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" {
            stream.write_all(&[*byte]).unwrap();
            thread::sleep(Duration::from_millis(1));
        }
        let answer = answer(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        answer
    });
}

#[test]
fn a_header_of_a_mebibyte_is_refused() {
    on_both(|engine| {
        let server = engine.serve();
        let mut stream = server.connect();
        let mut sender = stream.try_clone().unwrap();
        let sender = thread::spawn(move || {
            sender.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")?;
            sender.write_all(&vec![b'x'; 1 << 20])?;
            sender.write_all(b"\r\n\r\n")
        });
        // The server hangs up with bytes unread, and then the rest of its answer may be lost.
        let mut status = [0; 12];
        let refused = stream.read_exact(&mut status).is_err() || &status == b"HTTP/1.1 431";
        assert!(refused, "{}", String::from_utf8_lossy(&status));
        drop(stream);
        let _ = sender.join().unwrap();
        server.hello()
    });
}

#[test]
fn a_thousand_connections_opened_and_dropped() {
    on_both(|engine| {
        let server = engine.serve();
        (0..1000).for_each(|_| drop(server.connect()));
        server.hello()
    });
}

#[test]
fn a_reset_in_the_middle_of_a_body() {
    on_both(|engine| {
        let server = engine.serve();
        for _ in 0..10 {
            let mut stream = server.connect();
            let half = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nhalf";
            stream.write_all(half).unwrap();
            // The answer comes before the body's end, and who closes with bytes unread resets the connection.
            stream.peek(&mut [0; 1]).unwrap();
        }
        server.hello()
    });
}

#[test]
fn clients_of_tcp() {
    on_both(|engine| {
        let listener = TcpListener::bind("127.0.0.1:4000").unwrap();
        for mode in ["connect", "connect-async"] {
            let guest = engine.start("probe-sockets", &[mode, "127.0.0.1:4000"]);
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut sent = String::new();
            stream.read_to_string(&mut sent).unwrap();
            stream.write_all(b"pong").unwrap();
            drop(stream);
            assert_eq!((sent.as_str(), ended(guest).ok().as_str()), ("ping", "pong\n"), "{mode}");
        }
    });
}

#[test]
fn a_client_that_is_refused() {
    on_both(|engine| {
        let ran = ended(engine.start("probe-sockets", &["connect", "127.0.0.1:4000"]));
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stderr.contains("Connection refused"), "{ran:?}");
    });
}

#[test]
fn clients_and_a_server_in_one_guest() {
    on_both(|engine| {
        let said = ended(engine.start("probe-sockets", &["many", "127.0.0.1:4000"])).ok();
        assert_eq!(said, "200000 bytes\n".repeat(3) + "nobody listens: Err(ConnectionRefused)\n");
    });
}

/// From a port whose two bytes are the same: WasmEdge tells ports to `recv_from` in the order of networks.
#[test]
fn an_echo_of_datagrams() {
    on_both(|engine| echo(engine, "127.0.0.1:8224"));
}

/// The same from any port, on wasmtime only.
#[test]
fn an_echo_of_datagrams_to_any_port() {
    let Some(engine) = Engine::wasmtime(&lab::here!()) else { return };
    engine.network.enter(|| echo(&engine, "127.0.0.1:4001"));
}

fn echo(engine: &Engine, client: &str) {
    let mut guest = engine.start("probe-sockets", &["echo", "127.0.0.1:4000", "3"]);
    wait_for_ready(&mut guest);
    let socket = UdpSocket::bind(client).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    for size in [1, 8, 1400] {
        socket.send_to(&vec![b'x'; size], "127.0.0.1:4000").unwrap();
        let (length, from) = socket.recv_from(&mut [0; 2000]).unwrap();
        assert_eq!((length, from.to_string().as_str()), (size, "127.0.0.1:4000"));
    }
    let expected = [1, 8, 1400].map(|size| format!("{size} bytes from 127.0.0.1\n")).concat();
    assert_eq!(ended(guest).ok(), expected);
}

#[test]
fn names() {
    on_both(|engine| {
        let known = ended(engine.start("probe-sockets", &["lookup", "localhost"]));
        assert_eq!(known.ok(), "127.0.0.1\n");
        let unknown = ended(engine.start("probe-sockets", &["lookup", "no.such.name.invalid"]));
        assert_eq!(unknown.code, Some(1), "{unknown:?}");
    });
}

#[test]
fn a_server_on_ipv6() {
    on_both(|engine| {
        let mut guest = engine.start("probe-sockets", &["listen", "[::1]:4000", "2"]);
        wait_for_ready(&mut guest);
        for text in ["six", &"6".repeat(1000)] {
            let mut stream = TcpStream::connect("[::1]:4000").unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(text.as_bytes()).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let mut back = String::new();
            stream.read_to_string(&mut back).unwrap();
            assert_eq!(back, text);
        }
        assert_eq!(ended(guest).ok(), "3 bytes\n1000 bytes\n");
    });
}

/// With connections that are open, half-sent and half-closed.
#[test]
fn signals_stop_the_server_at_once() {
    let Some(engine) = Engine::wasmtime(&lab::here!()) else { return };
    engine.network.enter(|| {
        for (signal, number) in [("INT", 2), ("TERM", 15)] {
            let server = engine.serve();
            let mut streams = [(); 3].map(|()| server.connect());
            streams[1].write_all(b"GET / HT").unwrap();
            streams[2].shutdown(Shutdown::Write).unwrap();
            let start = Instant::now();
            let ran = server.stop(signal);
            assert!(start.elapsed() < Duration::from_secs(5), "it takes no grace time");
            ran.fails(128 + number, &format!("the guest was stopped: signal {number}"));
            TcpListener::bind(SERVER).expect("the port is free again");
            // Whoever waits is told, by the end or by a reset.
            assert!(!matches!(streams[0].read(&mut [0; 1]), Ok(1..)));
        }
    });
}

/// WASI's sockets have no `TCP_NODELAY`: two writes would be two pieces, 44 ms apart, and the first read would get the
/// head alone.
#[test]
fn axum_answers_in_one_piece() {
    let test = lab::here!();
    let Some(_) = guests::need("http-axum", &test) else { return };
    let Some(engine) = Engine::wasmtime(&test) else { return };
    engine.network.enter(|| {
        let server = engine.serve_with("http-axum");
        let mut stream = server.connect();
        for _ in 0..10 {
            stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            let mut answer = [0; 1024];
            let length = stream.read(&mut answer).unwrap();
            let answer = String::from_utf8_lossy(&answer[..length]);
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
            assert!(answer.ends_with("\r\n\r\nHello, World!"), "{answer}");
        }
    });
}

/// Does the same on both engines, and expects the same.
fn on_both<T: PartialEq + Debug + Send>(run: impl Fn(&Engine) -> T + Sync) {
    let test = lab::here!();
    let (Some(wasmtime), Some(wasmedge)) = (Engine::wasmtime(&test), Engine::wasmedge(&test)) else { return };
    let [ours, theirs] = [wasmtime, wasmedge].map(|engine| engine.network.enter(|| run(&engine)));
    assert_eq!(ours, theirs);
}

/// A program with one of the engines, in a network of its own.
struct Engine {
    program: PathBuf,
    network: Network,
    place: Place,
}

impl Engine {
    fn wasmtime(test: &str) -> Option<Self> {
        Self::new(env!("CARGO_BIN_EXE_wasmctr").into(), test)
    }

    fn wasmedge(test: &str) -> Option<Self> {
        Self::new(wasmedge(test)?, test)
    }

    fn new(program: PathBuf, test: &str) -> Option<Self> {
        lab::require(lab::root(), "root's rights", "run the tests as root", test)?;
        guests::need("http-server", test)?;
        guests::need("probe-sockets", test)?;
        Some(Self { program, network: Network::new().unwrap(), place: Place::new() })
    }

    /// Starts a guest, without limits, which WasmEdge does not have.
    fn start(&self, guest: &str, args: &[&str]) -> Child {
        let path = guests::compiled(guest).expect("it was there when the test began");
        let mut command = Command::new(&self.program);
        command.args(["run", "--unlimited", "--net", "host"]).arg(path).args(args);
        command.current_dir(self.place.path()).env("NO_COLOR", "1").env("XDG_CACHE_HOME", cache());
        command.env_remove("WASMCTR_ENGINE").stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Starts the walkthrough's server, and returns when it listens.
    fn serve(&self) -> Server {
        self.serve_with("http-server")
    }

    fn serve_with(&self, guest: &str) -> Server {
        let server = Server { child: Some(self.start(guest, &[])) };
        let start = Instant::now();
        while TcpStream::connect(SERVER).is_err() {
            assert!(start.elapsed() < PATIENCE, "the server does not listen");
            thread::sleep(Duration::from_millis(5));
        }
        server
    }
}

/// Code that was compiled is for all tests, of this run and the next.
fn cache() -> PathBuf {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sockets");
    fs::create_dir_all(&cache).unwrap();
    cache
}

/// A server that ends with the value.
struct Server {
    child: Option<Child>,
}

impl Server {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(SERVER).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// Sends a request and returns what comes until the end.
    fn ask(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        without_date(&answer)
    }

    fn hello(&self) -> String {
        let answer = self.ask("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        assert!(answer.ends_with("\r\n\r\nHello, World!"), "{answer}");
        answer
    }

    /// Sends it a signal, and waits for its end.
    fn stop(mut self, signal: &str) -> Ran {
        let child = self.child.take().unwrap();
        send(signal, &child);
        ended(child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Reads one answer, whose header says how long it is.
fn answer(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let mut byte = [0; 1];
        stream.read_exact(&mut byte).unwrap();
        bytes.extend(byte);
    }
    let mut answer = String::from_utf8(bytes).unwrap();
    let length = answer.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    answer += &String::from_utf8(body).unwrap();
    without_date(&answer)
}

fn without_date(answer: &str) -> String {
    let lines = answer.split("\r\n");
    lines
        .map(|line| if line.starts_with("date: ") { "date: …" } else { line })
        .collect::<Vec<_>>()
        .join("\r\n")
}

/// Waits for the line `ready`.
fn wait_for_ready(guest: &mut Child) {
    let mut line = [0; 6];
    guest.stdout.as_mut().unwrap().read_exact(&mut line).unwrap();
    assert_eq!(&line, b"ready\n");
}

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
