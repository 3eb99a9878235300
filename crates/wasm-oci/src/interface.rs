use std::{collections::BTreeSet, fmt};

use wasmparser::{
    BinaryReaderError, CompositeInnerType, ExternalKind, FuncType, Parser, Payload, TypeRef, ValType,
    Validator, WasmFeatures,
    component_types::{ComponentAnyTypeId, ComponentEntityType},
};

use crate::{Error, Kind, Result};

/// What a module or component asks of its host and offers to it.
///
/// ```
/// use wasm_oci::{Interface, Kind, Wasi};
///
/// let wasm = wat::parse_str(
///     r#"(module
///          (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
///          (func (export "_start")))"#,
/// )?;
/// let interface = Interface::of(&wasm)?;
/// assert_eq!(interface.kind, Kind::Module);
/// assert_eq!(interface.wasi, Wasi::Preview1);
/// assert_eq!(interface.imports[0].to_string(), "wasi_snapshot_preview1.proc_exit (i32) -> ()");
/// assert_eq!(interface.exports[0].name, "_start");
/// assert!(interface.wasmedge_sockets().is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Interface {
    /// Module or component.
    pub kind: Kind,
    /// The generation of WASI it was built for.
    pub wasi: Wasi,
    /// What it imports, in the order of the file.
    pub imports: Vec<Import>,
    /// What it exports, in the order of the file.
    pub exports: Vec<Export>,
}

/// One import.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Import {
    /// The module name of a core import; empty for a component, whose imports have one name.
    pub module: String,
    /// The name.
    pub name: String,
    /// The type as text: `(i32, i32) -> (i32)` for a function, otherwise what it is (`memory`, `instance`, …).
    pub ty: String,
}

/// One export.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Export {
    /// The name.
    pub name: String,
    /// What it is: `func`, `memory`, `instance`, …
    pub ty: &'static str,
}

/// A generation of WASI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Wasi {
    /// Imports nothing of WASI.
    None,
    /// `wasi_unstable`, of 2019; today's engines do not have it.
    Preview0,
    /// `wasi_snapshot_preview1`, Rust's `wasm32-wasip1`.
    Preview1,
    /// `wasi:…@0.2.x`, Rust's `wasm32-wasip2`.
    Preview2,
    /// `wasi:…@0.3.x`.
    Preview3,
}

impl fmt::Display for Wasi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Preview0 => "0.0",
            Self::Preview1 => "0.1",
            Self::Preview2 => "0.2",
            Self::Preview3 => "0.3",
        })
    }
}

impl Interface {
    /// Reads the imports and exports and validates the whole file.
    ///
    /// # Errors
    ///
    /// [`Error::NotWasm`] and [`Error::InvalidWasm`].
    pub fn of(wasm: &[u8]) -> Result<Self> {
        let kind = Kind::of(wasm)?;
        validate(wasm)?;
        let mut reader = Reader::default();
        reader.read(wasm).map_err(invalid)?;
        let wasi = generation(&reader.imports);
        Ok(Self { kind, wasi, imports: reader.imports, exports: reader.exports })
    }

    /// Returns the imports that only WasmEdge's socket extension of preview 1 has, or has with this type.
    ///
    /// The names are those that WasmEdge registers (`lib/host/wasi/wasimodule.cpp`); preview 1 has `sock_accept` too,
    /// with three parameters where WasmEdge's first version has two.
    #[must_use]
    pub fn wasmedge_sockets(&self) -> Vec<&Import> {
        self.imports.iter().filter(|import| import.is_wasmedge_socket()).collect()
    }
}

impl Import {
    fn is_wasmedge_socket(&self) -> bool {
        if self.module != "wasi_snapshot_preview1" {
            return false;
        }
        match self.name.as_str() {
            "sock_accept" => self.ty == "(i32, i32) -> (i32)",
            "epoll_oneoff" => true,
            name => match name.strip_prefix("sock_") {
                Some("recv" | "send" | "shutdown") | None => false,
                Some(_) => true,
            },
        }
    }
}

impl fmt::Display for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.module.is_empty() {
            write!(f, "{} {}", self.name, self.ty)
        } else {
            write!(f, "{}.{} {}", self.module, self.name, self.ty)
        }
    }
}

/// Validates with every feature on: whether an engine has it is the engine's to say.
pub(crate) fn validate(wasm: &[u8]) -> Result<()> {
    Validator::new_with_features(WasmFeatures::all()).validate_all(wasm).map(drop).map_err(invalid)
}

/// The names of the interfaces and worlds of a WIT package in binary form; `None` for any other component.
///
/// Such a package imports nothing, and each of its exports is the type of a component that exports, under its full name,
/// what is packaged.
pub(crate) fn wit_package(wasm: &[u8]) -> Result<Option<Vec<String>>> {
    let types = Validator::new_with_features(WasmFeatures::all()).validate_all(wasm).map_err(invalid)?;
    let mut reader = Reader::default();
    reader.read(wasm).map_err(invalid)?;
    if !reader.imports.is_empty() || reader.exports.is_empty() {
        return Ok(None);
    }
    // What has neither a plain name nor the old one (`ns:package/wit`) is a component that exports types.
    let first = reader.exports.first().map(|export| export.name.as_str());
    if !first.is_some_and(|name| !name.contains([':', '/', '[']) || name.contains("/wit")) {
        return Ok(None);
    }
    let mut names = vec![];
    for export in &reader.exports {
        let item = types.as_ref().component_item_for_export(&export.name).map(|item| item.ty);
        let Some(ComponentEntityType::Type { created: ComponentAnyTypeId::Component(id), .. }) = item else {
            return Ok(None);
        };
        names.extend(types.as_ref()[id].exports.keys().cloned());
    }
    Ok(Some(names))
}

fn invalid(source: BinaryReaderError) -> Error {
    Error::InvalidWasm { offset: source.offset() as u64, source: source.message().into() }
}

fn generation(imports: &[Import]) -> Wasi {
    let of = |import: &Import| match (import.module.as_str(), import.name.strip_prefix("wasi:")) {
        ("wasi_unstable", _) => Some(Wasi::Preview0),
        ("wasi_snapshot_preview1", _) => Some(Wasi::Preview1),
        ("", Some(name)) if name.contains("@0.3.") => Some(Wasi::Preview3),
        ("", Some(_)) => Some(Wasi::Preview2),
        _ => None,
    };
    let found: BTreeSet<_> = imports.iter().filter_map(of).map(|wasi| wasi as u8).collect();
    match found.last() {
        None => Wasi::None,
        Some(0..=1) => Wasi::Preview0,
        Some(2) => Wasi::Preview1,
        Some(3) => Wasi::Preview2,
        Some(_) => Wasi::Preview3,
    }
}

/// Collects the imports and exports of the outermost module or component.
#[derive(Default)]
struct Reader {
    types: Vec<Option<FuncType>>,
    imports: Vec<Import>,
    exports: Vec<Export>,
}

impl Reader {
    fn read(&mut self, wasm: &[u8]) -> Result<(), BinaryReaderError> {
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                payload if depth == 0 => self.section(payload)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn section(&mut self, payload: Payload<'_>) -> Result<(), BinaryReaderError> {
        match payload {
            Payload::TypeSection(types) => {
                for group in types {
                    self.types.extend(group?.into_types().map(|ty| match ty.composite_type.inner {
                        CompositeInnerType::Func(ty) => Some(ty),
                        _ => None,
                    }));
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let import = import?;
                    let ty = self.describe(import.ty);
                    self.imports.push(Import { module: import.module.into(), name: import.name.into(), ty });
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    self.exports.push(Export { name: export.name.into(), ty: external(export.kind) });
                }
            }
            Payload::ComponentImportSection(imports) => {
                for import in imports {
                    let import = import?;
                    let ty = component(import.ty.kind()).to_owned();
                    self.imports.push(Import { module: String::new(), name: import.name.name.into(), ty });
                }
            }
            Payload::ComponentExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    self.exports.push(Export { name: export.name.name.into(), ty: component(export.kind) });
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn describe(&self, ty: TypeRef) -> String {
        match ty {
            TypeRef::Func(index) | TypeRef::FuncExact(index) => {
                let ty = usize::try_from(index).ok().and_then(|index| self.types.get(index)?.as_ref());
                ty.map_or_else(|| "func".to_owned(), signature)
            }
            TypeRef::Table(_) => "table".to_owned(),
            TypeRef::Memory(_) => "memory".to_owned(),
            TypeRef::Global(_) => "global".to_owned(),
            TypeRef::Tag(_) => "tag".to_owned(),
        }
    }
}

fn signature(ty: &FuncType) -> String {
    let list = |types: &[ValType]| types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    format!("({}) -> ({})", list(ty.params()), list(ty.results()))
}

fn external(kind: ExternalKind) -> &'static str {
    match kind {
        ExternalKind::Func | ExternalKind::FuncExact => "func",
        ExternalKind::Table => "table",
        ExternalKind::Memory => "memory",
        ExternalKind::Global => "global",
        ExternalKind::Tag => "tag",
    }
}

fn component(kind: wasmparser::ComponentExternalKind) -> &'static str {
    match kind {
        wasmparser::ComponentExternalKind::Module => "module",
        wasmparser::ComponentExternalKind::Func => "func",
        wasmparser::ComponentExternalKind::Value => "value",
        wasmparser::ComponentExternalKind::Type => "type",
        wasmparser::ComponentExternalKind::Instance => "instance",
        wasmparser::ComponentExternalKind::Component => "component",
    }
}
