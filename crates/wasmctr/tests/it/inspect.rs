//! `wasmctr inspect`: its JSON is what the book's schema says, and what `--for` tells to do helps.

use std::{fs, process::Command};

use serde_json::{Value, json};

use crate::support::{Place, Ran};

/// A component and modules with all that `inspect` shows, and images of them in every format.
fn locations(place: &Place) -> Vec<String> {
    place.file("component.wasm", guests::COMPONENT.wasm());
    place.file("hello.wasm", guests::HELLO.wasm());
    place.file("sockets.wasm", guests::WASMEDGE_SOCKETS.wasm());
    place.file("said.wat", SAID);
    place.file("app.toml", "level = 3");
    let mut locations = vec![];
    for file in ["hello.wasm", "component.wasm", "sockets.wasm", "said.wat"] {
        locations.push(file.to_owned());
        for format in ["compat", "runwasi", "artifact", "legacy"] {
            let location = format!("oci:images:{}-{format}", file.split('.').next().unwrap());
            let flags = ["--annotation", "a=b", "--arg", "x", "--env", "A=1", "--keep-debug"];
            place.wasmctr(&[&["pack", file, "-o", &location, "--format", format], &flags[..]].concat()).ok();
            locations.push(location);
        }
    }
    let files = ["--file", "app.toml:/etc/app.toml", "--compression", "zstd", "--platform", "linux/arm64/v8"];
    place.wasmctr(&[&["pack", "hello.wasm", "-o", "oci-archive:a.tar:v1"], &files[..]].concat()).ok();
    locations.push("oci-archive:a.tar".to_owned());
    locations
}

const SAID: &str = r#"(module (@custom "description" "An app") (@custom ".dep-v0" "no list")
    (@producers (language "Rust" "2024") (sdk "kit" "1")))"#;

fn schema() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../book/src/inspect.schema.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn what_is_printed_is_what_the_schema_says() {
    let schema = jsonschema::validator_for(&schema()).unwrap();
    let place = Place::new();
    for location in locations(&place) {
        for flags in [&[][..], &["--for", "youki"], &["--for", "wkg"]] {
            let ran = place.wasmctr(&[&["inspect", &location, "--format", "json"], flags].concat());
            let document: Value = serde_json::from_str(&ran.stdout).unwrap();
            if let Err(error) = schema.validate(&document) {
                panic!("{location}: {error} in {}\n{}", error.instance_path(), ran.stdout);
            }
        }
    }
}

/// It is no schema that takes everything: each field is missed, and none may be added.
#[test]
fn the_schema_is_strict() {
    let schema = jsonschema::validator_for(&schema()).unwrap();
    let place = Place::new();
    let hello = place.file("hello.wasm", guests::HELLO.wasm());
    place.wasmctr(&["pack", hello, "-o", "oci:o:v1"]).ok();
    let printed = place.wasmctr(&["inspect", "oci:o:v1", "--for", "crun", "--format", "json"]).ok();
    let document: Value = serde_json::from_str(&printed).unwrap();
    assert!(schema.is_valid(&document));
    let mut changed = 0;
    for part in
        ["", "/image", "/image/config", "/image/layers/0", "/image/layers/0/uncompressed", "/wasm", "/for"]
    {
        let fields: Vec<_> = document.pointer(part).unwrap().as_object().unwrap().keys().cloned().collect();
        let mut check = |change: &dyn Fn(&mut serde_json::Map<String, Value>)| {
            let mut other = document.clone();
            change(other.pointer_mut(part).unwrap().as_object_mut().unwrap());
            changed += usize::from(!schema.is_valid(&other));
        };
        let before = fields.len();
        check(&|fields| drop(fields.insert("other".to_owned(), json!(1))));
        for field in &fields {
            check(&|fields| drop(fields.insert(field.clone(), json!({"x": 1}))));
        }
        assert!(before > 0);
    }
    assert_eq!(changed, 7 + 4 + 9 + 3 + 4 + 2 + 10 + 4, "one for each field and part");
}

/// The list that cargo-auditable embeds, read from a module that has one.
#[test]
fn crates_are_listed() {
    let place = Place::new();
    let list = r#"{"packages":[{"name":"app","version":"1.2.3","source":"local","root":true},{"name":"serde","version":"1.0.0","source":"registry"}]}"#;
    // zlib without compression: a header, one stored block, and the checksum.
    let (a, b) = list.bytes().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(byte)) % 65521;
        (a, (a + b) % 65521)
    });
    let length = u16::try_from(list.len()).unwrap();
    let stored =
        [&[0x78, 0x01, 1][..], &length.to_le_bytes(), &(!length).to_le_bytes(), list.as_bytes()].concat();
    let section = [stored, (b << 16 | a).to_be_bytes().to_vec()].concat();
    let text: String = section.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let file = place.file("app.wat", format!(r#"(module (@custom ".dep-v0" "{text}"))"#));
    let printed = place.wasmctr(&["inspect", file]).ok();
    assert!(printed.contains("crates      app 1.2.3\n            serde 1.0.0\n"), "{printed}");
}

const CONSUMERS: [&str; 9] = ["crun", "youki", "runwasi", "spin", "wkg", "podman", "docker", "ctr", "istio"];

/// For every image and every consumer: the command that is told is run by a shell, and then the answer is yes.
#[test]
fn what_it_tells_to_do_helps() {
    let place = Place::new();
    let mut images = locations(&place);
    let smart = ["--annotation", "module.wasm.image/variant=compat-smart", "--entrypoint", "/bin/app"];
    for platform in ["wasi/wasm", "linux/amd64"] {
        let location = format!("oci:images:smart-{}", platform.replace('/', "-"));
        place
            .wasmctr(&[&["pack", "hello.wasm", "-o", &location, "--platform", platform], &smart[..]].concat())
            .ok();
        images.push(location);
    }
    let mut helped = 0;
    for location in images {
        for consumer in CONSUMERS {
            let ask =
                |location: &str| place.wasmctr(&["inspect", location, "--for", consumer, "--format", "json"]);
            let answer: Value = serde_json::from_str(&ask(&location).stdout).unwrap();
            let Some(remedy) = answer["for"]["remedy"].as_str() else { continue };
            let script =
                format!("PATH=\"$(dirname '{}'):$PATH\"; {remedy} --force", env!("CARGO_BIN_EXE_wasmctr"));
            let mut shell = Command::new("sh");
            shell.args(["-c", &script]).current_dir(place.path()).env("XDG_CACHE_HOME", place.cache_home());
            let ran = Ran::of(shell.output().unwrap());
            let made = ran.ok().lines().find_map(|line| line.strip_prefix("written     ").map(str::to_owned));
            let after = ask(&made.unwrap());
            assert_eq!(after.code, Some(0), "{location} for {consumer}: {remedy}: {}", after.stdout);
            helped += 1;
        }
    }
    assert!(helped > 60, "{helped}");
}

/// An image that brings its engine along: it is told as what it is, and its module is shown.
#[test]
fn an_engine_inside() {
    let Some(busybox) = lab::need!("busybox") else { return };
    let place = Place::new();
    place.file("hello.wasm", guests::HELLO.wasm());
    let engine = busybox.to_str().unwrap();
    place
        .wasmctr(&["pack", "hello.wasm", "--embed-engine", engine, "--engine-arg", "run", "-o", "oci:o:v1"])
        .ok();
    let text = place.wasmctr(&["inspect", "oci:o:v1"]).ok();
    let runs = "runs        /hello.wasm, by an engine inside: a Linux image that starts /bin/busybox run\n";
    assert!(text.contains(runs), "{text}");
    assert!(text.contains(", core module\n"), "{text}");
    let json: Value =
        serde_json::from_str(&place.wasmctr(&["inspect", "oci:o:v1", "--format", "json"]).ok()).unwrap();
    assert!(jsonschema::validator_for(&schema()).unwrap().is_valid(&json), "{json}");
    assert_eq!(json["image"]["engine"]["command"], json!(["/bin/busybox", "run"]));
    assert_eq!(json["image"]["engine"]["module"], "/hello.wasm");
    assert_eq!(json["wasm"]["kind"], "module");
    let docker = place.wasmctr(&["inspect", "oci:o:v1", "--for", "docker"]).ok();
    assert!(
        docker.contains("docker: yes, it starts the engine in the image as any Linux program"),
        "{docker}"
    );
    let wkg = place.wasmctr(&["inspect", "oci:o:v1", "--for", "wkg"]);
    assert!(wkg.code == Some(1) && wkg.stdout.contains("wkg: no"), "{wkg:?}");
}
