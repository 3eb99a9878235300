//! From one format to the others and back: the same program, the same metadata.

use proptest::prelude::*;
use serde_json::json;
use wasm_oci::{Artifact, Format, Loss, Pack, Platform};

use crate::made::{IMAGE_CONFIG, artifact};

const WRITTEN: [Format; 4] = [Format::Compat, Format::Runwasi, Format::Artifact, Format::Legacy];

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
    )
        .prop_map(
            |((component, path, title), args, env, notes, (platform, created, author, modified))| {
                let wasm = if component { guests::COMPONENT.wasm() } else { guests::TRAP.wasm() };
                let mut pack = Pack::new(wasm, &path).unwrap().modified(modified.into());
                pack = args.iter().fold(pack, Pack::arg);
                pack = env.iter().fold(pack, Pack::env);
                pack = notes.iter().fold(pack, |pack, (name, value)| pack.annotation(name, value));
                pack = title.into_iter().fold(pack, Pack::title);
                pack = created.into_iter().fold(pack, Pack::created);
                pack = author.into_iter().fold(pack, Pack::author);
                pack.platform(platform.parse::<Platform>().unwrap())
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The digest covers it all: module, title, annotations, entrypoint, arguments, environment, dates, author, platform.
    #[test]
    fn there_and_back(pack in packs(), a in prop::sample::select(&WRITTEN), b in prop::sample::select(&WRITTEN)) {
        let first = pack.build(a).unwrap();
        let there = to(&first, b);
        prop_assert_eq!(there.format(), b);
        prop_assert_eq!(there.wasm().unwrap(), first.wasm().unwrap());
        prop_assert_eq!(there.entrypoint(), first.entrypoint());
        prop_assert_eq!(there.config().config().as_ref().unwrap().cmd(), first.config().config().as_ref().unwrap().cmd());
        prop_assert_eq!(there.config().config().as_ref().unwrap().env(), first.config().config().as_ref().unwrap().env());
        let back = to(&there, a);
        prop_assert_eq!(back.manifest(), first.manifest());
        prop_assert_eq!(back.digest(), first.digest());
        // By a third one as well.
        let (third, direct) = (to(&there, Format::Artifact), pack.build(Format::Artifact).unwrap());
        prop_assert_eq!(third.digest(), direct.digest());
    }
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
    assert_eq!(error.help(), Some("say `--lossy` to convert it without them"));
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
