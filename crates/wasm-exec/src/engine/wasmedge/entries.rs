use wasmparser::{CompositeInnerType, ExternalKind, Parser, Payload, TypeRef};

/// Returns the names of the exported functions without parameters and results, in the order of the file.
pub(super) fn entries(wasm: &[u8]) -> Result<Box<[String]>, wasmparser::Error> {
    let (mut types, mut functions, mut entries) = (Vec::new(), Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::TypeSection(groups) => {
                for group in groups {
                    types.extend(group?.into_types().map(|ty| match ty.composite_type.inner {
                        CompositeInnerType::Func(ty) => ty.params().is_empty() && ty.results().is_empty(),
                        _ => false,
                    }));
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    if let TypeRef::Func(ty) | TypeRef::FuncExact(ty) = import?.ty {
                        functions.push(ty);
                    }
                }
            }
            Payload::FunctionSection(section) => {
                for ty in section {
                    functions.push(ty?);
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    let of_type = |index: u32| functions.get(index as usize).copied();
                    let is_plain = |ty: u32| types.get(ty as usize).copied().unwrap_or(false);
                    if export.kind == ExternalKind::Func && of_type(export.index).is_some_and(is_plain) {
                        entries.push(export.name.to_owned());
                    }
                }
            }
            _ => {}
        }
    }
    Ok(entries.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_told_by_their_types() {
        let wasm = wat::parse_str(
            r#"(module
                 (import "env" "imported" (func $imported))
                 (memory (export "memory") 1)
                 (func (export "b"))
                 (func (export "param") (param i32))
                 (func (export "result") (result i32) (i32.const 0))
                 (export "a" (func $imported)))"#,
        );
        assert_eq!(*entries(&wasm.unwrap()).unwrap(), ["b", "a"]);
    }
}
