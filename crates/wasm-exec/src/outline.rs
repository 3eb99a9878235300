use wasm_oci::Kind;
use wasmparser::{
    CompositeInnerType, Export, FuncType, Import, Parser, Payload, TypeRef, Validator, WasmFeatures,
};

use crate::{Error, Result};

/// What can be known of a module without looking into its functions.
///
/// Reading it costs microseconds where a compilation costs milliseconds, so everything that can be refused by it is
/// refused before. (A budget for compilation has its place here.)
#[derive(Debug, Default)]
pub(crate) struct Outline<'a> {
    /// The imports, in the order of the file.
    pub(crate) imports: Vec<Import<'a>>,
    types: Vec<Option<FuncType>>,
}

impl<'a> Outline<'a> {
    /// Reads a core module.
    pub(crate) fn of_module(engine: &'static str, wasm: &'a [u8]) -> Result<Self> {
        match kind(wasm)? {
            Kind::Module => {}
            Kind::Component => return Err(Error::Component { engine }),
        }
        let mut outline = Self::default();
        outline.read(wasm).map_err(invalid)?;
        Ok(outline)
    }

    /// Returns the type of an imported function; `None` for other imports.
    pub(crate) fn signature(&self, import: &Import<'_>) -> Option<&FuncType> {
        match import.ty {
            TypeRef::Func(index) | TypeRef::FuncExact(index) => {
                self.types.get(usize::try_from(index).ok()?)?.as_ref()
            }
            _ => None,
        }
    }

    fn read(&mut self, wasm: &'a [u8]) -> Result<(), wasmparser::Error> {
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::TypeSection(groups) => {
                    for group in groups {
                        self.types.extend(group?.into_types().map(|ty| match ty.composite_type.inner {
                            CompositeInnerType::Func(ty) => Some(ty),
                            _ => None,
                        }));
                    }
                }
                Payload::ImportSection(imports) => {
                    self.imports = imports.into_imports().collect::<Result<_, _>>()?;
                }
                Payload::ExportSection(exports) => {
                    exports.into_iter().try_for_each(|export| export.map(|Export { .. }| ()))?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Says why a module that an engine refused is no valid WebAssembly; `None` if it is valid.
pub(crate) fn invalidity(wasm: &[u8]) -> Option<Error> {
    Validator::new_with_features(WasmFeatures::all()).validate_all(wasm).err().map(invalid)
}

/// Tells modules and components apart.
pub(crate) fn kind(wasm: &[u8]) -> Result<Kind> {
    Kind::of(wasm).map_err(|error| match error {
        wasm_oci::Error::NotWasm { found } => Error::NotWasm { found },
        _ => Error::NotWasm { found: "something else" },
    })
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of `map_err`")]
pub(crate) fn invalid(error: wasmparser::Error) -> Error {
    Error::InvalidWasm { offset: error.offset() as u64, source: error.message().into() }
}
