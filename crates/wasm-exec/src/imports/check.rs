use wasmparser::{FuncType, Import, TypeRef, ValType};

use super::{MissingImport, Provider, preview1, wasmedge};
use crate::{Error, Result, outline::Outline};

/// Refuses a module that imports anything but the functions of these lists as those of preview 1.
pub(crate) fn check(engine: &'static str, outline: &Outline<'_>, provided: &[&[Function]]) -> Result<()> {
    let missing: Box<[_]> =
        outline.imports.iter().filter_map(|import| missing(outline, import, provided)).collect();
    if missing.is_empty() { Ok(()) } else { Err(Error::MissingImports { engine, missing }) }
}

fn missing(outline: &Outline<'_>, import: &Import<'_>, provided: &[&[Function]]) -> Option<MissingImport> {
    let ty = outline.signature(import);
    let is_named = |function: &&Function| import.module == preview1::MODULE && function.name == import.name;
    // WasmEdge has some functions with two types.
    let mut same_name = provided.iter().copied().flatten().filter(is_named).peekable();
    let expected = same_name.peek().map(|function| function.ty());
    if same_name.any(|function| ty.is_some_and(|ty| function.has(ty))) {
        return None;
    }
    Some(MissingImport {
        module: import.module.to_owned(),
        name: import.name.to_owned(),
        ty: describe(import.ty, ty),
        expected,
        provider: Provider::of(import.module, import.name, ty),
    })
}

/// A function that a host provides.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: &'static str,
    /// One letter for each parameter: `i` for i32, `I` for i64.
    pub(super) params: &'static str,
    /// The same for the results.
    pub(super) results: &'static str,
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

/// A module that imports each of these functions.
#[cfg(test)]
pub(crate) fn all_of(functions: &[Function]) -> String {
    let types = |letters: &str| letters.replace('i', " i32").replace('I', " i64");
    let import = |Function { name, params, results }: &Function| {
        let [params, results] = [params, results].map(|letters| types(letters));
        let module = preview1::MODULE;
        format!(r#"(import "{module}" "{name}" (func (param{params}) (result{results})))"#)
    };
    format!("(module {})", functions.iter().map(import).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::{super::PREVIEW1, *};

    fn refused(imports: &str) -> Error {
        let wasm = wat::parse_str(format!("(module {imports})")).unwrap();
        let outline = Outline::of_module("wasmtime", &wasm).unwrap();
        check("wasmtime", &outline, &[PREVIEW1]).unwrap_err()
    }

    #[test]
    fn all_of_preview_1_is_there() {
        let wasm = wat::parse_str(all_of(PREVIEW1)).unwrap();
        let outline = Outline::of_module("wasmtime", &wasm).unwrap();
        check("wasmtime", &outline, &[PREVIEW1]).unwrap();
    }

    #[test]
    fn a_function_may_be_there_with_two_types() {
        let wasm = wat::parse_str(all_of(wasmedge::SOCKETS)).unwrap();
        let outline = Outline::of_module("wasmedge", &wasm).unwrap();
        check("wasmedge", &outline, &[PREVIEW1, wasmedge::SOCKETS]).unwrap();
        assert!(check("wasmedge", &outline, &[PREVIEW1]).is_err());
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
        assert!(error.help().unwrap().starts_with("wasmtime and WasmEdge have these functions"));
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
