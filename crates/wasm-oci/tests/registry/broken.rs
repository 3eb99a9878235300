//! Connections that break, and peers that are slow. The name of each case says what limit it meets.
//!
//! The limits of these tests are shorter than the usual ones, which are in the names.

use std::time::Duration;

use test_registry::{Fault, On, Options as ServerOptions};

use crate::{
    case::{
        Across, Case, Delete, Pull, Push, Referrers, Resolve, Run, Says, Tags, Works, busy, judge, on,
        prepare, usual,
    },
    quick,
};

#[test]
fn connections_that_break() {
    let once = |kind: fn() -> On| kind().nth(1);
    let mut cases: Vec<Case> = vec![
        (
            "a reset before the head of a manifest: tried again",
            on(once(On::manifest_get), Fault::ResetAfter(0)),
            Pull,
            Works,
        ),
        ("a reset in the head of a manifest", on(once(On::manifest_get), Fault::ResetAfter(20)), Pull, Works),
        ("a reset in a manifest", on(once(On::manifest_get), Fault::ResetInBody(100)), Pull, Works),
        ("the end in the head of a manifest", on(once(On::manifest_get), Fault::CloseAfter(20)), Pull, Works),
        ("the end in a manifest", on(once(On::manifest_get), Fault::CloseInBody(100)), Pull, Works),
        ("a reset before the head of a blob", on(once(On::blob_get), Fault::ResetAfter(0)), Pull, Works),
        ("a reset in the head of a blob", on(once(On::blob_get), Fault::ResetAfter(30)), Pull, Works),
        ("a reset in a blob, into memory", on(once(On::blob_get), Fault::ResetInBody(50)), Run, Works),
        ("the end in a blob", on(once(On::blob_get), Fault::CloseInBody(50)), Pull, Works),
        (
            "the end before the last chunk of a blob",
            on(once(On::blob_get), Fault::ChunkedUnfinished),
            Pull,
            Works,
        ),
        ("a reset of the tags", on(On::tags().nth(1), Fault::ResetInBody(3)), Tags, Works),
        ("a reset of the referrers", on(On::referrers().nth(1), Fault::ResetInBody(3)), Referrers, Works),
        ("a reset of the deletion", on(On::manifest_delete().nth(1), Fault::ResetAfter(0)), Delete, Works),
        ("a reset when a blob is looked for", on(On::blob_head().nth(1), Fault::ResetAfter(0)), Push, Works),
        ("a reset when an upload begins", on(On::upload_start().nth(1), Fault::ResetAfter(0)), Push, Works),
        ("a reset in an upload", on(On::upload_finish().nth(1), Fault::ResetAfterReading(20)), Push, Works),
        (
            "a reset behind an upload: it is there",
            on(On::upload_finish().nth(1), Fault::ResetAfter(0)),
            Push,
            Works,
        ),
        (
            "a reset of the manifest that is pushed",
            on(On::manifest_put().nth(1), Fault::ResetAfter(0)),
            Push,
            Works,
        ),
        ("the end of a connection that nobody announced", on(On::any(), Fault::HangUp), Pull, Works),
        (
            "resets without end: 5 tries more",
            on(On::manifest_get(), Fault::ResetAfter(0)),
            Pull,
            Says("cannot reach"),
        ),
        (
            "resets of a blob without end",
            on(On::blob_get(), Fault::ResetInBody(1)),
            Pull,
            Says("the connection broke"),
        ),
        ("resets of an upload without end", on(On::upload_finish(), Fault::ResetAfter(0)), Push, Works),
        (
            "an upload that nobody takes, without end",
            on(On::upload_finish(), Fault::ResetAfterReading(1)),
            Push,
            Says("cannot reach"),
        ),
        (
            "nonsense in place of an answer",
            on(On::manifest_get(), Fault::Raw("nonsense\r\n\r\n".into())),
            Pull,
            Says("the connection broke"),
        ),
        ("nonsense once", on(On::manifest_get().nth(1), Fault::Raw("nonsense\r\n\r\n".into())), Pull, Works),
        (
            "half an answer",
            on(On::manifest_get(), Fault::Raw("HTTP/1.1 200 OK\r\nContent-Le".into())),
            Pull,
            Says("the connection broke"),
        ),
        (
            "HTTP/2 where nobody asked for it",
            on(On::manifest_get(), Fault::Raw("\0\0\0\x04\0\0\0\0\0".into())),
            Pull,
            Says("the connection broke"),
        ),
        (
            "a thousand headers: 100",
            on(
                On::manifest_get(),
                Fault::Raw(format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(1000)).into()),
            ),
            Pull,
            Says("cannot reach"),
        ),
        (
            "a header of 1 MiB",
            on(
                On::manifest_get(),
                Fault::Raw(format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "b".repeat(1 << 20)).into()),
            ),
            Pull,
            Says("cannot reach"),
        ),
    ];
    for at in [1, 2, 10, 100, 150, 191] {
        cases.push((
            "a reset at some byte of a blob",
            on(once(On::blob_get), Fault::ResetInBody(at)),
            Pull,
            Works,
        ));
        cases.push((
            "a reset at some byte of a manifest",
            on(once(On::manifest_get), Fault::ResetInBody(at)),
            Pull,
            Works,
        ));
    }
    usual(cases);
}

#[test]
fn peers_that_are_slow() {
    usual(vec![
        (
            "half-open before the head: 10 s",
            on(On::manifest_get(), Fault::StallAfter(0)),
            Resolve,
            Says("does not answer for more than"),
        ),
        (
            "half-open in the head: 10 s",
            on(On::manifest_get(), Fault::StallAfter(30)),
            Resolve,
            Says("does not answer for more than"),
        ),
        (
            "half-open in a manifest: 30 s",
            on(On::manifest_get(), Fault::StallInBody(30)),
            Resolve,
            Says("sends next to nothing for more than"),
        ),
        (
            "half-open in a blob: 30 s",
            on(On::blob_get(), Fault::StallInBody(30)),
            Run,
            Says("sends next to nothing for more than"),
        ),
        ("half-open once", on(On::blob_get().nth(1), Fault::StallInBody(30)), Pull, Works),
        (
            "10 bytes a second: 1 KiB a second over 30 s",
            on(On::blob_get(), Fault::SlowBody(10)),
            Run,
            Says("sends next to nothing for more than"),
        ),
        (
            "10 bytes a second, the head too: 10 s",
            on(On::manifest_get(), Fault::Slow(10)),
            Resolve,
            Says("does not answer for more than"),
        ),
        ("a slow error: it is left", on(On::manifest_get(), busy(403, None)), Resolve, Says("403 DENIED")),
        (
            "an error whose text stalls",
            vec![(On::manifest_get(), busy(403, None)), (On::manifest_get(), Fault::StallInBody(3))],
            Resolve,
            Says("the registry refused to pull the manifest"),
        ),
        ("slow, but not too slow", on(On::blob_get(), Fault::SlowBody(4000)), Run, Works),
        (
            "late, but not too late",
            on(On::manifest_get(), Fault::Delay(Duration::from_millis(200))),
            Resolve,
            Works,
        ),
        (
            "half-open when an upload begins",
            on(On::upload_start(), Fault::StallAfter(0)),
            Push,
            Says("takes nothing for more than"),
        ),
        (
            "half-open behind an upload: it is there",
            on(On::upload_finish(), Fault::StallAfter(0)),
            Push,
            Works,
        ),
        (
            "half-open behind a pushed manifest",
            on(On::manifest_put(), Fault::StallAfter(0)),
            Push,
            Says("does not answer for more than"),
        ),
    ]);
}

/// A third of all connections breaks, a fifth of all answers is 503: five tries more are enough.
#[test]
fn a_registry_that_is_often_broken() {
    let server = ServerOptions::default().start().unwrap();
    prepare(&server);
    for n in 0..40 {
        server.fault(On::any().nth(3 * n + 1), Fault::ResetAfter(0));
        server.fault(On::any().nth(5 * n + 2), busy(503, None));
    }
    let mut options = quick();
    options.retries = 5;
    // One after the other, so that every run meets the same faults.
    options.parallel = 1;
    for wants in [Pull, Run, Push, Across, Tags] {
        assert_eq!(
            judge("a registry that is often broken", &server, options.clone(), wants, Works),
            None,
            "{wants:?}"
        );
    }
}
