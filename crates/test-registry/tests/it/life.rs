//! How a registry lives and ends, and what it bears.

use std::io::Write as _;
use std::net::{IpAddr, Ipv6Addr, TcpStream};
use std::time::{Duration, Instant};
use std::{fs, thread};

use test_registry::{Fault, On, Registry, sha256};

use crate::client::{ask, connect, read, status, write};

/// Threads of this process whose names tell that they are of this port.
fn threads(registry: u16) -> usize {
    let name = format!("registry-{registry}");
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|known| known.trim() == name).count()
}

#[test]
fn nothing_is_left_of_it() {
    let registry = Registry::start().unwrap();
    let address = registry.address();
    registry.fault(On::blob_get(), Fault::Slow(1));
    registry.fault(On::base(), Fault::StallAfter(3));
    let digest = registry.put_blob("a", vec![0; 1 << 20]);
    let mut open: Vec<_> = (0..4).map(|_| connect(address)).collect();
    for (stream, target) in open.iter_mut().zip(["/v2/", &format!("/v2/a/blobs/{digest}"), "/", "/"]) {
        write!(stream, "GET {target} HTTP/1.1\r\n\r\n").unwrap();
    }
    write(&mut open[3], b"GET / HT");
    thread::sleep(Duration::from_millis(100));
    assert_eq!(threads(address.port()), 5);
    let start = Instant::now();
    drop(registry);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    // The kernel shows a thread a moment longer than `join` waits for it.
    let gone =
        (0..100).any(|_| threads(address.port()) == 0 || (thread::sleep(Duration::from_millis(10)), false).1);
    assert!(gone, "{} threads are left", threads(address.port()));
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_connection_serves_many_requests() {
    let registry = Registry::start().unwrap();
    let target = format!("/v2/a/blobs/{}", registry.put_blob("a", "hello"));
    let mut stream = connect(registry.address());
    let pipelined = format!("GET {target} HTTP/1.1\r\n\r\nHEAD {target} HTTP/1.1\r\n\r\n");
    write!(stream, "{pipelined}GET /v2/ HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
    let all = String::from_utf8(read(&mut stream).raw).unwrap();
    assert_eq!((all.matches("HTTP/1.1 200 OK\r\n").count(), all.matches("hello").count()), (3, 1));
    assert_eq!(registry.connections(), 1);
    assert!(registry.requests().iter().all(|request| request.connection == 1 && !request.secure));
}

#[test]
fn many_clients_are_served_and_counted() {
    let registry = Registry::start().unwrap();
    let target = format!("/v2/a/blobs/{}", registry.put_blob("a", vec![7; 100_000]));
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| assert_eq!(ask(&registry, "GET", &target).body().len(), 100_000));
        }
    });
    assert_eq!((registry.hits("GET", &target), registry.connections()), (64, 64));
}

#[test]
fn nonsense_is_answered_or_ended() {
    let registry = Registry::start().unwrap();
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    for (bytes, status) in [
        ("NONSENSE\r\n\r\n", 400),
        ("\x16\x03\x01", 400),
        ("GET http://x/ HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/2.0\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nX y\r\n\r\n", 400),
        ("POST /token HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        ("POST /token HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("POST /token HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        ("POST /token HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (&long, 431),
    ] {
        let mut stream = connect(registry.address());
        write(&mut stream, bytes.as_bytes());
        assert_eq!(read(&mut stream).status(), status, "{bytes:.60}");
    }
    assert_eq!(status(&registry, "GET", "/v2/"), 200);
}

#[test]
fn it_listens_on_loopback_only() {
    let error = Registry::options().address([0, 0, 0, 0]).start().unwrap_err();
    assert_eq!(error.to_string(), "a test registry listens on loopback only");
    // Where there is IPv6.
    if let Ok(registry) = Registry::options().address(IpAddr::from(Ipv6Addr::LOCALHOST)).start() {
        assert!(registry.host().starts_with("[::1]:"));
        assert_eq!(status(&registry, "GET", "/v2/"), 200);
    }
}

#[test]
fn anything_can_be_put_there() {
    let registry = Registry::start().unwrap();
    registry.put_blob_as("a", &sha256(b"x"), "y");
    assert_eq!(registry.blob("a", &sha256(b"x")).as_deref(), Some(&b"y"[..]));
    let digest = registry.put_manifest("a", "v1", "text/plain", "no JSON");
    assert_eq!(registry.manifest("a", &digest), registry.manifest("a", "v1"));
    assert_eq!(ask(&registry, "GET", "/v2/a/manifests/v1").body(), b"no JSON");
    assert_eq!(registry.manifest("a", "v2"), None);
}

#[test]
#[should_panic(expected = "is not the digest of the manifest")]
fn a_manifest_is_put_under_its_own_digest() {
    Registry::start().unwrap().put_manifest("a", &sha256(b"x"), "text/plain", "y");
}
