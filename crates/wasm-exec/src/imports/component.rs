use wasmparser::{Parser, Payload};

use super::{MissingImport, Provider};
use crate::{Error, Result};

/// Refuses a component that imports an interface which is none of these.
pub(crate) fn check_component(engine: &'static str, wasm: &[u8], provided: &[&str]) -> Result<()> {
    let imports = imports(wasm).map_err(crate::outline::invalid)?;
    let missing: Box<[_]> = imports.into_iter().filter_map(|name| missing(name, provided)).collect();
    if missing.is_empty() { Ok(()) } else { Err(Error::MissingImports { engine, missing }) }
}

/// Returns the names of what a component imports; types are no imports that somebody has to provide.
fn imports(wasm: &[u8]) -> Result<Vec<&str>, wasmparser::Error> {
    let mut names = Vec::new();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if depth == 0 => {
                for import in imports {
                    let import = import?;
                    if !matches!(import.ty, wasmparser::ComponentTypeRef::Type(_)) {
                        names.push(import.name.name);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

fn missing(name: &str, provided: &[&str]) -> Option<MissingImport> {
    let (interface, version) = name.split_once('@').unwrap_or((name, ""));
    if provided.contains(&interface) && is_compatible(version) {
        return None;
    }
    Some(MissingImport {
        module: name.to_owned(),
        name: String::new(),
        ty: "instance".to_owned(),
        expected: provided.contains(&interface).then(|| format!("{interface}@{GENERATION}")),
        provider: provider(interface, version),
    })
}

/// All releases of WASI 0.2 are one for those who import: `0.2.0` of an interface is `0.2.12` with less in it.
fn is_compatible(version: &str) -> bool {
    let patch = version.strip_prefix(GENERATION).and_then(|rest| rest.strip_prefix('.'));
    patch.is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|byte| byte.is_ascii_digit()))
}

fn provider(interface: &str, version: &str) -> Provider {
    match interface.split_once(':') {
        Some(("wasi", _)) if version.starts_with("0.3") => Provider::Preview3,
        Some(_) => Provider::Platform,
        None => Provider::Unknown,
    }
}

const GENERATION: &str = "0.2";

/// The interfaces of WASI 0.2 and its HTTP that a command or a handler may import.
pub(crate) const PREVIEW2: &[&str] = &[
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:http/outgoing-handler",
    "wasi:http/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(imports: &str) -> Error {
        let wasm = wat::parse_str(format!("(component {imports})")).unwrap();
        check_component("wasmtime", &wasm, PREVIEW2).unwrap_err()
    }

    #[test]
    fn all_releases_of_0_2_are_there() {
        for version in ["0.2.0", "0.2.3", "0.2.12", "0.2.99"] {
            let text = format!(r#"(component (import "wasi:io/poll@{version}" (instance)))"#);
            check_component("wasmtime", &wat::parse_str(text).unwrap(), PREVIEW2).unwrap();
        }
    }

    #[test]
    fn what_nobody_provides_is_named() {
        let error = refused(
            r#"(import "wasi:io/poll@0.2.0" (instance))
               (import "wasi:keyvalue/store@0.2.0-draft" (instance))"#,
        );
        assert_eq!(
            error.to_string(),
            "wasmtime does not provide wasi:keyvalue/store@0.2.0-draft (an interface of some platform)"
        );
        assert!(error.is_not_runnable() && error.help().is_some());
        let error = refused(r#"(import "wasi:cli/environment@0.3.0" (instance))"#);
        assert_eq!(error.to_string(), "wasmtime does not provide wasi:cli/environment@0.3.0 (WASI 0.3)");
        let error = refused(r#"(import "log" (func))"#);
        assert_eq!(error.to_string(), "wasmtime does not provide log (unknown here)");
    }

    #[test]
    fn what_is_inside_does_not_count() {
        let text = r#"(component
            (component $inner (import "a:b/c" (instance)))
            (core module (import "env" "f" (func)))
            (import "wasi:io/error@0.2.1" (instance)))"#;
        check_component("wasmtime", &wat::parse_str(text).unwrap(), PREVIEW2).unwrap();
    }
}
