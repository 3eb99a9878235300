use wasmparser::{BlockType, BrTable, FunctionBody, Operator};

use super::{Budget, within};
use crate::{Result, outline::invalid};

/// Parameters and results of a type, if it is one of functions.
pub(super) type Arity = (u64, u64);

/// Reads functions, one after the other, in the same memory.
#[derive(Default)]
pub(super) struct Functions {
    blocks: Vec<Block>,
    /// Tells the tables of a function apart.
    table: u32,
}

/// What all functions together have, as far as they are limited together.
#[derive(Default)]
pub(super) struct Total {
    pub(super) work: u64,
    pub(super) branch_targets: u64,
}

/// A block that is open.
#[derive(Default)]
struct Block {
    /// The loops that it is in.
    loops: u64,
    /// The values that a branch to it carries.
    values: u64,
    /// The last table that has it as a target.
    table: u32,
}

/// What has been counted of one function.
#[derive(Default)]
struct Count {
    locals: u64,
    depth: u64,
    block_values: u64,
    branch_targets: u64,
    /// Reads and writes of locals.
    accesses: u64,
    work: u64,
}

impl Functions {
    /// Reads a function; `calls` is what the functions of the module take and give.
    pub(super) fn read(
        &mut self,
        body: &FunctionBody<'_>,
        own: Arity,
        module: &impl Types,
        budget: &Budget,
    ) -> Result<Total> {
        within("bytes in a function", body.range().len() as u64, budget.function_bytes)?;
        let mut count = Count { locals: own.0, work: FUNCTION, ..Count::default() };
        for group in body.get_locals_reader().map_err(invalid)? {
            count.locals += u64::from(group.map_err(invalid)?.0);
        }
        within("locals in a function", count.locals, budget.locals)?;
        self.blocks.clear();
        self.blocks.push(Block { values: own.1, ..Block::default() });
        let mut operators = body.get_operators_reader().map_err(invalid)?;
        while !operators.eof() {
            self.operator(&operators.read().map_err(invalid)?, module, &mut count);
        }
        let Count { locals, depth, block_values, branch_targets, accesses, work } = count;
        within("nested blocks", depth, budget.depth)?;
        within("parameters and results of blocks in a function", block_values, budget.block_values)?;
        let work = work.saturating_add(accesses.saturating_mul(locals) / ACCESSES);
        within("units of work in a function", work, budget.function_work)?;
        Ok(Total { work, branch_targets })
    }

    fn operator(&mut self, operator: &Operator<'_>, module: &impl Types, count: &mut Count) {
        count.work += 1;
        match operator {
            Operator::LocalGet { .. } | Operator::LocalSet { .. } | Operator::LocalTee { .. } => {
                count.accesses += 1;
            }
            Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                count.call(module.function(*function_index));
            }
            Operator::CallIndirect { type_index, .. } | Operator::ReturnCallIndirect { type_index, .. } => {
                count.call(module.ty(*type_index));
            }
            Operator::Block { blockty } | Operator::If { blockty } | Operator::Try { blockty } => {
                self.open(*blockty, false, module, count);
            }
            Operator::TryTable { try_table } => self.open(try_table.ty, false, module, count),
            Operator::Loop { blockty } => self.open(*blockty, true, module, count),
            Operator::End | Operator::Delegate { .. } => {
                self.blocks.pop();
            }
            Operator::Else => self.branch(0, count),
            Operator::Br { relative_depth }
            | Operator::BrIf { relative_depth }
            | Operator::BrOnNull { relative_depth }
            | Operator::BrOnNonNull { relative_depth } => self.branch(*relative_depth, count),
            Operator::BrTable { targets } => self.branch_table(targets, count),
            _ => {}
        }
    }

    fn open(&mut self, ty: BlockType, is_loop: bool, module: &impl Types, count: &mut Count) {
        let (params, results) = match ty {
            BlockType::Empty => (0, 0),
            BlockType::Type(_) => (0, 1),
            BlockType::FuncType(index) => module.ty(index),
        };
        count.block_values += params + results;
        let loops = self.blocks.last().map_or(0, |block| block.loops) + u64::from(is_loop);
        let values = if is_loop { params } else { results };
        self.blocks.push(Block { loops, values, table: 0 });
        count.depth = count.depth.max(self.blocks.len() as u64);
        count.meet(loops, params + results);
    }

    fn branch(&self, depth: u32, count: &mut Count) {
        let loops = self.blocks.last().map_or(0, |block| block.loops);
        count.meet(loops, self.place(depth).map_or(0, |place| self.blocks[place].values));
    }

    /// Each target of a table counts once: more of the same are the same branch.
    fn branch_table(&mut self, targets: &BrTable<'_>, count: &mut Count) {
        count.branch_targets += u64::from(targets.len());
        self.table = self.table.wrapping_add(1);
        let loops = self.blocks.last().map_or(0, |block| block.loops);
        for depth in targets.targets().flatten().chain([targets.default()]) {
            let Some(place) = self.place(depth) else { continue };
            let block = &mut self.blocks[place];
            if block.table != self.table {
                block.table = self.table;
                count.meet(loops, block.values);
            }
        }
    }

    /// Finds the block that a branch leads to. Whether there is one is not checked before.
    fn place(&self, depth: u32) -> Option<usize> {
        self.blocks.len().checked_sub(1)?.checked_sub(usize::try_from(depth).ok()?)
    }
}

impl Count {
    /// Values meet: those that are carried, each local, and what the compiler itself needs everywhere.
    fn meet(&mut self, loops: u64, carried: u64) {
        let values = self.locals.saturating_add(carried).saturating_add(ALWAYS);
        self.work = self.work.saturating_add((loops + 1).saturating_mul(values));
    }

    fn call(&mut self, (params, results): Arity) {
        self.work += CALL + params + results;
    }
}

/// The types of a module and its functions; nothing for one that is not there.
pub(super) trait Types {
    fn ty(&self, index: u32) -> Arity;
    fn function(&self, index: u32) -> Arity;
}

/// The weights were measured: see the bombs in `tests/it/budget.rs`.
const FUNCTION: u64 = 64;
const CALL: u64 = 8;
const ALWAYS: u64 = 8;
/// So many times may one local be read or written for a unit.
const ACCESSES: u64 = 8;
