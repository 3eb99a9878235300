//! Hostile documents, as they come over HTTP. The name of each case is followed by the limit that it meets.

use std::io::Read;

use oci_spec::image::MediaType;
use serde_json::{Value, json};
use test_registry::{Options as ServerOptions, Registry as Server, sha512};
use wasm_oci::{Format, sha256};

use crate::{
    case::{Outcome, Pull, Run, Says, Wants, Works, judge, prepare, put},
    hello, quick,
};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const LIMIT: usize = 4 << 20;

/// The manifest of the hello guest, with this done to it.
fn edited(format: Format, edit: impl FnOnce(&mut Value)) -> String {
    let mut manifest: Value = serde_json::from_slice(hello(format).manifest_bytes()).unwrap();
    edit(&mut manifest);
    manifest.to_string()
}

fn artifact(edit: impl FnOnce(&mut Value)) -> String {
    edited(Format::Artifact, edit)
}

/// The same with this text in place of another.
fn replaced(from: &str, to: &str) -> String {
    let text = artifact(|_| ());
    assert!(text.contains(from), "{from} in {text}");
    text.replacen(from, to, 1)
}

fn entry(image: &wasm_oci::Artifact, platform: Option<&str>) -> Value {
    let descriptor = image.descriptor();
    let mut entry = json!({"mediaType": MANIFEST, "digest": descriptor.digest(), "size": descriptor.size()});
    if let Some((os, architecture)) = platform.and_then(|text| text.split_once('/')) {
        entry["platform"] = json!({"os": os, "architecture": architecture});
    }
    entry
}

fn index(entries: &[Value]) -> String {
    json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).to_string()
}

/// An index in an index in an index, so many deep.
fn nested(server: &Server, depth: usize) -> String {
    let mut text = index(&[entry(&hello(Format::Artifact), Some("wasi/wasm"))]);
    for _ in 1..depth {
        let digest = server.put_manifest("a", "inner", INDEX, text.clone());
        text = index(&[json!({"mediaType": INDEX, "digest": digest, "size": text.len()})]);
    }
    text
}

/// What stands at `a:v1`, of which media type, and what must come of it.
type Document = (&'static str, &'static str, String, Wants, Outcome);

fn documents(server: &Server) -> Vec<Document> {
    let hello = hello(Format::Artifact);
    let layer = hello.layers()[0].descriptor();
    let digest = layer.digest().to_string();
    let size = format!("\"size\":{}", layer.size());
    let wasm = hello.wasm().unwrap();
    let by_sha512 = sha512(&wasm);
    server.put_blob_as("a", &by_sha512, wasm);
    put(server, "a", "compat", &crate::hello(Format::Compat));
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let many = |count: usize| {
        artifact(|manifest| {
            let layer = manifest["layers"][0].clone();
            manifest["layers"] = vec![layer; count].into();
        })
    };
    let padded = |length: usize| {
        let text = artifact(|_| ());
        let spaces = " ".repeat(length - text.len());
        text + &spaces
    };
    let annotated = |value: Value| artifact(|manifest| manifest["annotations"] = json!({"a": value}));
    let raw = |annotation: &str| {
        replaced("\"schemaVersion\":2", &format!("\"schemaVersion\":2,\"x\":{annotation}"))
    };
    vec![
        ("a manifest of 4 MiB: as large as it may be", MANIFEST, padded(LIMIT), Pull, Works),
        ("no layers, into a layout", MANIFEST, many(0), Pull, Works),
        ("no layers, to be run", MANIFEST, many(0), Run, Says("layer digests are not those of the manifest")),
        ("128 layers: as many as there may be", MANIFEST, many(128), Pull, Works),
        ("129 layers: 128", MANIFEST, many(129), Pull, Says("more than 128 layers")),
        ("10,000 layers: 32,768 values", MANIFEST, many(10_000), Pull, Says("more than 32768 values")),
        (
            "two layers, to be run",
            MANIFEST,
            many(2),
            Run,
            Says("layer digests are not those of the manifest"),
        ),
        (
            "a layer whose size is too small",
            MANIFEST,
            replaced(&size, "\"size\":5"),
            Pull,
            Says("bytes to send"),
        ),
        (
            "a layer whose size is too large",
            MANIFEST,
            replaced(&size, "\"size\":50000"),
            Pull,
            Says("bytes to send"),
        ),
        (
            "a layer of 1 TiB: 1 GiB",
            MANIFEST,
            replaced(&size, "\"size\":1099511627776"),
            Pull,
            Says("the blob has 1099511627776 bytes, more than the limit of 1073741824"),
        ),
        (
            "a layer of 1 TiB, into memory: 1 GiB",
            MANIFEST,
            replaced(&size, "\"size\":1099511627776"),
            Run,
            Says("the layer has 1099511627776 bytes, more than the limit of 1073741824"),
        ),
        (
            "a layer of 2^64 bytes",
            MANIFEST,
            replaced(&size, "\"size\":18446744073709551616"),
            Pull,
            Says("malformed"),
        ),
        ("a layer of -1 bytes", MANIFEST, replaced(&size, "\"size\":-1"), Pull, Says("malformed")),
        (
            "a layer of 10^400 bytes",
            MANIFEST,
            replaced(&size, &format!("\"size\":1{}", "0".repeat(400))),
            Pull,
            Says("malformed"),
        ),
        (
            "a config of 5 MiB: 4 MiB",
            MANIFEST,
            artifact(|it| it["config"]["size"] = json!(5 << 20)),
            Run,
            Says("the config has 5242880 bytes, more than the limit of 4194304"),
        ),
        ("a digest that is a path", MANIFEST, replaced(&digest, "sha256:../../x"), Pull, Says("malformed")),
        (
            "a digest in capitals",
            MANIFEST,
            replaced(&digest, &digest.to_uppercase()),
            Pull,
            Says("malformed"),
        ),
        (
            "a digest with capital digits",
            MANIFEST,
            replaced(&digest, &digest.to_uppercase().replace("SHA256", "sha256")),
            Pull,
            Says("malformed"),
        ),
        ("a short digest", MANIFEST, replaced(&digest, &digest[..70]), Pull, Says("malformed")),
        ("a digest without an algorithm", MANIFEST, replaced(&digest, &digest[7..]), Pull, Says("malformed")),
        ("an empty digest", MANIFEST, replaced(&digest, ""), Pull, Says("malformed")),
        ("sha512", MANIFEST, artifact(|it| it["layers"][0]["digest"] = json!(by_sha512)), Pull, Works),
        (
            "an algorithm that nobody knows",
            MANIFEST,
            replaced(&digest, "blake3:00ff"),
            Pull,
            Says("neither sha256 nor sha512"),
        ),
        (
            "sha1",
            MANIFEST,
            replaced(&digest, &format!("sha1:{}", "a".repeat(40))),
            Pull,
            Says("neither sha256 nor sha512"),
        ),
        (
            "a layer that is not there",
            MANIFEST,
            replaced(&digest, sha256(b"absent").as_ref()),
            Pull,
            Says("is not there"),
        ),
        (
            "manifest and index at once, as a manifest",
            MANIFEST,
            artifact(|it| it["manifests"] = json!([])),
            Pull,
            Says("it has `manifests` as an index has"),
        ),
        (
            "manifest and index at once, as an index",
            INDEX,
            artifact(|it| {
                it["manifests"] = json!([]);
                it["mediaType"] = json!(INDEX);
            }),
            Pull,
            Says("as a manifest has"),
        ),
        ("a manifest that is called an index", INDEX, artifact(|_| ()), Pull, Says("it calls itself")),
        ("an index that is called a manifest", MANIFEST, index(&[]), Pull, Says("it calls itself")),
        (
            "a manifest that does not say what it is",
            MANIFEST,
            artifact(|it| drop(it.as_object_mut().unwrap().remove("mediaType"))),
            Pull,
            Works,
        ),
        (
            "a manifest of another kind",
            MANIFEST,
            artifact(|it| it["mediaType"] = json!("text/html")),
            Pull,
            Says("it calls itself `text/html`"),
        ),
        (
            "a media type that nobody asked for",
            "text/html",
            artifact(|it| it["mediaType"] = json!("text/html")),
            Pull,
            Says("is not there"),
        ),
        (
            "schema version 1",
            MANIFEST,
            artifact(|it| it["schemaVersion"] = json!(1)),
            Pull,
            Says("its schema version is not 2"),
        ),
        (
            "schema version 3",
            MANIFEST,
            artifact(|it| it["schemaVersion"] = json!(3)),
            Pull,
            Says("its schema version is not 2"),
        ),
        (
            "no schema version",
            MANIFEST,
            artifact(|it| drop(it.as_object_mut().unwrap().remove("schemaVersion"))),
            Pull,
            Says("malformed the manifest"),
        ),
        (
            "no config",
            MANIFEST,
            artifact(|it| drop(it.as_object_mut().unwrap().remove("config"))),
            Pull,
            Says("it has no `config`"),
        ),
        (
            "`layers` that are no list",
            MANIFEST,
            artifact(|it| it["layers"] = json!("x")),
            Pull,
            Says("malformed"),
        ),
        ("a list", MANIFEST, "[]".to_owned(), Pull, Says("malformed")),
        ("nothing", MANIFEST, String::new(), Pull, Says("malformed")),
        ("half a document", MANIFEST, artifact(|_| ())[..200].to_owned(), Pull, Says("malformed")),
        ("two documents", MANIFEST, format!("{0}{0}", artifact(|_| ())), Pull, Says("malformed")),
        ("a byte order mark", MANIFEST, format!("\u{feff}{}", artifact(|_| ())), Pull, Says("malformed")),
        (
            "`data` that is something else: it is never used",
            MANIFEST,
            artifact(|it| it["layers"][0]["data"] = json!("AAAA")),
            Run,
            Works,
        ),
        (
            "`data` that is no base64",
            MANIFEST,
            artifact(|it| it["layers"][0]["data"] = json!("!")),
            Pull,
            Works,
        ),
        ("annotations of 1 MiB", MANIFEST, annotated("x".repeat(1 << 20).into()), Pull, Works),
        ("an annotation that is no text", MANIFEST, annotated(json!({"b": 1})), Run, Says("malformed")),
        ("a NUL in an annotation", MANIFEST, annotated("\0".into()), Run, Works),
        ("lists 10,000 deep where nobody looks: 128", MANIFEST, raw(&deep), Pull, Says("malformed")),
        (
            "lists 10,000 deep: 128",
            MANIFEST,
            replaced("\"layers\":", &format!("\"annotations\":{deep},\"layers\":")),
            Run,
            Says("malformed"),
        ),
        (
            "the same field twice",
            MANIFEST,
            replaced("\"schemaVersion\":2", "\"schemaVersion\":2,\"schemaVersion\":2"),
            Pull,
            Says("it has the key `schemaVersion` twice"),
        ),
        (
            "`layers` twice",
            MANIFEST,
            replaced("\"layers\":", "\"layers\":[],\"layers\":"),
            Pull,
            Says("it has the key `layers` twice"),
        ),
        ("NaN", MANIFEST, raw("NaN"), Pull, Says("malformed")),
        (
            "a lone surrogate",
            MANIFEST,
            replaced("\"layers\":", "\"annotations\":{\"a\":\"\\ud800\"},\"layers\":"),
            Run,
            Says("malformed"),
        ),
        ("bytes that are no UTF-8", MANIFEST, raw("\"\u{fffd}\""), Pull, Works),
        (
            "a subject that is the layer",
            MANIFEST,
            artifact(|it| {
                let layer = it["layers"][0].clone();
                it["subject"] = layer;
            }),
            Pull,
            Works,
        ),
        (
            "a subject that is not there",
            MANIFEST,
            artifact(|it| it["subject"] = entry(&crate::hello(Format::Runwasi), None)),
            Pull,
            Works,
        ),
        (
            "a CNCF config of other layers",
            MANIFEST,
            artifact(|it| {
                let config = it["config"].clone();
                it["layers"] = json!([config]);
            }),
            Run,
            Says("layer digests are not those"),
        ),
        (
            "an image without its diff ids",
            MANIFEST,
            edited(Format::Compat, |it| it["layers"] = json!([])),
            Run,
            Says("diff ids"),
        ),
        ("an index of none", INDEX, index(&[]), Pull, Works),
        ("an index of none, to be run", INDEX, index(&[]), Run, Says("no image of WebAssembly")),
        (
            "one platform twice: the first counts",
            INDEX,
            index(&[
                entry(&hello, Some("wasi/wasm")),
                entry(&crate::hello(Format::Legacy), Some("wasi/wasm")),
            ]),
            Run,
            Works,
        ),
        (
            "an index of the same again and again",
            INDEX,
            index(&vec![entry(&hello, Some("wasi/wasm")); 1000]),
            Pull,
            Works,
        ),
        (
            "an index of 1,001: 1,000",
            INDEX,
            index(&vec![entry(&hello, Some("wasi/wasm")); 1001]),
            Pull,
            Says("more than 1000 manifests"),
        ),
        (
            "an index whose entry is not there",
            INDEX,
            index(&[entry(&crate::hello(Format::Runwasi), None)]),
            Pull,
            Says("is not there"),
        ),
        (
            "an entry with a wrong size",
            INDEX,
            index(&[{
                let mut it = entry(&hello, Some("wasi/wasm"));
                it["size"] = json!(7);
                it
            }]),
            Pull,
            Says("its descriptor says 7"),
        ),
        (
            "an entry of 5 MiB: 4 MiB",
            INDEX,
            index(&[{
                let mut it = entry(&hello, Some("wasi/wasm"));
                it["size"] = json!(5 << 20);
                it
            }]),
            Pull,
            Says("more than the limit of 4194304"),
        ),
        (
            "an entry of another media type",
            INDEX,
            index(&[{
                let mut it = entry(&hello, Some("wasi/wasm"));
                it["mediaType"] = json!("application/vnd.docker.distribution.manifest.v2+json");
                it
            }]),
            Pull,
            Says("its descriptor calls it"),
        ),
        (
            "an entry that is a layer",
            INDEX,
            index(&[json!({"mediaType": "application/wasm", "digest": digest, "size": layer.size()})]),
            Pull,
            Says("is not there"),
        ),
        ("indexes 4 deep: as deep as they may be", INDEX, nested(server, 4), Pull, Works),
        ("indexes 5 deep: 4", INDEX, nested(server, 5), Pull, Says("more than 4 deep")),
        ("indexes 50 deep: 4", INDEX, nested(server, 50), Pull, Says("more than 4 deep")),
        ("an index in an index, to be run", INDEX, nested(server, 2), Run, Says("no image of WebAssembly")),
    ]
}

#[test]
fn documents_that_are_wrong() {
    let mut wrong = vec![];
    for number in 0.. {
        let server = ServerOptions::default().start().unwrap();
        prepare(&server);
        let mut all = documents(&server);
        if number >= all.len() {
            break;
        }
        let (case, media_type, document, wants, outcome) = all.swap_remove(number);
        server.put_manifest("a", "v1", media_type, document);
        wrong.extend(judge(case, &server, quick(), wants, outcome));
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

/// A layer that is elsewhere is not fetched from there: the registry has it, or it is not there.
#[test]
fn foreign_layers_are_not_fetched() {
    let (server, elsewhere) =
        (ServerOptions::default().start().unwrap(), ServerOptions::default().start().unwrap());
    prepare(&server);
    let foreign = artifact(|it| {
        it["layers"][0]["urls"] = json!([format!("{}/v2/a/blobs/x", elsewhere.url())]);
        it["layers"][0]["mediaType"] = json!("application/vnd.oci.image.layer.nondistributable.v1.tar");
    });
    server.put_manifest("a", "v1", MANIFEST, foreign.clone());
    assert_eq!(judge("a layer that is here too", &server, quick(), Pull, Works), None);
    let absent = foreign
        .replace(hello(Format::Artifact).layers()[0].descriptor().digest().as_ref(), sha256(b"x").as_ref());
    server.put_manifest("a", "v1", MANIFEST, absent);
    assert_eq!(judge("a layer that is elsewhere only", &server, quick(), Pull, Says("is not there")), None);
    assert!(elsewhere.requests().is_empty());
}

/// 64 MiB in 64 KiB: more than 200 times, and more than 16 MiB.
#[test]
fn a_layer_that_explodes() {
    let server = ServerOptions::default().start().unwrap();
    let image = hello(Format::Compat);
    let gzip = flate2::write::GzEncoder::new(vec![], flate2::Compression::best());
    let mut tar = tar::Builder::new(gzip);
    let mut header = tar::Header::new_gnu();
    header.set_size(64 << 20);
    tar.append_data(&mut header, "zeros", std::io::repeat(0).take(64 << 20)).unwrap();
    let bomb = tar.into_inner().unwrap().finish().unwrap();
    server.put_blob("a", image.config_bytes().clone());
    let text = edited(Format::Compat, |it| {
        it["layers"][0]["digest"] = json!(sha256(&bomb));
        it["layers"][0]["size"] = json!(bomb.len());
    });
    server.put_blob("a", bomb);
    server.put_manifest("a", "v1", MediaType::ImageManifest.as_ref(), text);
    assert_eq!(judge("a bomb in a layout is a blob as others", &server, quick(), Pull, Works), None);
    assert_eq!(
        judge("a bomb is not run: 16 MiB", &server, quick(), Run, Says("more than the limit of 16777216")),
        None
    );
}
