//! What goes wrong on the way up. The name of each case says what limit it meets.
//!
//! The limits of these tests are shorter than the usual ones, which are in the names.

use test_registry::{Fault, On, Options as ServerOptions};
use wasm_oci::{Format, registry::Registry};

use crate::{
    case::{Across, Delete, Pull, Push, Says, Works, busy, on, run_all, usual},
    hello, name, quick,
};

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
            Says("the place of its upload is neither a whole address nor a path from the root"),
        ),
        (
            "the same, in chunks",
            vec![
                (On::upload_finish().nth(1), busy(413, None)),
                (On::upload_start(), Fault::LocationRelative),
            ],
            Push,
            Says("the place of its upload is neither a whole address nor a path from the root"),
        ),
        (
            "the place of an upload is where clouds keep secrets",
            on(On::upload_start(), Fault::header("Location", "http://169.254.169.254/latest")),
            Push,
            Says("it leads to a link-local address"),
        ),
        (
            "the same in other clothes",
            on(On::upload_start(), Fault::header("Location", "http://[::ffff:a9fe:a9fe]/latest")),
            Push,
            Says("it leads to a link-local address"),
        ),
        (
            "an upload is led to where clouds keep secrets",
            on(On::upload_start(), Fault::redirect("http://169.254.169.254/latest")),
            Push,
            Says("it leads an upload to where none goes"),
        ),
        (
            "the end of an upload is led there",
            on(
                On::upload_finish(),
                Fault::Redirect { status: 303, location: "http://169.254.169.254/latest".into() },
            ),
            Push,
            Says("it leads an upload to where none goes"),
        ),
        (
            "an upload is led to a wire of IPv6",
            on(On::upload_start(), Fault::redirect("http://[fe80::1]/")),
            Push,
            Says("it leads an upload to where none goes"),
        ),
        (
            "a mount is led to where clouds keep secrets: the blob is sent",
            on(On::mount(), Fault::redirect("http://169.254.169.254/latest")),
            Across,
            Works,
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
