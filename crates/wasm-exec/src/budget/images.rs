use std::collections::BTreeMap;

use wasmparser::{ConstExpr, Data, DataKind, MemoryType, Operator};

use super::{Budget, within};
use crate::{Result, outline::invalid};

/// How the memories of a module are initialised.
///
/// wasmtime lays a memory out when it compiles, if that is not much larger than the data; otherwise it generates code
/// with a call for each segment, for all memories. So two segments of a byte can make megabytes, and many of them a
/// function that no compiler was made for.
#[derive(Default)]
pub(super) struct Images {
    sizes: Vec<Option<u64>>,
    images: BTreeMap<u32, Image>,
    segments: u64,
    /// Whether some segment's place is known only when the module is instantiated.
    is_open: bool,
}

struct Image {
    bytes: u64,
    start: u64,
    end: u64,
}

impl Images {
    pub(super) fn memory(&mut self, memory: &MemoryType) {
        let page = 1_u64.checked_shl(memory.page_size_log2.unwrap_or(16));
        self.sizes.push(page.and_then(|page| memory.initial.checked_mul(page)));
    }

    pub(super) fn segment(&mut self, data: &Data<'_>) -> Result<()> {
        let DataKind::Active { memory_index, offset_expr } = &data.kind else { return Ok(()) };
        self.segments += 1;
        let size = usize::try_from(*memory_index).ok().and_then(|index| *self.sizes.get(index)?);
        let bytes = data.data.len() as u64;
        let place = constant(offset_expr)?.and_then(|start| Some((start, start.checked_add(bytes)?)));
        match place.filter(|(_, end)| size.is_some_and(|size| *end <= size)) {
            None => self.is_open = true,
            Some(_) if bytes == 0 => {}
            Some((start, end)) => {
                let image = self.images.entry(*memory_index).or_insert(Image { bytes: 0, start, end });
                image.bytes += bytes;
                image.start = image.start.min(start);
                image.end = image.end.max(end);
            }
        }
        Ok(())
    }

    /// Returns how many segments code must initialise.
    pub(super) fn finish(&self, budget: &Budget) -> Result<u64> {
        let sparse =
            |image: &Image| image.size() >= image.bytes.saturating_mul(2) && image.size() >= ALWAYS_LAID_OUT;
        if self.is_open || self.images.values().any(sparse) {
            return Ok(self.segments);
        }
        let padding = self.images.values().map(|image| image.size().saturating_sub(image.bytes)).sum();
        within("bytes between the data of its memories", padding, budget.padding)?;
        Ok(0)
    }
}

impl Image {
    fn size(&self) -> u64 {
        self.end - self.start
    }
}

/// Returns what an expression gives, if it is one number.
fn constant(expr: &ConstExpr<'_>) -> Result<Option<u64>> {
    let mut operators = expr.get_operators_reader();
    let value = match operators.read().map_err(invalid)? {
        Operator::I32Const { value } => u64::from(value.cast_unsigned()),
        Operator::I64Const { value } => value.cast_unsigned(),
        _ => return Ok(None),
    };
    Ok(matches!(operators.read().map_err(invalid)?, Operator::End).then_some(value))
}

/// `Config::memory_guaranteed_dense_image_size`.
const ALWAYS_LAID_OUT: u64 = 16 << 20;
