//! Images of every kind: in each format that is written and read, with each thing that somebody may not like.

use wasm_oci::{Artifact, Format, Pack};

use crate::made::{IMAGE_CONFIG, artifact};

/// More than a hundred of them.
pub(crate) fn zoo() -> Vec<Artifact> {
    let mut zoo = vec![];
    for wasm in [guests::HELLO.wasm(), guests::COMPONENT.wasm()] {
        for path in ["/app.wasm", "/bin/app", "/plugin.wasm"] {
            for platform in ["wasi/wasm", "linux/amd64", "wasip1/wasm"] {
                for variant in [None, Some("compat"), Some("compat-smart"), Some("other")] {
                    let mut pack = Pack::new(wasm.clone(), path).unwrap().platform(platform.parse().unwrap());
                    pack = variant
                        .into_iter()
                        .fold(pack, |pack, value| pack.annotation("module.wasm.image/variant", value));
                    let files = pack.clone().file("/etc/app.toml", "level = 3").unwrap();
                    zoo.push(files.build(Format::Compat).unwrap());
                    let formats = Format::ALL.into_iter().filter(Format::is_written);
                    zoo.extend(formats.map(|format| pack.build(format).unwrap()));
                }
            }
        }
        zoo.extend(foreign(&wasm));
    }
    zoo
}

/// What is only read.
fn foreign(wasm: &[u8]) -> [Artifact; 3] {
    let image =
        r#"{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}"#;
    let module = "application/vnd.wasm.content.layer.v1+wasm";
    let spin = [(module, wasm), ("application/vnd.fermyon.spin.application.v1+config", b"{}".as_slice())];
    let solo = [("application/vnd.module.wasm.content.layer.v1+wasm", wasm)];
    let shim = [("application/vnd.bytecodealliance.wasm.component.layer.v0+wasm", wasm)];
    [
        artifact((IMAGE_CONFIG, image), &spin).unwrap(),
        artifact(("application/vnd.module.wasm.config.v1+json", "{}"), &solo).unwrap(),
        artifact((IMAGE_CONFIG, image), &shim).unwrap(),
    ]
}
