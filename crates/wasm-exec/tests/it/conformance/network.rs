//! What a guest may do with the network: one rule for sockets, HTTP requests and name lookup.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    thread,
};

use wasm_exec::{Capability, Capture, Error, Exit, Network, Output, Rule, Serve, Task};

use super::{engine, task};
use crate::support::{Http, Ran, try_run};

fn rules(rules: &[&str]) -> Network {
    Network::Allow(rules.iter().map(|rule| rule.parse().unwrap()).collect())
}

/// Whether the engine has rules; if not, that it refuses them.
fn has_rules() -> bool {
    let can = engine().info().can(Capability::NetworkRules);
    if !can {
        let error = try_run(&*engine(), &guests::HELLO.wasm(), task().network(rules(&["*"]))).unwrap_err();
        assert!(
            matches!(error, Error::Unsupported { capability: Capability::NetworkRules, .. }),
            "{error:?}"
        );
    }
    can
}

macro_rules! need_probe {
    () => {
        if !has_rules() || guests::need!("probe-component").is_none() {
            return;
        }
    };
}

#[track_caller]
fn probe(args: &[&str], network: Network) -> Ran {
    let wasm = fs::read(guests::compiled("probe-component").unwrap()).unwrap();
    try_run(&*engine(), &wasm, task().arg("probe").args(args.iter().copied()).network(network)).unwrap()
}

/// Tells whether the guest could, by its exit code.
#[track_caller]
fn could(args: &[&str], network: Network) -> bool {
    match probe(args, network) {
        Ran { exit: Exit::Code(0), .. } => true,
        Ran { exit: Exit::Code(1), stderr, .. } => {
            assert!(stderr.contains("PermissionDenied") || stderr.contains("ermission"), "{stderr}");
            false
        }
        ran => panic!("{ran:?}"),
    }
}

/// Sends back what each of some connections sends.
fn echo(connections: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().take(connections) {
            let mut stream = stream.unwrap();
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).unwrap();
            stream.write_all(&bytes).unwrap();
        }
    });
    address
}

#[test]
fn connections() {
    need_probe!();
    let address = echo(5);
    let (at, port) = (address.to_string(), address.port());
    let connect = |network| could(&["connect", &at], network);
    assert!(!connect(Network::None));
    assert!(connect(Network::Host));
    assert!(connect(rules(&[&at])));
    assert!(connect(rules(&["10.0.0.1", "127.0.0.0/8"])));
    assert!(connect(rules(&["*"])));
    assert!(connect(rules(&[&format!("localhost:{port}")])));
    for denied in [
        format!("127.0.0.1:{}", port ^ 1),
        format!("127.0.0.2:{port}"),
        format!("listen:127.0.0.1:{port}"),
        format!("[::1]:{port}"),
        format!("localhost:{}", port ^ 1),
    ] {
        assert!(!connect(rules(&[&denied])), "{denied}");
    }
    assert!(!connect(rules(&[])));
}

#[test]
fn listening() {
    need_probe!();
    let listen = |network: Network| {
        let wasm = fs::read(guests::compiled("probe-component").unwrap()).unwrap();
        let stdout = Capture::new(100);
        let args = ["probe", "listen", "127.0.0.1:0"];
        let task = task().args(args).network(network).stdout(Output::Capture(stdout.clone()));
        let running = engine().compile(&wasm).unwrap().start(task).unwrap();
        let mut said = String::new();
        while !said.ends_with('\n') && !running.is_finished() {
            said.push_str(&String::from_utf8(stdout.take()).unwrap());
            thread::yield_now();
        }
        if let Ok(address) = said.trim().parse::<SocketAddr>() {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"ping").unwrap();
            let mut back = [0; 4];
            stream.read_exact(&mut back).unwrap();
            assert_eq!(&back, b"ping");
        }
        running.wait().unwrap()
    };
    assert_eq!(listen(Network::Host), Exit::Code(0));
    assert_eq!(listen(rules(&["listen:127.0.0.1"])), Exit::Code(0));
    assert_eq!(listen(rules(&["listen:*"])), Exit::Code(0));
    for denied in [Network::None, rules(&["*"]), rules(&["listen:127.0.0.2"]), rules(&["listen:127.0.0.1:1"])]
    {
        assert_eq!(listen(denied), Exit::Code(1));
    }
}

#[test]
fn datagrams() {
    need_probe!();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = socket.local_addr().unwrap().to_string();
    let echo = socket.try_clone().unwrap();
    thread::spawn(move || {
        for _ in 0..2 {
            let mut bytes = [0; 4];
            let (size, from) = echo.recv_from(&mut bytes).unwrap();
            echo.send_to(&bytes[..size], from).unwrap();
        }
    });
    assert!(could(&["send", &at], Network::Host));
    assert!(could(&["send", &at], rules(&[&at])));
    assert!(!could(&["send", &at], Network::None));
    assert!(!could(&["send", &at], rules(&["127.0.0.1:1"])));
}

#[test]
fn name_lookup() {
    need_probe!();
    let lookup = |network| probe(&["lookup", "localhost"], network);
    for allowed in [Network::Host, rules(&["localhost"]), rules(&["LOCALHOST:80"]), rules(&["*:80"])] {
        let ran = lookup(allowed);
        assert_eq!(ran.exit, Exit::Code(0), "{ran:?}");
        assert!(ran.stdout.contains("127.0.0.1") || ran.stdout.contains("::1"), "{ran:?}");
    }
    for denied in [Network::None, rules(&[]), rules(&["localhost.example"]), rules(&["127.0.0.1"])] {
        assert_eq!(lookup(denied).exit, Exit::Code(1));
    }
    // Who may only listen has nothing to look up.
    assert_eq!(lookup(rules(&["listen:*"])).exit, Exit::Code(1));
}

/// A guest's own HTTP requests.
#[test]
fn http_requests() {
    if !has_rules() {
        return;
    }
    let Some(path) = guests::need!("http-component") else { return };
    let program = engine().compile(&fs::read(path).unwrap()).unwrap();
    let serve = |network| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let http = Http(listener.local_addr().unwrap());
        (program.serve(listener, Task::default().network(network), Serve::default()).unwrap(), http)
    };
    let (target, at) = serve(Network::None);
    let port = at.0.port();
    let fetch = |network, host: &str| {
        let (running, http) = serve(network);
        let answer = http.get(&format!("/fetch/{host}:{port}"));
        running.cancel();
        running.wait().unwrap();
        answer
    };
    let hello = (200, "Hello, World!\n".to_owned());
    assert_eq!(fetch(Network::Host, "127.0.0.1"), hello);
    assert_eq!(fetch(rules(&[&format!("127.0.0.1:{port}")]), "127.0.0.1"), hello);
    assert_eq!(fetch(rules(&[&format!("localhost:{port}")]), "localhost"), hello);
    for (denied, host) in [
        (Network::None, "127.0.0.1"),
        (rules(&["127.0.0.1:1"]), "127.0.0.1"),
        (rules(&["localhost.example"]), "127.0.0.1"),
        // To ask for a name is to tell somebody something.
        (rules(&["127.0.0.1"]), "localhost"),
    ] {
        let (status, body) = fetch(denied.clone(), host);
        assert_eq!(status, 502, "{denied:?}");
        assert!(body.contains("HttpRequestDenied"), "{body}");
    }
    target.cancel();
    target.wait().unwrap();
}

#[test]
fn rules_are_text() {
    let rule: Rule = "localhost:80".parse().unwrap();
    assert_eq!(rules(&["localhost:80"]), Network::Allow(vec![rule]));
}
