//! From one format to the others and back: the same program, the same metadata.

use proptest::prelude::*;
use serde_json::json;
use wasm_oci::{Artifact, Compression, Error, Format, Loss, Pack, Platform};

use crate::made::{IMAGE_CONFIG, artifact};

const WRITTEN: [Format; 4] = [Format::Compat, Format::Runwasi, Format::Artifact, Format::Legacy];

/// Those that this build has.
const COMPRESSIONS: &[Compression] = if cfg!(feature = "zstd") {
    &[Compression::Gzip, Compression::None, Compression::Zstd]
} else {
    &[Compression::Gzip, Compression::None]
};

fn to(artifact: &Artifact, format: Format) -> Artifact {
    artifact.convert(format, Loss::Refuse).unwrap().artifact
}

/// All that a pack can say.
fn packs() -> impl Strategy<Value = Pack> {
    let platforms = prop::sample::select(vec![
        "wasi/wasm",
        "wasip1/wasm",
        "wasip2/wasm",
        "linux/arm64/v8",
        "wasi/wasm32",
    ]);
    let times = prop::option::of(prop_oneof![
        Just("1970-01-01T00:00:00Z".to_owned()),
        Just("1970-01-01T00:00:07Z".to_owned()),
        Just("2026-11-23T04:05:06.789+01:00".to_owned()),
        ".{0,10}",
    ]);
    (
        (any::<bool>(), "(/[a-z]{1,8}){0,2}/[a-zA-Z0-9_-]{1,20}(\\.wasm)?", prop::option::of(".{0,20}")),
        prop::collection::vec(".*", 0..3),
        prop::collection::vec("[A-Z]{1,5}=.*", 0..3),
        prop::collection::btree_map(
            "[a-z.]{1,20}|module\\.wasm\\.image/variant",
            "compat|compat-smart|.*",
            0..4,
        ),
        (platforms, times, prop::option::of(".*"), prop_oneof![Just(0), Just(7), any::<u32>()]),
        prop::sample::select(COMPRESSIONS),
    )
        .prop_map(
            |(
                (component, path, title),
                args,
                env,
                notes,
                (platform, created, author, modified),
                compression,
            )| {
                let wasm = if component { guests::COMPONENT.wasm() } else { guests::TRAP.wasm() };
                let mut pack = Pack::new(wasm, &path).unwrap().modified(modified.into());
                pack = args.iter().fold(pack, Pack::arg);
                pack = env.iter().fold(pack, Pack::env);
                pack = notes.iter().fold(pack, |pack, (name, value)| pack.annotation(name, value));
                pack = title.into_iter().fold(pack, Pack::title);
                pack = created.into_iter().fold(pack, Pack::created);
                pack = author.into_iter().fold(pack, Pack::author);
                pack.platform(platform.parse::<Platform>().unwrap()).compression(compression)
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Every pair of formats. The digest covers it all: module, title, annotations, entrypoint, arguments, environment,
    /// dates, author, platform, compression.
    #[test]
    fn there_and_back(pack in packs()) {
        let direct = pack.build(Format::Artifact).unwrap();
        for (a, b) in WRITTEN.into_iter().flat_map(|a| WRITTEN.map(|b| (a, b))) {
            let first = pack.build(a).unwrap();
            let there = to(&first, b);
            prop_assert_eq!(there.format(), b);
            prop_assert_eq!(there.wasm().unwrap(), first.wasm().unwrap());
            prop_assert_eq!(there.entrypoint(), first.entrypoint());
            let process = |image: &Artifact| {
                let process = image.config().config().clone().unwrap();
                (process.cmd().clone(), process.env().clone())
            };
            prop_assert_eq!(process(&there), process(&first));
            let back = to(&there, a);
            prop_assert_eq!(back.manifest(), first.manifest());
            prop_assert_eq!(back.digest(), first.digest());
            // By a third one as well.
            let third = to(&there, Format::Artifact);
            prop_assert_eq!(third.digest(), direct.digest());
        }
    }
}

/// Other files travel between the formats that have room for them, and are named by the others.
#[test]
fn files_go_along_or_are_named() {
    let pack = Pack::new(guests::HELLO.wasm(), "/bin/app.wasm").unwrap().arg("x");
    let pack = pack.file("/etc/app/conf", "a=1").unwrap().file("/data", vec![7; 5000]).unwrap();
    for compression in [Compression::None, Compression::Gzip] {
        let pack = pack.clone().compression(compression).modified(77);
        let (compat, runwasi) = (pack.build(Format::Compat).unwrap(), pack.build(Format::Runwasi).unwrap());
        assert_eq!(to(&compat, Format::Runwasi).digest(), runwasi.digest(), "{compression}");
        assert_eq!(to(&runwasi, Format::Compat).digest(), compat.digest(), "{compression}");
        assert_eq!(compat.layers()[0].descriptor(), runwasi.layers()[0].descriptor());
        assert_eq!(compat.layers()[0].compression().unwrap(), compression);
        assert_eq!(files(&compat), ["data", "etc/app/conf", "bin/app.wasm"]);
        for format in [Format::Artifact, Format::Legacy] {
            let lost = ["the file /data", "the file /etc/app/conf"];
            for image in [&compat, &runwasi] {
                let error = image.convert(format, Loss::Refuse).unwrap_err();
                assert!(matches!(error, Error::Lossy { lost: named, .. } if *named == lost));
                let converted = image.convert(format, Loss::Accept).unwrap();
                assert_eq!(converted.lost, lost);
                assert_eq!(converted.artifact.wasm().unwrap(), guests::HELLO.wasm());
            }
            assert!(matches!(pack.build(format), Err(Error::Lossy { lost: named, .. }) if *named == lost));
        }
    }
}

fn files(image: &Artifact) -> Vec<String> {
    let mut names = vec![];
    for layer in image.layers() {
        let mut tar = tar::Archive::new(layer.open().unwrap());
        for entry in tar.entries().unwrap() {
            names.push(entry.unwrap().path().unwrap().display().to_string());
        }
    }
    names
}

#[test]
fn files_that_cannot_be() {
    let pack = || Pack::new(guests::HELLO.wasm(), "/a/app.wasm").unwrap().file("/b/c", "").unwrap();
    for (path, why) in [
        ("b", "it does not begin with `/`"),
        ("/b/../c", "it has an empty, `.` or `..` part"),
        ("/a/app.wasm", "it is the program's"),
        ("/a", "a file cannot be a directory as well"),
        ("/a/app.wasm/x", "a file cannot be a directory as well"),
        ("/b", "a file cannot be a directory as well"),
        ("/b/c/d", "a file cannot be a directory as well"),
    ] {
        let error = pack().file(path, "").unwrap_err();
        assert_eq!(error.to_string(), format!("`{path}` cannot be a path in an image: {why}"));
    }
    // Not below it, though the name begins alike; and the same one again.
    pack().file("/b/cd", "").unwrap().file("/b/c", "new").unwrap().file("/app", "").unwrap();
}

/// Layers of others travel as they are: owners, times and whatever else the tar says.
#[test]
fn layers_of_others_go_along() {
    let hello = crate::hello();
    let foreign = two_files();
    let mut config: serde_json::Value = serde_json::from_slice(hello.config_bytes()).unwrap();
    let diff_id = config["rootfs"]["diff_ids"][0].clone();
    config["rootfs"]["diff_ids"] = json!([diff_id, wasm_oci::sha256(&foreign).to_string()]);
    let layers = [
        ("application/vnd.oci.image.layer.v1.tar+gzip", hello.layers()[0].blob().as_ref()),
        ("application/vnd.oci.image.layer.v1.tar", foreign.as_slice()),
    ];
    let image = artifact((IMAGE_CONFIG, &config.to_string()), &layers).unwrap();
    let runwasi = to(&image, Format::Runwasi);
    assert_eq!(runwasi.layers()[0].blob(), &foreign);
    assert_eq!(runwasi.config().rootfs().diff_ids().len(), 1);
    let back = to(&runwasi, Format::Compat);
    assert_eq!(back.wasm().unwrap(), guests::HELLO.wasm());
    assert_eq!(files(&back), ["app/main.wasm", "etc/app.conf", "hello.wasm"]);
    let named = image.convert(Format::Artifact, Loss::Accept).unwrap().lost;
    assert_eq!(named, ["the file /app/main.wasm", "the file /etc/app.conf"]);
}

#[test]
fn to_its_own_format_nothing_changes() {
    for format in WRITTEN {
        let made = Pack::new(guests::HELLO.wasm(), "/a.wasm").unwrap().build(format).unwrap();
        assert_eq!(to(&made, format).digest(), made.digest());
    }
}

/// A compat image as Docker builds it: other fields of the process travel, Docker's own are named.
#[test]
fn images_of_others() {
    let hello = crate::hello();
    let mut config: serde_json::Value = serde_json::from_slice(hello.config_bytes()).unwrap();
    config["created"] = json!("2026-11-23T04:05:06.123456789Z");
    config["history"] = json!([{"created_by": "COPY hello.wasm /"}]);
    config["config"] = json!({
        "Entrypoint": ["hello.wasm", "--flag"], "Cmd": ["x"], "WorkingDir": "/", "User": "1000",
        "Labels": {"a": "b"}, "ExposedPorts": {"80/tcp": {}}, "StopSignal": "SIGINT", "Hostname": "", "OnBuild": null,
    });
    let layer = ("application/vnd.oci.image.layer.v1.tar+gzip", hello.layers()[0].blob().as_ref());
    let image = artifact((IMAGE_CONFIG, &config.to_string()), &[layer]).unwrap();
    let back = to(&to(&to(&image, Format::Legacy), Format::Artifact), Format::Compat);
    assert_eq!(back.config().config(), image.config().config());
    assert_eq!(back.config().created(), image.config().created());

    config["config"]["Healthcheck"] = json!({"Test": ["CMD", "x"]});
    let image = artifact((IMAGE_CONFIG, &config.to_string()), &[layer]).unwrap();
    let error = image.convert(Format::Artifact, Loss::Refuse).unwrap_err();
    assert_eq!(error.to_string(), "the format `artifact` has no place for the config's field Healthcheck");
    let accepted = image.convert(Format::Artifact, Loss::Accept).unwrap();
    assert_eq!(accepted.lost, ["the config's field Healthcheck"]);
}

/// A layer with the program and a file beside it.
fn two_files() -> Vec<u8> {
    let mut tar = tar::Builder::new(vec![]);
    for (name, bytes) in [("app/main.wasm", guests::HELLO.wasm()), ("etc/app.conf", b"a=1".to_vec())] {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    tar.into_inner().unwrap()
}

#[test]
fn what_cannot_travel_is_named() {
    let config = r#"{"architecture":"wasm","os":"wasi","config":{"Entrypoint":["/app/main.wasm"]},"rootfs":{"type":"layers","diff_ids":["sha256:0"]}}"#;
    let tar = two_files();
    let image =
        artifact((IMAGE_CONFIG, config), &[("application/vnd.oci.image.layer.v1.tar", &tar)]).unwrap();
    let error = image.convert(Format::Runwasi, Loss::Refuse).unwrap_err();
    assert_eq!(error.to_string(), "the format `runwasi` has no place for the file /etc/app.conf");
    assert_eq!(
        error.help(),
        Some(
            "leave them out (`wasmctr convert --lossy` does), or choose compat or runwasi, which take files"
        )
    );
    let converted = image.convert(Format::Runwasi, Loss::Accept).unwrap();
    assert_eq!(converted.lost, ["the file /etc/app.conf"]);
    assert_eq!(converted.artifact.wasm().unwrap(), guests::HELLO.wasm());
    assert_eq!(converted.artifact.entrypoint(), Some("/app/main.wasm"));

    let (one, two) = (guests::HELLO.wasm(), guests::TRAP.wasm());
    let layer = "application/vnd.wasm.content.layer.v1+wasm";
    let spin = "application/vnd.fermyon.spin.application.v1+config";
    let layers = [(layer, one.as_slice()), (layer, &two), (spin, b"{}")];
    let application = artifact((IMAGE_CONFIG, config), &layers).unwrap();
    let converted = application.convert(Format::Artifact, Loss::Accept).unwrap();
    assert_eq!(converted.lost.len(), 2, "{:?}", converted.lost);
    assert!(converted.lost[1].ends_with(&format!("({spin})")), "{:?}", converted.lost);
    assert_eq!(converted.artifact.wasm().unwrap(), one);

    let solo = "application/vnd.module.wasm.config.v1+json";
    let layers = [("application/vnd.module.wasm.content.layer.v1+wasm", one.as_slice())];
    let error =
        artifact((solo, r#"{"type":"envoy_proxy"}"#), &layers).unwrap().convert(Format::Compat, Loss::Refuse);
    assert_eq!(error.unwrap_err().to_string(), "the format `compat` has no place for the config document");
    let error = crate::hello().convert(Format::Spin, Loss::Accept).unwrap_err();
    assert_eq!(error.to_string(), "the format `spin` is read, not written");
}

/// What we put into annotations may come from anybody.
#[test]
fn annotations_of_ours_that_are_none() {
    for (name, value, message) in [
        ("dev.wasmctr.config", "[", "an annotation: dev.wasmctr.config: malformed the config that it holds"),
        ("dev.wasmctr.modified", "-1", "an annotation: dev.wasmctr.modified: `-1` is no number"),
        ("dev.wasmctr.platform", "x", "an annotation: dev.wasmctr.platform: `x` is not a platform"),
    ] {
        let pack = Pack::new(guests::HELLO.wasm(), "/a.wasm").unwrap().annotation(name, value);
        let error =
            pack.build(Format::Legacy).and_then(|made| made.convert(Format::Compat, Loss::Refuse).map(drop));
        assert_eq!(error.unwrap_err().to_string(), message);
    }
    let outside = r#"{"Entrypoint":["/../../etc/passwd"]}"#;
    let pack = Pack::new(guests::HELLO.wasm(), "/a.wasm").unwrap().annotation("dev.wasmctr.config", outside);
    let error = pack.build(Format::Legacy).unwrap().convert(Format::Compat, Loss::Refuse).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`/../../etc/passwd` cannot be a path in an image: it has an empty, `.` or `..` part"
    );
}
