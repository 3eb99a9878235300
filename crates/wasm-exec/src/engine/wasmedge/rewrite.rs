use wasm_encoder::{
    ExportKind, ExportSection, MemorySection, Module, RawSection, TableSection,
    reencode::{Error, Reencode, RoundtripReencoder},
};
use wasmparser::{Parser, Payload};

type Result<T, E = Error> = std::result::Result<T, E>;

/// Makes the start function an export, with a name that no other has; `None` if the module has none.
///
/// WasmEdge calls a start function while it makes the instance, which nobody can stop: so it is called after that.
pub(super) fn start_exported(wasm: &[u8]) -> Result<Option<(Vec<u8>, String)>> {
    let (mut start, mut name, mut has_exports) = (None, START.to_owned(), false);
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::StartSection { func, .. } => start = Some(func),
            Payload::ExportSection(exports) => {
                has_exports = true;
                for export in exports {
                    // It only grows, so it is none of the exports before this one either.
                    let export = export?.name;
                    if export.starts_with(&name) {
                        name = format!("{export}'");
                    }
                }
            }
            _ => {}
        }
    }
    let Some(start) = start else { return Ok(None) };
    let wasm = copy(wasm, |module, payload| {
        let mut exports = ExportSection::new();
        match payload {
            Payload::ExportSection(section) => {
                RoundtripReencoder.parse_export_section(&mut exports, section.clone())?;
            }
            // Its place is right after that of the exports.
            Payload::StartSection { .. } if has_exports => return Ok(true),
            Payload::StartSection { .. } => {}
            _ => return Ok(false),
        }
        module.section(exports.export(&name, ExportKind::Func, start));
        Ok(true)
    })?;
    Ok(Some((wasm, name)))
}

/// Declares how large memories, in pages, and tables may become; where there is no list they stay as they are.
pub(super) fn with_maxima(wasm: &[u8], memories: Option<&[u64]>, tables: Option<&[u64]>) -> Result<Vec<u8>> {
    copy(wasm, |module, payload| {
        match (payload, memories, tables) {
            (Payload::MemorySection(section), Some(maxima), _) => {
                let mut memories = MemorySection::new();
                for (memory, maximum) in section.clone().into_iter().zip(maxima) {
                    let memory = RoundtripReencoder.memory_type(memory?)?;
                    memories.memory(wasm_encoder::MemoryType { maximum: Some(*maximum), ..memory });
                }
                module.section(&memories);
            }
            (Payload::TableSection(section), _, Some(maxima)) => {
                let mut tables = TableSection::new();
                for (table, maximum) in section.clone().into_iter().zip(maxima) {
                    let mut table = table?;
                    table.ty.maximum = Some(*maximum);
                    RoundtripReencoder.parse_table(&mut tables, table)?;
                }
                module.section(&tables);
            }
            _ => return Ok(false),
        }
        Ok(true)
    })
}

/// Copies a module section by section, but for those that are replaced.
fn copy(wasm: &[u8], mut replace: impl FnMut(&mut Module, &Payload<'_>) -> Result<bool>) -> Result<Vec<u8>> {
    let mut module = Module::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        if !replace(&mut module, &payload)?
            && let Some((id, range)) = payload.as_section()
        {
            module.section(&RawSection { id, data: &wasm[range] });
        }
    }
    Ok(module.finish())
}

const START: &str = "wasm-exec:start";

#[cfg(test)]
mod tests {
    use super::*;

    fn exports(wasm: &[u8]) -> Vec<(String, u32)> {
        wasmparser::Validator::new().validate_all(wasm).unwrap();
        let mut exports = Vec::new();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.unwrap() {
                Payload::ExportSection(section) => exports
                    .extend(section.into_iter().map(Result::unwrap).map(|e| (e.name.to_owned(), e.index))),
                Payload::StartSection { .. } => panic!("it is still there"),
                _ => {}
            }
        }
        exports
    }

    #[test]
    fn a_start_function_becomes_an_export() {
        for (declared, others) in [
            ("", &[][..]),
            (r#"(export "a" (func 0))"#, &["a"]),
            (r#"(export "wasm-exec:start" (func 0))"#, &["wasm-exec:start"]),
            (
                r#"(export "wasm-exec:start'" (func 0)) (export "wasm-exec:start" (func 0))"#,
                &["wasm-exec:start'", "wasm-exec:start"],
            ),
        ] {
            let text =
                format!("(module (memory 1) (func) (func) {declared} (start 1) (data (i32.const 0) \"x\"))");
            let (wasm, name) = start_exported(&wat::parse_str(text).unwrap()).unwrap().unwrap();
            let mut exports = exports(&wasm);
            assert_eq!(exports.pop().unwrap(), (name, 1));
            assert_eq!(exports.into_iter().map(|(name, _)| name).collect::<Vec<_>>(), others);
        }
        assert!(start_exported(&wat::parse_str("(module (func))").unwrap()).unwrap().is_none());
    }

    #[test]
    fn all_else_stays_as_it_is() {
        let text = r#"(module (memory 1 9) (memory i64 2)
            (table $a 3 funcref) (table 4 5 externref) (table 6 (ref func) (ref.func $f))
            (func $f (export "f") (drop (table.get $a (i32.const 0)))) (elem (i32.const 0) $f)
            (@custom "x" "y"))"#;
        let wasm = wat::parse_str(text).unwrap();
        assert_eq!(with_maxima(&wasm, None, None).unwrap(), wasm);
        let bounded = text
            .replace("(memory 1 9) (memory i64 2)", "(memory 1 7) (memory i64 2 8)")
            .replace("3 funcref", "3 10 funcref")
            .replace("4 5 ", "4 4 ")
            .replace("6 (ref", "6 12 (ref");
        let maxima = with_maxima(&wasm, Some(&[7, 8]), Some(&[10, 4, 12])).unwrap();
        assert_eq!(maxima, wat::parse_str(bounded).unwrap());
    }
}
