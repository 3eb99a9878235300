//! Registries that are busy, and say when they will not be. The name of each case says what limit it meets.
//!
//! The limits of these tests are shorter than the usual ones, which are in the names.

use std::time::{Duration, Instant};

use test_registry::{Fault, On, Options as ServerOptions, RetryAfter};
use wasm_oci::registry::{Options, Registry};

use crate::{
    case::{Pull, Push, Run, Says, Works, busy, on, prepare, usual},
    name, quick,
};

#[test]
fn registries_that_are_busy() {
    let mut cases = vec![];
    for status in [408, 429, 500, 502, 503, 504] {
        cases.push((
            "a status that may pass, once, of a manifest",
            on(On::manifest_get().nth(1), busy(status, None)),
            Pull,
            Works,
        ));
        cases.push((
            "a status that may pass, once, of a blob",
            on(On::blob_get().nth(1), busy(status, None)),
            Pull,
            Works,
        ));
        cases.push((
            "a status that may pass, once, of an upload",
            on(On::upload_start().nth(1), busy(status, None)),
            Push,
            Works,
        ));
        cases.push((
            "a status that may pass, once, at the end of an upload",
            on(On::upload_finish().nth(1), busy(status, None)),
            Push,
            Works,
        ));
        cases.push((
            "a status that may pass, once, of a pushed manifest",
            on(On::manifest_put().nth(1), busy(status, None)),
            Push,
            Works,
        ));
        cases.push((
            "a status that may pass and does not: 5 tries more",
            on(On::manifest_get(), busy(status, None)),
            Pull,
            Says("the registry refused to"),
        ));
    }
    for status in [400, 403, 405, 410, 418, 451, 501] {
        cases.push((
            "a status that does not pass",
            on(On::manifest_get().nth(1), busy(status, None)),
            Pull,
            Says("the registry refused to"),
        ));
    }
    for when in [
        RetryAfter::Seconds(0),
        RetryAfter::Seconds(1_000_000_000),
        RetryAfter::Date(Duration::from_secs(3600)),
        RetryAfter::Past(Duration::from_secs(3600)),
        RetryAfter::Text("99999999999999999999999999".into()),
        RetryAfter::Text("-1".into()),
        RetryAfter::Text("soon".into()),
        RetryAfter::Text(String::new()),
    ] {
        cases.push((
            "429 and when to come again: 60 s at the most",
            on(On::manifest_get().nth(1), busy(429, Some(when.clone()))),
            Pull,
            Works,
        ));
        cases.push((
            "503 and when to come again",
            on(On::blob_get().nth(1), busy(503, Some(when))),
            Run,
            Works,
        ));
    }
    cases.push((
        "an error of 1 MiB: 64 KiB",
        vec![(On::manifest_get(), busy(403, None)), (On::manifest_get(), Fault::Oversize(1 << 20))],
        Pull,
        Says("the registry refused to"),
    ));
    cases.push((
        "an error that never ends: 64 KiB",
        vec![(On::manifest_get(), busy(403, None)), (On::manifest_get(), Fault::Endless)],
        Pull,
        Says("the registry refused to"),
    ));
    cases.push((
        "an error in HTML",
        vec![(On::manifest_get(), busy(403, None)), (On::manifest_get(), Fault::Body("<html>\n".into()))],
        Pull,
        Says("403 <html>"),
    ));
    cases.push((
        "an upload whose error never ends",
        vec![(On::upload_start(), busy(403, None)), (On::upload_start(), Fault::Endless)],
        Push,
        Says("its answer to an upload does not end"),
    ));
    cases.push((
        "503 and 200 by turns",
        vec![
            (On::any().nth(1), busy(503, None)),
            (On::any().nth(3), busy(503, None)),
            (On::any().nth(5), busy(503, None)),
        ],
        Pull,
        Works,
    ));
    usual(cases);
}

/// The registry's word counts, up to the limit, and by its own clock.
#[test]
fn a_registry_that_says_when() {
    let wait = |when: RetryAfter, limit: u64| {
        let server = ServerOptions::default().start().unwrap();
        prepare(&server);
        server.fault(On::manifest_get().nth(1), busy(429, Some(when)));
        let mut options = quick();
        options.retry_after = Duration::from_millis(limit);
        let start = Instant::now();
        Registry::new(options).unwrap().resolve(&name(&server, "a:v1")).unwrap();
        start.elapsed()
    };
    assert!(wait(RetryAfter::Seconds(1), 60_000) >= Duration::from_millis(950));
    assert!(wait(RetryAfter::Date(Duration::from_secs(2)), 60_000) >= Duration::from_millis(950));
    let capped = wait(RetryAfter::Seconds(1_000_000_000), 300);
    assert!((300..10_000).contains(&capped.as_millis()), "{capped:?}");
    assert_eq!(Options::default().retry_after, Duration::from_secs(60));
}

#[test]
fn warnings_are_passed_on_and_bounded() {
    let server = ServerOptions::default().start().unwrap();
    prepare(&server);
    let told = std::sync::Arc::new(std::sync::Mutex::new(vec![]));
    let note = std::sync::Arc::clone(&told);
    let options = quick().on_event(move |event| {
        if let wasm_oci::registry::Event::Warning { text } = event {
            note.lock().unwrap().push(text.clone());
        }
    });
    server.fault(On::manifest_get().nth(1), Fault::header("Warning", "299 - \"mind the gap\""));
    server.fault(
        On::manifest_get().nth(2),
        Fault::header("Warning", format!("299 - \"{}\"", "x".repeat(5000))),
    );
    server.fault(On::manifest_get().nth(3), Fault::header("Warning", "110 - \"stale\""));
    let registry = Registry::new(options).unwrap();
    for _ in 0..3 {
        registry.resolve(&name(&server, "a:v1")).unwrap();
    }
    assert_eq!(*told.lock().unwrap(), ["mind the gap"]);
}
