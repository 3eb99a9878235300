//! Everything that a registry, or what is in front of it, can do wrong. The name of each case says what limit it meets.
//!
//! The limits of these tests are shorter than the usual ones, which are in the names.

use std::time::{Duration, Instant};

use test_registry::{Auth, Bearer, Certificate, Fault, On, Options as ServerOptions, RetryAfter, Status};
use wasm_oci::{
    Format, Reference,
    registry::{Login, Options, Registry},
};

use crate::{
    case::{
        Across, Case, Delete, Pull, Push, Referrers, Resolve, Run, Says, Tags, Works, judge, prepare,
        run_all, usual,
    },
    hello, name, quick,
};

fn on(on: On, fault: Fault) -> Vec<(On, Fault)> {
    vec![(on, fault)]
}

fn busy(status: u16, when: Option<RetryAfter>) -> Fault {
    let status = Status::new(status);
    match when {
        Some(when) => status.retry_after(when).into(),
        None => status.into(),
    }
}

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
fn redirects() {
    let to = |location: &str| on(On::blob_get(), Fault::redirect(location));
    let mut cases: Vec<Case> = vec![
        ("to itself: 5", on(On::blob_get(), Fault::RedirectLoop), Pull, Says("it is the sixth redirect")),
        ("five times: as often as it may be", on(On::blob_get().first(5), Fault::RedirectLoop), Run, Works),
        (
            "six times: 5",
            on(On::manifest_get().first(6), Fault::RedirectLoop),
            Resolve,
            Says("it is the sixth redirect"),
        ),
        ("to a file", to("file:///etc/passwd"), Pull, Says("it is neither HTTPS nor HTTP")),
        ("to FTP", to("ftp://127.0.0.1/x"), Pull, Says("it is neither HTTPS nor HTTP")),
        (
            "to where clouds keep secrets",
            to("http://169.254.169.254/latest/meta-data/"),
            Pull,
            Says("it leads to a link-local address"),
        ),
        (
            "to the same in other clothes",
            to("http://[::ffff:a9fe:a9fe]/"),
            Pull,
            Says("it leads to a link-local address"),
        ),
        ("to nowhere", to(""), Pull, Says("it is empty")),
        ("to nonsense", to("http://[::1"), Pull, Says("it is no address")),
        ("to a user", to("http://me:secret@127.0.0.1/"), Pull, Says("it has a user in it")),
        ("to a port where nobody is", to("http://127.0.0.1:1/"), Pull, Says("there is no connection")),
        ("to a name that is nobody's", to("http://nobody.invalid/"), Pull, Says("its name is not known")),
        (
            "without a place",
            vec![
                (On::blob_get(), Fault::redirect("x")),
                (On::blob_get(), Fault::WithoutHeader("Location".into())),
            ],
            Pull,
            Says("it is empty"),
        ),
        (
            "of a pushed manifest: it is not followed",
            on(On::manifest_put(), Fault::RedirectLoop),
            Push,
            Says("the registry refused to push the manifest"),
        ),
        (
            "of a deletion: it is not followed",
            on(On::manifest_delete(), Fault::redirect("/v2/a/manifests/other")),
            Delete,
            Says("the registry refused to delete"),
        ),
        ("of tags to itself", on(On::tags(), Fault::RedirectLoop), Tags, Says("it is the sixth redirect")),
        ("of an upload in a circle", on(On::upload_start(), Fault::RedirectLoop), Push, Says("cannot reach")),
    ];
    for status in [301, 302, 303, 307, 308] {
        let location = "/v2/a/manifests/other".to_owned();
        cases.push((
            "to another manifest",
            on(On::manifest_get().path("v1").nth(1), Fault::Redirect { status, location }),
            Resolve,
            Works,
        ));
    }
    usual(cases);
}

#[test]
fn parts_of_blobs() {
    // The first request breaks, so that the next one asks for the rest.
    let broken = |fault: Fault| {
        vec![(On::blob_get().whole().nth(1), Fault::ResetInBody(100)), (On::blob_get().ranged(), fault)]
    };
    usual(vec![
        ("200 to a request for a part", broken(Fault::IgnoreRange), Pull, Works),
        ("416", broken(Fault::RefuseRange), Pull, Works),
        ("206 with another part: the whole is read", broken(Fault::ShiftRange(7)), Pull, Works),
        (
            "206 that lies about its part: the whole is read again",
            broken(Fault::LieAboutRange(7)),
            Pull,
            Works,
        ),
        ("the same, into memory", broken(Fault::LieAboutRange(7)), Run, Works),
        ("206 without saying which part", broken(Fault::WithoutHeader("Content-Range".into())), Pull, Works),
        (
            "206 of a blob of another size",
            broken(Fault::header("Content-Range", "bytes 100-191/1000")),
            Pull,
            Works,
        ),
        (
            "206 to a request for the whole",
            on(On::blob_get(), Fault::Answer(test_registry::Answer::new(206))),
            Pull,
            Says("a part where the whole was asked for"),
        ),
        ("the blob has changed in between", broken(Fault::FlipBit(3)), Pull, Works),
        (
            "the blob has changed for ever",
            vec![
                (On::blob_get().whole().nth(1), Fault::ResetInBody(100)),
                (On::blob_get(), Fault::FlipBit(3)),
            ],
            Pull,
            Says("has the digest"),
        ),
        (
            "a part that breaks too",
            vec![
                (On::blob_get().nth(1), Fault::ResetInBody(50)),
                (On::blob_get().nth(2), Fault::ResetInBody(50)),
            ],
            Pull,
            Works,
        ),
        ("a part that is longer than it says", broken(Fault::Chunked), Pull, Works),
    ]);
}

#[test]
fn uploads_that_go_wrong() {
    usual(vec![
        (
            "the upload is forgotten at its end, once: begun again",
            on(On::upload_finish().nth(1), Fault::LoseUpload),
            Push,
            Works,
        ),
        ("the upload is always forgotten", on(On::upload_finish(), Fault::LoseUpload), Push, Says("upload")),
        (
            "the place of an upload is elsewhere and nobody is there",
            on(On::upload_start(), Fault::LocationAt("http://127.0.0.1:1".into())),
            Push,
            Says("there is no connection"),
        ),
        (
            "the place of an upload is no address",
            on(On::upload_start(), Fault::header("Location", "http://[")),
            Push,
            Says("the place of its upload is no address"),
        ),
        (
            "the place of an upload is relative to the last: not understood",
            on(On::upload_start(), Fault::LocationRelative),
            Push,
            Says("the place of its upload is no address"),
        ),
        (
            "an upload without a place",
            on(On::upload_start(), Fault::WithoutHeader("Location".into())),
            Push,
            Says("it does not say where its upload is"),
        ),
        (
            "200 where 202 should be",
            on(On::upload_start(), Fault::Answer(test_registry::Answer::new(200))),
            Push,
            Says("Expected HTTP Status 202"),
        ),
        ("a mount that begins an upload: 202", on(On::mount(), Fault::IgnoreMount), Across, Works),
        ("a mount that is refused", on(On::mount(), busy(403, None)), Across, Works),
        ("a mount that breaks", on(On::mount(), Fault::ResetAfter(0)), Across, Works),
        (
            "a blob that breaks on its way across",
            vec![(On::mount(), Fault::IgnoreMount), (On::blob_get().nth(1), Fault::ResetInBody(100))],
            Across,
            Works,
        ),
        (
            "a blob that breaks on its way across, and is read from its beginning",
            vec![
                (On::mount(), Fault::IgnoreMount),
                (On::blob_get().nth(1), Fault::ResetInBody(100)),
                (On::blob_get().ranged(), Fault::IgnoreRange),
            ],
            Across,
            Works,
        ),
        (
            "a blob that is not what it should be on its way across",
            vec![(On::mount(), Fault::IgnoreMount), (On::blob_get(), Fault::FlipBit(3))],
            Across,
            Says("has the digest"),
        ),
        (
            "too large for one request: in chunks",
            on(On::upload_finish().nth(1), busy(413, None)),
            Push,
            Works,
        ),
        (
            "too large for anything",
            on(On::kind(test_registry::Kind::Upload), busy(413, None)),
            Push,
            Says("413"),
        ),
        (
            "in chunks, of which a part is kept: begun again",
            vec![
                (On::upload_finish().nth(1), busy(413, None)),
                (On::upload_chunk().nth(1), Fault::KeepOfChunk(3)),
            ],
            Push,
            Says("digest"),
        ),
        (
            "in chunks, of which one is refused: begun again",
            vec![
                (On::upload_finish().nth(1), busy(413, None)),
                (On::upload_chunk().nth(1), Fault::RefuseChunk),
            ],
            Push,
            Works,
        ),
        (
            "the registry took another manifest",
            on(On::manifest_put(), Fault::wrong_digest()),
            Push,
            Says("it took the manifest for"),
        ),
        (
            "the registry does not say what it took",
            on(On::manifest_put(), Fault::WithoutHeader("Docker-Content-Digest".into())),
            Push,
            Works,
        ),
        (
            "the registry does not say where the manifest is",
            on(On::manifest_put(), Fault::WithoutHeader("Location".into())),
            Push,
            Works,
        ),
    ]);
    run_all(
        &|| ServerOptions::default().refuse_artifacts(),
        &|_| quick(),
        vec![("a registry of images only takes an image", vec![], Push, Works)],
    );
    run_all(
        &|| ServerOptions::default().read_only(),
        &|_| quick(),
        vec![
            ("a registry that is only read", vec![], Push, Says("UNSUPPORTED")),
            ("is read", vec![], Pull, Works),
        ],
    );
    run_all(
        &|| ServerOptions::default().without_deletion(),
        &|_| quick(),
        vec![("a registry that deletes nothing", vec![], Delete, Says("UNSUPPORTED"))],
    );
    run_all(
        &|| ServerOptions::default().absolute_locations(),
        &|_| quick(),
        vec![("whole addresses", vec![], Push, Works), ("and across", vec![], Across, Works)],
    );
    run_all(
        &|| ServerOptions::default().max_blob(10),
        &|_| quick(),
        vec![("blobs of 10 bytes at the most", vec![], Push, Says("413"))],
    );
}

#[test]
fn a_refusal_of_artifacts_is_advice() {
    let server = ServerOptions::default().refuse_artifacts().start().unwrap();
    let error =
        Registry::new(quick()).unwrap().push(&hello(Format::Artifact), &name(&server, "a:v1")).unwrap_err();
    assert_eq!(
        error.help(),
        Some("some registries refuse artifacts: push an image, `--format compat`"),
        "{error}"
    );
}

#[test]
fn tokens_that_are_wrong() {
    let bearer = || Bearer::new("me", "secret");
    let server = || ServerOptions::default().auth(bearer());
    let client = |server: &test_registry::Registry| {
        let mut options = quick();
        options.logins.insert(server.host(), Login::password("me", "secret"));
        options
    };
    let token = |fault: Fault| on(On::token(), fault);
    let body = |text: &'static str| token(Fault::Body(text.into()));
    run_all(
        &server,
        &client,
        vec![
            ("a token that is good", vec![], Pull, Works),
            (
                "a token for something else: 401 and 401",
                token(Fault::WrongScope),
                Pull,
                Says("the registry does not let us"),
            ),
            (
                "401 for ever",
                on(On::manifest_get(), Fault::Unauthorized),
                Pull,
                Says("the registry does not let us"),
            ),
            (
                "401 for ever, of an upload",
                on(On::upload_start(), Fault::Unauthorized),
                Push,
                Says("the registry does not let us"),
            ),
            ("401 once", on(On::blob_get().nth(1), Fault::Unauthorized), Pull, Works),
            (
                "401 without a challenge",
                vec![
                    (On::manifest_get(), Fault::Unauthorized),
                    (On::manifest_get(), Fault::WithoutHeader("WWW-Authenticate".into())),
                ],
                Pull,
                Says("it wants to know who we are"),
            ),
            (
                "401 with a challenge that nobody knows",
                vec![
                    (On::manifest_get(), Fault::Unauthorized),
                    (On::manifest_get(), Fault::header("WWW-Authenticate", "Negotiate")),
                ],
                Pull,
                Says("it wants to know who we are"),
            ),
            (
                "a challenge of nonsense",
                vec![
                    (On::manifest_get(), Fault::Unauthorized),
                    (On::manifest_get(), Fault::header("WWW-Authenticate", "Bearer realm=\"x")),
                ],
                Pull,
                Says("it wants to know who we are"),
            ),
            (
                "a challenge of 20 KiB: 8 KiB",
                vec![
                    (On::manifest_get(), Fault::Unauthorized),
                    (
                        On::manifest_get(),
                        Fault::header(
                            "WWW-Authenticate",
                            format!("Bearer realm=\"{}\"", "x".repeat(20 << 10)),
                        ),
                    ),
                ],
                Pull,
                Says("it wants to know who we are"),
            ),
            (
                "a realm that is another host",
                on(On::any(), Fault::Realm("https://evil.example/token".into())),
                Pull,
                Says("are not sent to `https://evil.example/token`: it is another host"),
            ),
            (
                "a realm on another machine over plain HTTP",
                on(On::any(), Fault::Realm("http://evil.example/token".into())),
                Pull,
                Says("it is reached over plain HTTP"),
            ),
            (
                "a realm that is a file",
                on(On::any(), Fault::Realm("file:///etc/passwd".into())),
                Pull,
                Says("it is neither HTTPS nor HTTP"),
            ),
            (
                "a realm that is nothing",
                on(On::any(), Fault::Realm("http://[".into())),
                Pull,
                Says("it is no address"),
            ),
            (
                "a token of 64 KiB and a byte: 64 KiB",
                token(Fault::Oversize((64 << 10) + 1)),
                Pull,
                Says("the token has 65537 bytes, more than the limit of 65536"),
            ),
            (
                "a token that never ends: 64 KiB",
                token(Fault::Endless),
                Pull,
                Says("more than the limit of 65536"),
            ),
            ("no token", body("{}"), Pull, Says("it gives no token")),
            ("an empty token", body(r#"{"token":""}"#), Pull, Says("it gives no token")),
            (
                "a token that is no text",
                body(r#"{"token":1}"#),
                Pull,
                Says("its token is no JSON of the right kind"),
            ),
            ("a token in HTML", body("<html>"), Pull, Says("its token is no JSON of the right kind")),
            (
                "a token with a line break",
                body(r#"{"token":"a\r\nX: y"}"#),
                Pull,
                Says("its token cannot stand in a header"),
            ),
            (
                "a token that lives for 10^18 seconds",
                body(r#"{"token":"t","expires_in":1000000000000000000}"#),
                Pull,
                Says("the registry does not let us"),
            ),
            ("500 once", on(On::token().nth(1), busy(500, None)), Pull, Works),
            ("500 for ever", token(busy(500, None)), Pull, Says("500")),
            ("429 once", on(On::token().nth(1), busy(429, Some(RetryAfter::Seconds(1)))), Pull, Works),
            ("403", token(busy(403, None)), Pull, Says("are refused")),
            ("a reset once", on(On::token().nth(1), Fault::ResetAfter(0)), Pull, Works),
            ("half-open: 10 s", token(Fault::StallAfter(0)), Resolve, Says("does not answer")),
            ("a redirect in a circle", token(Fault::RedirectLoop), Pull, Says("it is the sixth redirect")),
            (
                "a redirect to a file",
                token(Fault::redirect("file:///etc/passwd")),
                Pull,
                Says("it is neither HTTPS nor HTTP"),
            ),
        ],
    );
    let expiring = || ServerOptions::default().auth(bearer().uses(1));
    run_all(
        &expiring,
        &client,
        vec![
            ("tokens for one request each", vec![], Pull, Works),
            ("and to push", vec![], Push, Says("the registry does not let us")),
        ],
    );
    let basic = || ServerOptions::default().auth(Auth::basic("me", "secret"));
    run_all(
        &basic,
        &client,
        vec![
            ("a password", vec![], Pull, Works),
            ("401 for ever", on(On::any(), Fault::Unauthorized), Pull, Says("as `me`")),
        ],
    );
}

#[test]
fn tls() {
    let cases = [
        ("a good certificate", Certificate::Valid, true, "", Works),
        (
            "an authority that nobody named",
            Certificate::Valid,
            false,
            "",
            Says("its certificate is not trusted"),
        ),
        (
            "a certificate that has expired",
            Certificate::Expired,
            true,
            "",
            Says("its certificate is not trusted"),
        ),
        (
            "a certificate for another name",
            Certificate::WrongName,
            true,
            "",
            Says("its certificate is not trusted"),
        ),
        ("plain HTTP to a registry with TLS", Certificate::Valid, true, "plain", Says("")),
        ("any certificate, when that is said", Certificate::Expired, false, "insecure", Works),
    ];
    for (case, certificate, trusted, how, outcome) in cases {
        let server = ServerOptions::default().tls(certificate).start().unwrap();
        prepare(&server);
        let mut options = quick();
        options.plain_http = Some(how == "plain");
        options.insecure = how == "insecure";
        if trusted {
            options.certificates = vec![server.certificate().unwrap().into()];
        }
        for wants in [Pull, Push] {
            assert_eq!(judge(case, &server, options.clone(), wants, outcome), None);
        }
    }
    let plain = ServerOptions::default().start().unwrap();
    prepare(&plain);
    let mut options = quick();
    options.plain_http = Some(false);
    assert_eq!(
        judge("TLS to a registry without", &plain, options, Pull, Says("it does not speak TLS")),
        None
    );

    // What ends without saying so is no end.
    let server = ServerOptions::default().tls(Certificate::Valid).start().unwrap();
    prepare(&server);
    let mut options = quick();
    options.certificates = vec![server.certificate().unwrap().into()];
    server.fault(On::blob_get().nth(1), Fault::CloseInBody(100));
    assert_eq!(judge("TLS that is cut off once", &server, options.clone(), Pull, Works), None);
    server.fault(On::manifest_get(), Fault::NoLength);
    server.fault(On::manifest_get(), Fault::CloseInBody(100));
    assert_eq!(
        judge(
            "TLS that is cut off, of a body without a length",
            &server,
            options,
            Resolve,
            Says("the connection broke")
        ),
        None
    );
}

#[test]
fn names_and_addresses() {
    let server = ServerOptions::default().start().unwrap();
    prepare(&server);
    let registry = Registry::new(quick()).unwrap();
    // `localhost` is `::1` too, where nobody listens.
    let local: Reference = format!("localhost:{}/a:v1", server.address().port()).parse().unwrap();
    registry.resolve(&local).unwrap();
    let six = ServerOptions::default().address(std::net::Ipv6Addr::LOCALHOST).start();
    if let Ok(six) = six {
        prepare(&six);
        registry.resolve(&name(&six, "a:v1")).unwrap();
        registry.push(&hello(Format::Compat), &name(&six, "a:v2")).unwrap();
    }
    let nobody: Reference = "nobody.invalid/a:v1".parse().unwrap();
    let error = registry.resolve(&nobody).unwrap_err();
    assert_eq!(error.to_string(), "cannot reach `nobody.invalid`: its name is not known");
    let closed: Reference = "127.0.0.1:1/a:v1".parse().unwrap();
    let error = registry.resolve(&closed).unwrap_err();
    assert_eq!(error.to_string(), "cannot reach `127.0.0.1:1`: there is no connection");
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
    for wants in [Pull, Run, Push, Across, Tags] {
        assert_eq!(
            judge("a registry that is often broken", &server, options.clone(), wants, Works),
            None,
            "{wants:?}"
        );
    }
}
