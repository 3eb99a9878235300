//! Where a registry sends us, and what it makes of a request for a part. The name of each case says what limit it meets.
//!
//! The limits of these tests are shorter than the usual ones, which are in the names.

use test_registry::{Fault, On};

use crate::case::{Case, Delete, Pull, Push, Resolve, Run, Says, Tags, Works, on, usual};

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
