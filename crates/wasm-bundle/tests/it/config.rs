//! Hostile configurations and root file systems: each has a name, a typed error or a harmless meaning, and touches nothing.

mod documents;
mod places;
mod texts;

use std::{collections::BTreeSet, error::Error as _, fs};

use serde_json::{Value, json};
use wasm_bundle::{
    Bundle, Error,
    select::{Found, Runtime, select},
};

use crate::image::{MODULE, Yard};

/// What must become of a bundle.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// It is opened, and what it runs and grants is harmless.
    Opens,
    /// It is opened, and its program is not read.
    NoProgram,
    /// The document is no configuration, and the parser says this, in part.
    Config(&'static str),
    /// A value in it is refused, with this message, in part.
    Value(&'static str),
    /// It runs nothing.
    Nothing,
    /// The directory is no bundle, for this reason, in part.
    NotBundle(&'static str),
    /// It is too large.
    TooLarge,
    /// The file system refuses, with this message, in part.
    Io(&'static str),
}

/// Opens the bundle of a case and checks its fate, and that nothing beside the bundle was touched.
fn check(name: &str, yard: &Yard, fate: Fate) {
    let opened = Bundle::open(yard.bundle());
    match (&opened, fate) {
        (Ok(bundle), Fate::Opens) => assert_eq!(bundle.module().unwrap(), MODULE, "{name}"),
        (Ok(bundle), Fate::NoProgram) => {
            let error = bundle.module().unwrap_err();
            assert!(matches!(error, Error::Program { .. }), "{name}: {error:?}");
        }
        (Err(error @ Error::Config { .. }), Fate::Config(why)) => {
            assert!(error.source().unwrap().to_string().contains(why), "{name}: {error:?}");
        }
        (Err(error @ Error::Value { .. }), Fate::Value(why))
        | (Err(error @ Error::NotBundle { .. }), Fate::NotBundle(why)) => {
            assert!(error.to_string().contains(why), "{name}: {error:?}");
        }
        (Err(error @ Error::Io { source, .. }), Fate::Io(why)) => {
            assert!(source.to_string().contains(why), "{name}: {error:?}");
        }
        (Err(Error::NothingToRun { .. }), Fate::Nothing) | (Err(Error::TooLarge { .. }), Fate::TooLarge) => {}
        (other, fate) => panic!("{name}: {fate:?}, but {other:?}"),
    }
    if let Ok(bundle) = opened {
        // Whatever it is, everything has an answer to it.
        assert!(bundle.problems().iter().all(|problem| !problem.id().is_empty()), "{name}");
        bundle.workload().to_spec(None).unwrap();
    }
    yard.assert_untouched(name);
}

/// A yard with a sound bundle.
fn sound(config: &Value) -> Yard {
    let yard = Yard::new();
    fs::create_dir_all(yard.rootfs("")).unwrap();
    fs::write(yard.rootfs("app.wasm"), MODULE).unwrap();
    fs::write(yard.bundle().join("config.json"), config.to_string()).unwrap();
    yard
}

/// A configuration with every part that a case may spoil.
fn config() -> Value {
    json!({
        "ociVersion": "1.2.0",
        "process": {
            "terminal": false, "user": { "uid": 0, "gid": 0 }, "args": ["/app.wasm"], "env": ["A=b"], "cwd": "/",
            "capabilities": { "bounding": [] }, "rlimits": [{ "type": "RLIMIT_NOFILE", "hard": 1, "soft": 1 }],
        },
        "root": { "path": "rootfs", "readonly": true },
        "hostname": "wasm",
        "mounts": [{ "destination": "/dev", "type": "tmpfs", "source": "tmpfs" }],
        "annotations": { "module.wasm.image/variant": "compat" },
        "linux": { "namespaces": [{ "type": "network" }, { "type": "user" }],
            "uidMappings": [{ "containerID": 0, "hostID": 5, "size": 9 }],
            "gidMappings": [{ "containerID": 0, "hostID": 5, "size": 9 }],
            "resources": { "memory": { "limit": 1 }, "cpu": { "quota": 1000, "period": 100_000 }, "pids": { "limit": 1 } } },
    })
}

#[test]
fn the_base_of_the_cases_is_sound() {
    check("base", &sound(&config()), Fate::Opens);
}

#[test]
fn documents() {
    for (name, spoil, fate) in documents::CASES {
        let mut config = config();
        spoil(&mut config);
        check(name, &sound(&config), *fate);
        total(name, &config);
    }
}

/// Every runtime has an answer to a configuration that can be read at all.
fn total(name: &str, config: &Value) {
    let Ok(spec) = serde_json::from_value(config.clone()) else { return };
    for runtime in [
        Runtime::crun(),
        Runtime::youki(),
        Runtime::runwasi(),
        Runtime::Spin { wasm_layers: false },
        Runtime::Runc,
    ] {
        let verdict = select(&runtime, &spec, &|_| Found::Missing);
        assert!(!verdict.rule.id.is_empty(), "{name}");
    }
}

#[test]
fn texts() {
    for (name, text, fate) in texts::cases() {
        let yard = sound(&config());
        fs::write(yard.bundle().join("config.json"), text).unwrap();
        check(name, &yard, fate);
    }
}

#[test]
fn places() {
    for (name, spoil, fate) in places::CASES {
        let yard = sound(&config());
        spoil(&yard);
        check(name, &yard, *fate);
    }
}

#[test]
fn names_are_unique_and_many() {
    let documents = documents::CASES.iter().map(|case| case.0);
    let texts = texts::cases().into_iter().map(|case| case.0);
    let names: Vec<_> = documents.chain(texts).chain(places::CASES.iter().map(|case| case.0)).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    assert!(names.len() >= 90, "{}", names.len());
}
