//! The imports and exports in the config of an artifact, compared with what the crates of oci-wasm read.

use serde_json::Value;
use wasm_oci::{Format, Pack};
use wit_component::{ComponentEncoder, DecodedWasm, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve};

/// Exports and imports as oci-wasm tells them: `Resolve::name_world_key`; of a package, its interfaces and worlds.
fn expected(wasm: &[u8]) -> (Vec<String>, Vec<String>) {
    match wit_component::decode(wasm).unwrap() {
        DecodedWasm::Component(resolve, world) => {
            let world = &resolve.worlds[world];
            let names = |keys: Vec<_>| keys.into_iter().map(|key| resolve.name_world_key(key)).collect();
            (names(world.exports.keys().collect()), names(world.imports.keys().collect()))
        }
        DecodedWasm::WitPackage(resolve, package) => {
            let package = &resolve.packages[package];
            let interfaces = package.interfaces.values().map(|id| resolve.id_of(*id).unwrap());
            let worlds = package.worlds.keys().map(|name| match &package.name.version {
                Some(version) => format!("{}:{}/{name}@{version}", package.name.namespace, package.name.name),
                None => format!("{}:{}/{name}", package.name.namespace, package.name.name),
            });
            (interfaces.chain(worlds).collect(), vec![])
        }
    }
}

#[track_caller]
fn same(wasm: &[u8]) -> (Vec<String>, Vec<String>) {
    let artifact = Pack::new(wasm.to_vec(), "/app.wasm").unwrap().build(Format::Artifact).unwrap();
    let config: Value = serde_json::from_slice(artifact.config_bytes()).unwrap();
    let names =
        |field: &str| -> Vec<String> { serde_json::from_value(config["component"][field].clone()).unwrap() };
    let found = (names("exports"), names("imports"));
    assert_eq!(found, expected(wasm));
    found
}

/// Packages with every kind of thing that a world may import or export.
const WIT: [(&str, &[&str]); 2] = [
    (
        "package example:first@1.2.3;
         interface types { record point { x: u32, y: u32 } resource file { size: func() -> u64; } }
         interface store { use types.{point, file}; put: func(at: point) -> result<file, string>; }
         interface empty {}
         world one { import store; export store; }
         world two {
           use types.{point};
           type distance = u64;
           import log: func(text: string);
           import inline: interface { now: func() -> u64; }
           export run: func(at: point) -> distance;
           export handler: interface { use types.{file}; handle: func(of: file); }
         }
         world nothing {}
         world async-one { export async-run: func() -> string; }",
        &["one", "two", "nothing", "async-one"],
    ),
    (
        "package example:plain;
         interface a { f: func(); }
         interface b { use a; g: func(); }
         world c { import a; export b; }",
        &["c"],
    ),
];

fn component(resolve: &Resolve, package: wit_parser::PackageId, world: &str) -> Vec<u8> {
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    let mut module = dummy_module(resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
}

#[test]
fn components_and_packages_of_wit() {
    for (text, worlds) in WIT {
        let text = text.replace("use a; ", "");
        let mut resolve = Resolve::default();
        let package = resolve.push_str("a.wit", &text).unwrap();
        for world in worlds {
            same(&component(&resolve, package, world));
        }
        let (exports, imports) = same(&wit_component::encode(&resolve, package).unwrap());
        assert!(imports.is_empty() && exports.len() > worlds.len(), "{exports:?}");
        assert!(exports.iter().all(|name| name.starts_with("example:")), "{exports:?}");
    }
}

/// What WASI names, and what component authors write by hand.
#[test]
fn components_in_text() {
    for (text, exports, imports) in [
        ("(component)", &[][..], &[][..]),
        (r#"(component (import "wasi:cli/stdout@0.2.3" (instance)))"#, &[], &["wasi:cli/stdout@0.2.3"]),
        (
            r#"(component (import "f" (func $f)) (import "a:b/c" (instance)) (export "run" (func $f)))"#,
            &["run"],
            &["f", "a:b/c"],
        ),
        (
            r#"(component
                 (import "wasi:http/types@0.3.0-rc-2025-09-16" (instance $i))
                 (export "wasi:http/handler@0.3.0-rc-2025-09-16" (instance $i)))"#,
            &["wasi:http/handler@0.3.0-rc-2025-09-16"],
            &["wasi:http/types@0.3.0-rc-2025-09-16"],
        ),
    ] {
        let found = same(&wat::parse_str(text).unwrap());
        assert_eq!((found.0, found.1), (owned(exports), owned(imports)));
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn the_guests() {
    same(&guests::COMPONENT.wasm());
    for path in [guests::need!("hello-component"), guests::need!("http-component")].into_iter().flatten() {
        let (exports, imports) = same(&std::fs::read(path).unwrap());
        assert!(!exports.is_empty() && !imports.is_empty());
    }
}

/// A module has no component, as oci-wasm writes it.
#[test]
fn a_module_has_none() {
    let artifact = Pack::new(guests::HELLO.wasm(), "/app.wasm").unwrap().build(Format::Artifact).unwrap();
    let config: Value = serde_json::from_slice(artifact.config_bytes()).unwrap();
    assert_eq!((&config["component"], &config["os"]), (&Value::Null, &Value::from("wasip1")));
    assert_eq!(config["layerDigests"][0], artifact.layers()[0].descriptor().digest().to_string());
}
