//! Faults of the connection: every one does on the wire what it says.

use std::io::Write as _;
use std::net::Shutdown;
use std::time::{Duration, Instant};

use test_registry::{Fault, On, Registry};

use crate::client::{End, Reply, ask, connect, read, request, send, write};

/// A registry with one blob, and the blob's path.
fn served(blob: impl Into<Vec<u8>>) -> (Registry, String) {
    let registry = Registry::start().unwrap();
    let digest = registry.put_blob("a", blob.into());
    (registry, format!("/v2/a/blobs/{digest}"))
}

/// What comes under the fault.
fn under(fault: Fault) -> Reply {
    let (registry, target) = served("0123456789");
    let rule = registry.fault(On::blob_get(), fault);
    let reply = ask(&registry, "GET", &target);
    assert_eq!(registry.fired(rule), 1);
    reply
}

#[test]
fn a_reset_comes_behind_every_byte_of_an_answer() {
    let (registry, target) = served("0123456789");
    let whole = ask(&registry, "GET", &target).raw;
    for at in 0..=whole.len() {
        registry.clear_faults();
        registry.fault(On::blob_get(), Fault::ResetAfter(at as u64));
        let reply = ask(&registry, "GET", &target);
        assert_eq!((reply.raw.len(), reply.end), (at, End::Reset));
    }
}

#[test]
fn a_reset_comes_behind_a_long_body_too() {
    let (registry, target) = served(vec![7; 3 << 20]);
    registry.fault(On::blob_get(), Fault::ResetInBody(2_345_678));
    let reply = ask(&registry, "GET", &target);
    assert_eq!((reply.body().len(), reply.end), (2_345_678, End::Reset));
}

#[test]
fn an_end_comes_behind_so_many_bytes() {
    let reply = under(Fault::CloseAfter(20));
    assert_eq!((reply.raw.len(), reply.end), (20, End::Fin));
    let reply = under(Fault::CloseInBody(4));
    assert_eq!((reply.body(), reply.end), (&b"0123"[..], End::Fin));
    assert_eq!(reply.header("Content-Length").as_deref(), Some("10"));
    let reply = under(Fault::ResetInBody(99));
    assert_eq!((reply.body().len(), reply.end), (10, End::Fin));
}

#[test]
fn a_stalled_answer_stays_open() {
    for (fault, bytes) in [(Fault::StallAfter(0), 0), (Fault::StallAfter(5), 5), (Fault::StallInBody(3), 3)] {
        let (registry, target) = served("0123456789");
        registry.fault(On::any(), fault.clone());
        let mut stream = connect(registry.address());
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        write(&mut stream, &request(&registry, "GET", &target, &[], b""));
        let reply = read(&mut stream);
        let got = if matches!(fault, Fault::StallInBody(_)) { reply.body().len() } else { reply.raw.len() };
        assert_eq!((got, reply.end), (bytes, End::Open));
        // The registry ends all the same, and ends the connection.
        drop(registry);
        assert_ne!(read(&mut stream).end, End::Open);
    }
}

#[test]
fn slow_is_as_slow_as_it_says() {
    let (registry, target) = served("0123456789");
    registry.fault(On::blob_get().nth(1), Fault::SlowBody(20));
    registry.fault(On::blob_get().nth(2), Fault::Slow(1000));
    let start = Instant::now();
    assert_eq!(ask(&registry, "GET", &target).body(), b"0123456789");
    assert!(start.elapsed() >= Duration::from_millis(450), "{:?}", start.elapsed());
    let start = Instant::now();
    let reply = ask(&registry, "GET", &target);
    let due = Duration::from_millis(reply.raw.len() as u64 - 50);
    assert!(start.elapsed() >= due, "{:?}", start.elapsed());
    let start = Instant::now();
    ask(&registry, "GET", &target);
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_delay_comes_first() {
    let (registry, target) = served("0123456789");
    registry.fault(On::blob_get(), Fault::Delay(Duration::from_millis(300)));
    let start = Instant::now();
    assert_eq!(ask(&registry, "GET", &target).status(), 200);
    assert!(start.elapsed() >= Duration::from_millis(300));
}

#[test]
fn raw_bytes_are_all_there_is() {
    let reply = under(Fault::Raw("SSH-2.0-x\r\n".into()));
    assert_eq!((&reply.raw[..], reply.end), (&b"SSH-2.0-x\r\n"[..], End::Fin));
}

#[test]
fn who_hangs_up_does_not_say_so() {
    let (registry, target) = served("0123456789");
    registry.fault(On::blob_get(), Fault::HangUp);
    let mut stream = connect(registry.address());
    write!(stream, "GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let reply = read(&mut stream);
    assert_eq!((reply.body(), reply.header("Connection"), reply.end), (&b"0123456789"[..], None, End::Fin));
}

#[test]
fn an_upload_is_reset_while_it_is_read() {
    let registry = Registry::start().unwrap();
    let location = ask(&registry, "POST", "/v2/a/blobs/uploads/").header("Location").unwrap();
    registry.fault(On::upload_chunk().nth(1), Fault::ResetAfterReading(1000));
    let body = vec![b'x'; 5000];
    let reply = send(&registry, "PATCH", &location, &[("Content-Range", "0-4999")], &body);
    assert_eq!((reply.raw.len(), reply.end), (0, End::Reset));
    let reply = ask(&registry, "GET", &location);
    assert_eq!(reply.header("Range").as_deref(), Some("0-999"));
    let reply = send(&registry, "PATCH", &location, &[("Content-Range", "1000-4999")], &body[1000..]);
    assert_eq!((reply.status(), reply.header("Range").as_deref()), (202, Some("0-4999")));
    assert_eq!(registry.requests().iter().filter(|request| request.status.is_none()).count(), 1);
}

#[test]
fn what_came_of_a_chunk_is_kept_when_the_client_goes() {
    let registry = Registry::start().unwrap();
    let location = ask(&registry, "POST", "/v2/a/blobs/uploads/").header("Location").unwrap();
    let mut stream = connect(registry.address());
    write(&mut stream, &request(&registry, "PATCH", &location, &[("Content-Length", "100")], b"0123456789"));
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read(&mut stream).raw, b"");
    assert_eq!(ask(&registry, "GET", &location).header("Range").as_deref(), Some("0-9"));
}
