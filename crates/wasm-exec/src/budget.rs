#[cfg(feature = "wasmtime")]
pub(crate) use self::nesting::instances;
use crate::{Error, Result};

mod function;
mod images;
mod nesting;
mod scan;

/// How much work a module may make for the compiler.
///
/// A compiler is not made for strangers: Cranelift takes minutes, or gigabytes of memory, for modules of some kilobytes
/// that are valid. So a module is read before it is compiled, at some dozen megabytes a second, and one that is above
/// a limit is [`Error::OverBudget`]. What makes programs slow to compile is multiplied out by it, per function: how many
/// values meet at how many branches in how many loops. The unit is that of a model and not of time: modules just below the
/// limits take seconds, and what the limits are there for takes minutes.
///
/// | Limit | Default | The most of three programs |
/// |---|---|---|
/// | `bytes` | 256 MiB | 14 MB |
/// | `functions` | 100,000 | 16,958 |
/// | `types` | 50,000 | 252 |
/// | `function_bytes` | 1 MiB | 199,780 |
/// | `locals` | 5,000 | 183 |
/// | `depth` | 10,000 | 3,289 |
/// | `block_values` | 10,000 | 99 |
/// | `branch_targets` | 4,000,000 | 277,905 |
/// | `function_work` | 4,000,000 | 1,074,307 |
/// | `work` | 128,000,000 | 28,516,271 |
/// | `initializers` | 4,000 | 1 |
/// | `padding` | 64 MiB | 1.8 MB |
/// | `nested` | 1,000 | 0 |
/// | `instances` | 1,000 | 1 |
///
/// It bounds what a module *can* cost and does not measure what it *does*: whoever must be sure of a time compiles in a
/// process of its own, by `WasmtimeBuilder::compile_in`.
///
/// ```
/// use wasm_exec::Budget;
///
/// let budget = Budget::default().bytes(1 << 20).functions(5_000);
/// assert_eq!(budget.locals, 5_000);
/// assert_eq!(Budget::unlimited().locals, u64::MAX);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Budget {
    /// The bytes of the whole file.
    pub bytes: u64,
    /// The functions, also those that are imported, of each module.
    pub functions: u64,
    /// The types of each module.
    pub types: u64,
    /// The bytes of each function.
    pub function_bytes: u64,
    /// The locals of each function, with its parameters.
    pub locals: u64,
    /// How deep the blocks of a function may be nested.
    pub depth: u64,
    /// The parameters and results of all blocks of a function.
    pub block_values: u64,
    /// The targets of all `br_table` instructions.
    pub branch_targets: u64,
    /// What each function may cost, in units.
    pub function_work: u64,
    /// What all functions together may cost, in units.
    pub work: u64,
    /// The globals, and the segments of memories and tables, that only code can initialise.
    pub initializers: u64,
    /// The bytes of zeros between the data of memories, which are laid out before the program runs.
    pub padding: u64,
    /// The modules and components inside of a component.
    pub nested: u64,
    /// The instances that a component is made of.
    pub instances: u64,
}

impl Budget {
    /// No limit at all: for modules that are trusted like the host.
    #[must_use]
    pub fn unlimited() -> Self {
        Self {
            bytes: u64::MAX,
            functions: u64::MAX,
            types: u64::MAX,
            function_bytes: u64::MAX,
            locals: u64::MAX,
            depth: u64::MAX,
            block_values: u64::MAX,
            branch_targets: u64::MAX,
            function_work: u64::MAX,
            work: u64::MAX,
            initializers: u64::MAX,
            padding: u64::MAX,
            nested: u64::MAX,
            instances: u64::MAX,
        }
    }

    /// Limits the bytes of the whole file.
    #[must_use]
    pub fn bytes(mut self, bytes: u64) -> Self {
        self.bytes = bytes;
        self
    }

    /// Limits the functions of each module.
    #[must_use]
    pub fn functions(mut self, functions: u64) -> Self {
        self.functions = functions;
        self
    }

    /// Limits the types of each module.
    #[must_use]
    pub fn types(mut self, types: u64) -> Self {
        self.types = types;
        self
    }

    /// Limits the bytes of each function.
    #[must_use]
    pub fn function_bytes(mut self, function_bytes: u64) -> Self {
        self.function_bytes = function_bytes;
        self
    }

    /// Limits the locals of each function.
    #[must_use]
    pub fn locals(mut self, locals: u64) -> Self {
        self.locals = locals;
        self
    }

    /// Limits how deep the blocks of a function may be nested.
    #[must_use]
    pub fn depth(mut self, depth: u64) -> Self {
        self.depth = depth;
        self
    }

    /// Limits the parameters and results of all blocks of a function.
    #[must_use]
    pub fn block_values(mut self, block_values: u64) -> Self {
        self.block_values = block_values;
        self
    }

    /// Limits the targets of all `br_table` instructions.
    #[must_use]
    pub fn branch_targets(mut self, branch_targets: u64) -> Self {
        self.branch_targets = branch_targets;
        self
    }

    /// Limits what each function may cost.
    #[must_use]
    pub fn function_work(mut self, function_work: u64) -> Self {
        self.function_work = function_work;
        self
    }

    /// Limits what all functions together may cost.
    #[must_use]
    pub fn work(mut self, work: u64) -> Self {
        self.work = work;
        self
    }

    /// Limits what only code can initialise.
    #[must_use]
    pub fn initializers(mut self, initializers: u64) -> Self {
        self.initializers = initializers;
        self
    }

    /// Limits the bytes of zeros between the data of memories.
    #[must_use]
    pub fn padding(mut self, padding: u64) -> Self {
        self.padding = padding;
        self
    }

    /// Limits the modules and components inside of a component.
    #[must_use]
    pub fn nested(mut self, nested: u64) -> Self {
        self.nested = nested;
        self
    }

    /// Limits the instances that a component is made of.
    #[must_use]
    pub fn instances(mut self, instances: u64) -> Self {
        self.instances = instances;
        self
    }

    /// Reads what is to be compiled, a module or a component.
    pub(crate) fn check(&self, wasm: &[u8]) -> Result<()> {
        if *self == Self::unlimited() {
            return Ok(());
        }
        within("bytes", wasm.len() as u64, self.bytes)?;
        scan::scan(wasm, self)
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            bytes: 256 << 20,
            functions: 100_000,
            types: 50_000,
            function_bytes: 1 << 20,
            locals: 5_000,
            depth: 10_000,
            block_values: 10_000,
            branch_targets: 4_000_000,
            function_work: 4_000_000,
            work: 128_000_000,
            initializers: 4_000,
            padding: 64 << 20,
            nested: 1_000,
            instances: 1_000,
        }
    }
}

/// Compares what a module needs, of what it is called in an error.
fn within(what: &'static str, needed: u64, allowed: u64) -> Result<()> {
    if needed > allowed { Err(Error::OverBudget { what, needed, allowed }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_that_are_documented() {
        let budget = Budget::default();
        assert_eq!((budget.bytes, budget.functions, budget.types), (256 << 20, 100_000, 50_000));
        assert_eq!((budget.function_bytes, budget.locals, budget.depth), (1 << 20, 5_000, 10_000));
        assert_eq!((budget.block_values, budget.branch_targets), (10_000, 4_000_000));
        assert_eq!((budget.function_work, budget.work), (4_000_000, 128_000_000));
        assert_eq!((budget.initializers, budget.padding), (4_000, 64 << 20));
        assert_eq!((budget.nested, budget.instances), (1_000, 1_000));
    }

    /// A megabyte as compilers write it: a loop and a table of branches in each function.
    #[test]
    fn an_ordinary_program_is_far_from_the_limits() {
        let end = ") (local.set 2 (call 0 (local.get 1) (i32.load (local.get 2))))".repeat(5);
        let body = format!("(loop {} (br_table 0 1 2 3 4 0 (local.get 0)) {end})", "(block ".repeat(5));
        let one = format!("(func (param i32 i32) (result i32) (local i32 i32 i32 i32) {body} (local.get 1))");
        let wasm = wat::parse_str(format!("(module (memory 1) {})", one.repeat(14_000))).unwrap();
        assert!(wasm.len() > 1_000_000);
        let most = Budget::default();
        Budget::default().work(most.work / 10).function_work(most.function_work / 1000).check(&wasm).unwrap();
    }

    #[test]
    fn what_is_cut_off_is_no_panic() {
        let text = r#"(component
            (core module $m (memory 1) (data (i32.const 0) "x") (func (loop (br_if 0 (i32.const 1)))))
            (component $c (core instance (instantiate 0)))
            (alias outer 0 0 (core module))
            (instance (instantiate $c)))"#;
        for wasm in [
            wat::parse_str(text.replace("(core instance (instantiate 0))", "")).unwrap(),
            guests::ARGS_ENV.wasm(),
        ] {
            Budget::default().check(&wasm).unwrap();
            for end in 0..wasm.len() {
                let _ = Budget::default().check(&wasm[..end]);
                for change in [0x01, 0x80, 0xff] {
                    let mut changed = wasm.clone();
                    changed[end] ^= change;
                    let _ = Budget::default().check(&changed);
                }
            }
        }
    }

    /// A component that instantiates one ten times that instantiates one ten times, and so on.
    fn tower(levels: usize) -> Vec<u8> {
        let mut text = "(component $c0 (core module $m) (core instance (instantiate $m)))".to_owned();
        for level in 1..=levels {
            let below = level - 1;
            let inner = format!("(instance (instantiate $c{below}))").repeat(10);
            text += &format!("(component $c{level} (alias outer 1 $c{below} (component $c{below})) {inner})");
        }
        wat::parse_str(format!("(component {text} (instance (instantiate $c{levels})))")).unwrap()
    }

    #[test]
    fn instances_are_multiplied() {
        for (levels, instances) in [(0, 2), (1, 21), (2, 211), (3, 2111)] {
            let check = |allowed| Budget::unlimited().instances(allowed).check(&tower(levels));
            check(instances).unwrap();
            let error = check(instances - 1).unwrap_err().to_string();
            let says =
                format!("to compile it takes {instances} instances, and the budget allows {}", instances - 1);
            assert_eq!(error, says);
        }
        assert!(Budget::default().check(&tower(9)).is_err());
    }

    #[test]
    fn instances_of_what_is_given_cannot_be_told() {
        let text = "(component (component (import \"c\" (component $c)) (instance (instantiate $c))))";
        let wasm = wat::parse_str(text).unwrap();
        let error = Budget::default().check(&wasm).unwrap_err().to_string();
        assert!(error.contains("instances of components that are given to it"), "{error}");
        Budget::unlimited().check(&wasm).unwrap();
    }

    #[test]
    fn what_is_nested_counts() {
        let wasm = wat::parse_str("(component (core module) (component (core module)))").unwrap();
        Budget::unlimited().nested(3).check(&wasm).unwrap();
        let error = Budget::unlimited().nested(2).check(&wasm).unwrap_err().to_string();
        assert_eq!(error, "to compile it takes 3 nested modules and components, and the budget allows 2");
    }
}
