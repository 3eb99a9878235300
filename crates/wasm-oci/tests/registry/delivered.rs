//! Documents and blobs that are right, and come wrong. The name of each case is followed by the limit that it meets.

use bytes::Bytes;
use test_registry::{Fault, On};
use wasm_oci::Format;

use crate::{
    case::{Pull, Referrers, Resolve, Run, Says, Tags, Works, usual},
    hello,
};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const LIMIT: usize = 4 << 20;

#[test]
fn documents_that_come_wrong() {
    let other = hello(Format::Legacy);
    let other = other.digest().to_string();
    let pages = |body: &str| vec![(On::tags(), Fault::Body(Bytes::from(body.to_owned())))];
    usual(vec![
        (
            "a manifest of 4 MiB and a byte: 4 MiB",
            vec![(On::manifest_get(), Fault::Oversize(LIMIT as u64 + 1))],
            Pull,
            Says("the manifest has 4194305 bytes, more than the limit of 4194304"),
        ),
        (
            "a manifest of 10 MiB without a length: 4 MiB",
            vec![(On::manifest_get(), Fault::Oversize(10 << 20)), (On::manifest_get(), Fault::Chunked)],
            Resolve,
            Says("more than the limit of 4194304"),
        ),
        (
            "a manifest that never ends: 4 MiB",
            vec![(On::manifest_get(), Fault::Endless)],
            Pull,
            Says("more than the limit of 4194304"),
        ),
        (
            "a manifest that is longer than it says",
            vec![(On::manifest_get(), Fault::LengthShorter(9))],
            Pull,
            Says("malformed"),
        ),
        (
            "a manifest that is shorter than it says",
            vec![(On::manifest_get(), Fault::LengthLonger(9))],
            Pull,
            Says("the connection broke"),
        ),
        (
            "a manifest of 2^63 bytes, it says",
            vec![(On::manifest_get(), Fault::ContentLength(1 << 63))],
            Pull,
            Says("more than the limit of 4194304"),
        ),
        (
            "a manifest without an end: none is believed",
            vec![(On::manifest_get(), Fault::ChunkedUnfinished)],
            Pull,
            Says("the connection broke"),
        ),
        ("a manifest without a length", vec![(On::manifest_get(), Fault::NoLength)], Pull, Works),
        ("a manifest in chunks", vec![(On::manifest_get(), Fault::Chunked)], Pull, Works),
        ("a manifest with a bit flipped", vec![(On::manifest_get(), Fault::FlipBit(40))], Pull, Says("")),
        (
            "a manifest whose digest is claimed to be another",
            vec![(On::manifest_get(), Fault::wrong_digest())],
            Pull,
            Says("has the digest"),
        ),
        (
            "a digest that is claimed and is none",
            vec![(On::manifest_get(), Fault::header("Docker-Content-Digest", "x"))],
            Pull,
            Says("is no digest"),
        ),
        (
            "no digest is claimed",
            vec![(On::manifest_get(), Fault::WithoutHeader("Docker-Content-Digest".into()))],
            Pull,
            Works,
        ),
        (
            "a manifest of another media type than it says",
            vec![(On::manifest_get(), Fault::content_type(INDEX))],
            Pull,
            Says("it calls itself"),
        ),
        (
            "a media type with a parameter",
            vec![(On::manifest_get(), Fault::content_type(format!("{MANIFEST}; charset=utf-8")))],
            Pull,
            Works,
        ),
        (
            "a manifest without a media type outside",
            vec![(On::manifest_get(), Fault::WithoutHeader("Content-Type".into()))],
            Pull,
            Works,
        ),
        (
            "a page in HTML",
            vec![
                (On::manifest_get(), Fault::content_type("text/html")),
                (On::manifest_get(), Fault::Body("<html>".into())),
            ],
            Pull,
            Says("malformed"),
        ),
        (
            "a manifest in gzip",
            vec![(On::manifest_get(), Fault::Gzip)],
            Pull,
            Says("encodes the content as `gzip`"),
        ),
        (
            "the tag moves while it is read: what was read counts",
            vec![(On::manifest_get().nth(1), Fault::move_tag("a", "v1", other.clone()))],
            Pull,
            Works,
        ),
        (
            "the tag moves between two requests",
            vec![(On::manifest_head(), Fault::move_tag("a", "v1", other))],
            Run,
            Works,
        ),
        (
            "a blob with a bit flipped",
            vec![(On::blob_get(), Fault::FlipBit(9))],
            Pull,
            Says("has the digest"),
        ),
        (
            "a blob with a bit flipped, into memory",
            vec![(On::blob_get(), Fault::FlipBit(9))],
            Run,
            Says("has the digest"),
        ),
        (
            "a blob that is something else of another length",
            vec![(On::blob_get(), Fault::Content("x".into()))],
            Pull,
            Says("bytes to send"),
        ),
        ("a blob that never ends", vec![(On::blob_get(), Fault::Endless)], Pull, Says("its descriptor says")),
        (
            "a blob that never ends, into memory",
            vec![(On::blob_get(), Fault::Endless)],
            Run,
            Says("its descriptor says"),
        ),
        (
            "a blob that is longer than it says",
            vec![(On::blob_get(), Fault::LengthShorter(9))],
            Pull,
            Says("bytes to send"),
        ),
        (
            "a blob that is shorter than it says",
            vec![(On::blob_get(), Fault::LengthLonger(9))],
            Pull,
            Says("bytes to send"),
        ),
        ("a blob without a length", vec![(On::blob_get(), Fault::NoLength)], Pull, Works),
        ("a blob in chunks", vec![(On::blob_get(), Fault::Chunked)], Pull, Works),
        (
            "a blob whose digest is claimed to be another: ours counts",
            vec![(On::blob_get(), Fault::wrong_digest())],
            Pull,
            Works,
        ),
        (
            "a blob in gzip, that nobody asked for: it is not decoded",
            vec![(On::blob_get(), Fault::Gzip)],
            Pull,
            Says("encodes the content as `gzip`"),
        ),
        (
            "a blob that is said to be in gzip",
            vec![(On::blob_get(), Fault::header("Content-Encoding", "gzip"))],
            Run,
            Says("encodes the content as `gzip`"),
        ),
        (
            "a blob that is said to be as it is",
            vec![(On::blob_get(), Fault::header("Content-Encoding", "identity"))],
            Run,
            Works,
        ),
        (
            "tags of 1 MiB and a byte: 1 MiB",
            vec![(On::tags(), Fault::Oversize((1 << 20) + 1))],
            Tags,
            Says("the tags has 1048577 bytes, more than the limit of 1048576"),
        ),
        (
            "tags that never end: 1 MiB",
            vec![(On::tags(), Fault::Endless)],
            Tags,
            Says("more than the limit of 1048576"),
        ),
        (
            "tags whose next page is this one",
            vec![(On::tags(), Fault::PageLoop)],
            Tags,
            Says("leads back to an earlier one"),
        ),
        (
            "tags that always have a next page: 1,000 pages",
            vec![(On::tags(), Fault::PageEndless)],
            Tags,
            Says("more than 1000 pages"),
        ),
        (
            "tags whose next page is elsewhere",
            vec![(On::tags(), Fault::header("Link", "<https://evil.example/v2/>; rel=\"next\""))],
            Tags,
            Says("the next page is elsewhere, at `evil.example`"),
        ),
        (
            "tags whose next page is a file",
            vec![(On::tags(), Fault::header("Link", "<file:///etc/passwd>; rel=\"next\""))],
            Tags,
            Says("the next page is elsewhere"),
        ),
        ("no list of tags", pages("[]"), Tags, Says("malformed the tags")),
        ("tags that are null", pages(r#"{"name":"a","tags":null}"#), Tags, Works),
        ("a tag that is none: it is left out", pages(r#"{"name":"a","tags":["../x","v1"]}"#), Tags, Works),
        ("tags that are numbers", pages(r#"{"name":"a","tags":[1]}"#), Tags, Says("malformed the tags")),
        (
            "200,000 tags in a page: 32,768 values",
            pages(&format!(r#"{{"tags":[{}]}}"#, vec![r#""a""#; 200_000].join(","))),
            Tags,
            Says("more than 32768 values"),
        ),
        (
            "referrers that never end: 4 MiB",
            vec![(On::referrers(), Fault::Endless)],
            Referrers,
            Says("more than the limit of 4194304"),
        ),
        (
            "referrers whose next page is this one",
            vec![(On::referrers(), Fault::PageLoop)],
            Referrers,
            Says("leads back"),
        ),
        (
            "referrers that are none",
            vec![(On::referrers(), Fault::Body("{}".into()))],
            Referrers,
            Says("malformed the referrers"),
        ),
    ]);
}
