use wasmparser::{
    CompositeInnerType, ConstExpr, Element, ElementItems, ElementKind, Encoding, FunctionBody, Global,
    Operator, Parser, Payload, RecGroup, SectionLimited, Table, TableInit, TypeRef,
};

use super::{
    Budget,
    function::{Arity, Functions, Total, Types},
    images::Images,
    nesting::Nesting,
    within,
};
use crate::{Result, outline::invalid};

/// Reads a module or component from its beginning to its end.
///
/// It need not be valid: what makes no sense is passed over, and the compiler will say so.
pub(super) fn scan(wasm: &[u8], budget: &Budget) -> Result<()> {
    let mut scan = Scan {
        budget,
        module: Module::default(),
        nesting: Nesting::default(),
        functions: Functions::default(),
        total: Total::default(),
    };
    Parser::new(0).parse_all(wasm).try_for_each(|payload| scan.payload(payload.map_err(invalid)?))
}

struct Scan<'a> {
    budget: &'a Budget,
    /// The module that is being read: there are none inside of it.
    module: Module,
    nesting: Nesting,
    functions: Functions,
    total: Total,
}

#[derive(Default)]
struct Module {
    types: Vec<Arity>,
    /// The type of each function.
    functions: Vec<u32>,
    /// How many functions are imported or have been read.
    read: usize,
    images: Images,
    initializers: u64,
}

impl Scan<'_> {
    fn payload(&mut self, payload: Payload<'_>) -> Result<()> {
        self.nesting.payload(&payload, self.budget)?;
        match payload {
            Payload::Version { encoding: Encoding::Module, .. } => self.module = Module::default(),
            Payload::End(_) => self.end()?,
            Payload::CodeSectionEntry(body) => self.function(&body)?,
            payload => self.module.payload(payload, self.budget)?,
        }
        Ok(())
    }

    /// Ends the module, if it is one that ends: of a component there is none open.
    fn end(&mut self) -> Result<()> {
        let module = std::mem::take(&mut self.module);
        let segments = module.images.finish(self.budget)?;
        within("initializers", module.initializers + segments, self.budget.initializers)
    }

    fn function(&mut self, body: &FunctionBody<'_>) -> Result<()> {
        let own = u32::try_from(self.module.read).map_or((0, 0), |index| self.module.function(index));
        self.module.read += 1;
        let one = self.functions.read(body, own, &self.module, self.budget)?;
        self.total.work = self.total.work.saturating_add(one.work);
        self.total.branch_targets += one.branch_targets;
        within("targets in tables of branches", self.total.branch_targets, self.budget.branch_targets)?;
        within("units of work", self.total.work, self.budget.work)
    }
}

impl Module {
    fn payload(&mut self, payload: Payload<'_>, budget: &Budget) -> Result<()> {
        match payload {
            Payload::TypeSection(section) => {
                within("types", section.count().into(), budget.types)?;
                every(section, |group| self.group(group))
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    self.import(import.map_err(invalid)?.ty);
                }
                self.read = self.functions.len();
                Ok(())
            }
            Payload::FunctionSection(section) => {
                within(
                    "functions",
                    self.functions.len() as u64 + u64::from(section.count()),
                    budget.functions,
                )?;
                every(section, |ty| self.functions.push(ty))
            }
            Payload::TableSection(section) => each(section, |table| self.table(&table)),
            Payload::MemorySection(section) => every(section, |memory| self.images.memory(&memory)),
            Payload::GlobalSection(section) => each(section, |global| self.global(&global)),
            Payload::ElementSection(section) => each(section, |element| self.element(&element)),
            Payload::DataSection(section) => each(section, |data| self.images.segment(&data)),
            _ => Ok(()),
        }
    }

    fn group(&mut self, group: RecGroup) {
        self.types.extend(group.into_types().map(|ty| match ty.composite_type.inner {
            CompositeInnerType::Func(ty) => (ty.params().len() as u64, ty.results().len() as u64),
            _ => (0, 0),
        }));
    }

    fn import(&mut self, ty: TypeRef) {
        match ty {
            TypeRef::Func(ty) | TypeRef::FuncExact(ty) => self.functions.push(ty),
            TypeRef::Memory(memory) => self.images.memory(&memory),
            _ => {}
        }
    }

    fn table(&mut self, table: &Table<'_>) -> Result<()> {
        if let TableInit::Expr(expr) = &table.init {
            self.initializers += steps(expr, true)?;
        }
        Ok(())
    }

    fn global(&mut self, global: &Global<'_>) -> Result<()> {
        self.initializers += steps(&global.init_expr, false)?;
        Ok(())
    }

    fn element(&mut self, element: &Element<'_>) -> Result<()> {
        if let ElementKind::Active { offset_expr, .. } = &element.kind {
            self.initializers += 1 + steps(offset_expr, true)?;
        }
        if let ElementItems::Expressions(_, items) = &element.items {
            for item in items.clone() {
                self.initializers += steps(&item.map_err(invalid)?, true)?;
            }
        }
        Ok(())
    }
}

impl Types for Module {
    fn ty(&self, index: u32) -> Arity {
        usize::try_from(index).ok().and_then(|index| self.types.get(index)).copied().unwrap_or_default()
    }

    fn function(&self, index: u32) -> Arity {
        let ty = usize::try_from(index).ok().and_then(|index| self.functions.get(index));
        ty.map_or((0, 0), |ty| self.ty(*ty))
    }
}

/// Returns how many instructions it takes to compute an expression, none if it is a constant.
fn steps(expr: &ConstExpr<'_>, functions_are_constant: bool) -> Result<u64> {
    let mut operators = expr.get_operators_reader();
    let mut steps = 0;
    let mut is_constant = true;
    while !operators.eof() {
        match operators.read().map_err(invalid)? {
            Operator::End => continue,
            Operator::I32Const { .. }
            | Operator::I64Const { .. }
            | Operator::F32Const { .. }
            | Operator::F64Const { .. }
            | Operator::V128Const { .. }
            | Operator::RefNull { .. } => {}
            Operator::RefFunc { .. } if functions_are_constant => {}
            _ => is_constant = false,
        }
        steps += 1;
    }
    Ok(if is_constant && steps == 1 { 0 } else { steps })
}

pub(super) fn every<'a, T: wasmparser::FromReader<'a>>(
    section: SectionLimited<'a, T>,
    mut read: impl FnMut(T),
) -> Result<()> {
    each(section, |item| {
        read(item);
        Ok(())
    })
}

pub(super) fn each<'a, T: wasmparser::FromReader<'a>>(
    section: SectionLimited<'a, T>,
    mut read: impl FnMut(T) -> Result<()>,
) -> Result<()> {
    section.into_iter().try_for_each(|item| read(item.map_err(invalid)?))
}
