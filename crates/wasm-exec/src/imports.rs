use std::fmt::{self, Write};

use wasmparser::{FuncType, TypeRef, ValType};

use crate::{Error, Result, outline::Outline};

mod preview1;
mod wasmedge;

pub(crate) use self::preview1::PREVIEW1;

/// An import that an engine does not provide.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingImport {
    /// The module name of the import, for instance `wasi_snapshot_preview1`.
    pub module: String,
    /// Its name.
    pub name: String,
    /// The type as text: `(i32, i32) -> (i32)` for a function, otherwise what it is (`memory`, `global`, …).
    pub ty: String,
    /// The type that the engine has it with, if it has it with another one.
    pub expected: Option<String>,
    /// Who provides it.
    pub provider: Provider,
}

/// Who provides an import, as far as its name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Provider {
    /// WasmEdge, by its socket extension of preview 1.
    WasmEdgeSockets,
    /// Hosts of `wasi_unstable`, of 2019.
    Preview0,
    /// Hosts of components: the module is the core of one that was not assembled.
    Component,
    /// Hosts of wasi-threads.
    Threads,
    /// A JavaScript host, by wasm-bindgen.
    JavaScript,
    /// Whoever links the guest: the function was left undefined then.
    Linker,
    /// Nobody that is known here.
    Unknown,
}

impl Provider {
    fn of(module: &str, name: &str, ty: Option<&FuncType>) -> Self {
        match (module, name) {
            (preview1::MODULE, _) if wasmedge::SOCKETS.iter().any(|socket| socket.is(name, ty)) => {
                Self::WasmEdgeSockets
            }
            ("wasi_unstable", _) => Self::Preview0,
            ("wasi", "thread-spawn") | ("env", "memory") => Self::Threads,
            ("wbg" | "__wbindgen_placeholder__" | "__wbindgen_externref_xform__", _) => Self::JavaScript,
            ("env", _) => Self::Linker,
            (module, _) if module.starts_with("./") => Self::JavaScript,
            (module, _) if module.contains(':') || module.starts_with("cm32p2") => Self::Component,
            ("$root" | "[export]$root", _) => Self::Component,
            _ => Self::Unknown,
        }
    }

    fn help(self) -> Option<&'static str> {
        Some(match self {
            Self::WasmEdgeSockets => {
                "WasmEdge has these functions: run the module with WasmEdge, for instance by crun built with it"
            }
            Self::Preview0 => "build it again with a toolchain of today: for Rust, `--target wasm32-wasip1`",
            Self::Component => "build a core module: for Rust, `cargo build --target wasm32-wasip1`",
            Self::Threads => "build it without threads",
            Self::JavaScript => "it was built for a browser: for Rust, use `--target wasm32-wasip1`",
            Self::Linker => "link the guest with what defines the functions of `env`",
            Self::Unknown => return None,
        })
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WasmEdgeSockets => "WasmEdge's socket extension",
            Self::Preview0 => "WASI of 2019",
            Self::Component => "interfaces of components",
            Self::Threads => "wasi-threads",
            Self::JavaScript => "JavaScript",
            Self::Linker => "left undefined by the linker",
            Self::Unknown => "unknown here",
        })
    }
}

/// A function that a host provides.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: &'static str,
    /// One letter for each parameter: `i` for i32, `I` for i64.
    params: &'static str,
    /// The same for the results.
    results: &'static str,
}

impl Function {
    fn is(&self, name: &str, ty: Option<&FuncType>) -> bool {
        self.name == name && ty.is_some_and(|ty| self.has(ty))
    }

    fn has(&self, ty: &FuncType) -> bool {
        let same = |letters: &str, types: &[ValType]| {
            letters.len() == types.len()
                && letters.bytes().zip(types).all(|(letter, ty)| value(letter) == *ty)
        };
        same(self.params, ty.params()) && same(self.results, ty.results())
    }

    fn ty(&self) -> String {
        let types = |letters: &str| letters.bytes().map(value).collect::<Vec<_>>();
        signature(&types(self.params), &types(self.results))
    }
}

/// A module that imports every function of preview 1.
#[cfg(test)]
pub(crate) fn all_of_preview1() -> String {
    let types = |letters: &str| letters.replace('i', " i32").replace('I', " i64");
    let import = |Function { name, params, results }: &Function| {
        let [params, results] = [params, results].map(|letters| types(letters));
        let module = preview1::MODULE;
        format!(r#"(import "{module}" "{name}" (func (param{params}) (result{results})))"#)
    };
    format!("(module {})", PREVIEW1.iter().map(import).collect::<String>())
}

/// Refuses a module that imports anything but these functions of preview 1.
pub(crate) fn check(engine: &'static str, outline: &Outline<'_>, provided: &[Function]) -> Result<()> {
    let missing: Box<[_]> =
        outline.imports.iter().filter_map(|import| missing(outline, import, provided)).collect();
    if missing.is_empty() { Ok(()) } else { Err(Error::MissingImports { engine, missing }) }
}

fn missing(
    outline: &Outline<'_>,
    import: &wasmparser::Import<'_>,
    provided: &[Function],
) -> Option<MissingImport> {
    let ty = outline.signature(import);
    let same_name = if import.module == preview1::MODULE {
        provided.iter().find(|function| function.name == import.name)
    } else {
        None
    };
    if same_name.zip(ty).is_some_and(|(function, ty)| function.has(ty)) {
        return None;
    }
    Some(MissingImport {
        module: import.module.to_owned(),
        name: import.name.to_owned(),
        ty: describe(import.ty, ty),
        expected: same_name.map(Function::ty),
        provider: Provider::of(import.module, import.name, ty),
    })
}

/// Names the imports, those of one module and provider together, and not without end.
pub(crate) fn list(missing: &[MissingImport]) -> String {
    let key = |import: &MissingImport| (import.module.clone(), import.provider);
    let mut groups: Vec<((String, Provider), Vec<&MissingImport>)> = Vec::new();
    for import in missing {
        match groups.iter_mut().find(|(of, _)| *of == key(import)) {
            Some((_, imports)) => imports.push(import),
            None => groups.push((key(import), vec![import])),
        }
    }
    let mut text = String::new();
    for (index, ((module, provider), imports)) in groups.iter().take(GROUPS_SHOWN).enumerate() {
        let separator = if index == 0 { "" } else { "; " };
        let _ = write!(text, "{separator}{} from {} ({provider})", names(imports), clip(module));
    }
    if let more @ 1.. = groups.len().saturating_sub(GROUPS_SHOWN) {
        let _ = write!(text, "; and those of {more} other modules");
    }
    text
}

/// Says what can be done about the first import whose provider is known.
pub(crate) fn help(missing: &[MissingImport]) -> Option<&'static str> {
    missing.iter().find_map(|import| import.provider.help())
}

fn names(imports: &[&MissingImport]) -> String {
    let name = |import: &&MissingImport| match &import.expected {
        // Everybody's sock_accept has the same name, and the provider says whose it is.
        Some(expected) if import.provider == Provider::Unknown => {
            format!("{} as {} and not {expected}", clip(&import.name), import.ty)
        }
        _ => clip(&import.name),
    };
    let mut names: Vec<_> = imports.iter().take(NAMES_SHOWN).map(name).collect();
    if let more @ 1.. = imports.len().saturating_sub(NAMES_SHOWN) {
        names.push(format!("{more} more"));
    }
    names.join(", ")
}

/// Shortens and escapes what a stranger wrote into his module.
fn clip(name: &str) -> String {
    let mut chars = name.chars();
    let clipped: String = chars.by_ref().take(NAME_LENGTH).flat_map(char::escape_debug).collect();
    if chars.next().is_some() { format!("{clipped}…") } else { clipped }
}

fn describe(ty: TypeRef, function: Option<&FuncType>) -> String {
    match ty {
        TypeRef::Func(_) | TypeRef::FuncExact(_) => function.map_or_else(
            || "function".to_owned(),
            |function| signature(function.params(), function.results()),
        ),
        TypeRef::Table(_) => "table".to_owned(),
        TypeRef::Memory(_) => "memory".to_owned(),
        TypeRef::Global(_) => "global".to_owned(),
        TypeRef::Tag(_) => "tag".to_owned(),
    }
}

fn signature(params: &[ValType], results: &[ValType]) -> String {
    let list = |types: &[ValType]| types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    format!("({}) -> ({})", list(params), list(results))
}

fn value(letter: u8) -> ValType {
    if letter == b'I' { ValType::I64 } else { ValType::I32 }
}

const GROUPS_SHOWN: usize = 6;
const NAMES_SHOWN: usize = 24;
const NAME_LENGTH: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(imports: &str) -> Error {
        let wasm = wat::parse_str(format!("(module {imports})")).unwrap();
        let outline = Outline::of_module("wasmtime", &wasm).unwrap();
        check("wasmtime", &outline, PREVIEW1).unwrap_err()
    }

    #[test]
    fn all_of_preview_1_is_there() {
        let wasm = wat::parse_str(all_of_preview1()).unwrap();
        let outline = Outline::of_module("wasmtime", &wasm).unwrap();
        check("wasmtime", &outline, PREVIEW1).unwrap();
    }

    #[test]
    fn wasmedge_sockets_are_told_by_name_and_type() {
        let error = refused(
            r#"(import "wasi_snapshot_preview1" "sock_open" (func (param i32 i32 i32) (result i32)))
               (import "wasi_snapshot_preview1" "fd_close" (func (param i32) (result i32)))
               (import "wasi_snapshot_preview1" "sock_accept" (func (param i32 i32) (result i32)))"#,
        );
        assert_eq!(
            error.to_string(),
            "wasmtime does not provide sock_open, sock_accept from wasi_snapshot_preview1 \
             (WasmEdge's socket extension)"
        );
        assert!(error.help().unwrap().starts_with("WasmEdge has these functions"));
        assert!(error.is_not_runnable());
        let Error::MissingImports { missing, .. } = error else { panic!() };
        assert_eq!(missing[1].ty, "(i32, i32) -> (i32)");
        assert_eq!(missing[1].expected.as_deref(), Some("(i32, i32, i32) -> (i32)"));
    }

    #[test]
    fn a_wrong_type_is_said() {
        let error = refused(r#"(import "wasi_snapshot_preview1" "fd_close" (func (param i64)))"#);
        assert_eq!(
            error.to_string(),
            "wasmtime does not provide fd_close as (i64) -> () and not (i32) -> (i32) \
             from wasi_snapshot_preview1 (unknown here)"
        );
    }

    #[test]
    fn each_provider_is_named_once() {
        let error = refused(
            r#"(import "env" "abort" (func))
               (import "wasi:cli/exit@0.2.0" "exit" (func (param i32)))
               (import "env" "log" (func))
               (import "wasi_unstable" "fd_write" (func))
               (import "env" "memory" (memory 1))
               (import "x" "y" (global i32))"#,
        );
        assert_eq!(
            error.to_string(),
            "wasmtime does not provide abort, log from env (left undefined by the linker); \
             exit from wasi:cli/exit@0.2.0 (interfaces of components); \
             fd_write from wasi_unstable (WASI of 2019); memory from env (wasi-threads); y from x (unknown here)"
        );
    }

    #[test]
    fn a_stranger_cannot_flood_the_message() {
        let imports: String = (0..500)
            .map(|n| format!(r#"(import "m{}{}" "\1b[31m{n}" (func))"#, n % 50, "long".repeat(100)))
            .collect();
        let text = refused(&imports).to_string();
        assert!(text.len() < 6 * 1024, "{}", text.len());
        assert!(!text.contains('\x1b'));
        assert!(text.ends_with("and those of 44 other modules"), "{text}");
    }
}
