use wasmparser::{Parser, Payload};

use crate::{Capability, Error, Limits, Result};

/// The sizes of the memories and tables that a module declares.
///
/// WasmEdge bounds each memory alone, all alike, and no table. What it cannot bound is declared: a module whose memories
/// or tables could grow above a limit together is written and read again with maxima that share what is left above
/// their first sizes.
#[derive(Debug, Default)]
pub(super) struct Sizes {
    /// In pages.
    memories: Vec<Size>,
    /// In elements.
    tables: Vec<Size>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Size {
    first: u64,
    most: u64,
}

/// What keeps a module within the limits of a task.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Bounded {
    /// The most pages of its only memory.
    pub(super) pages: Option<u64>,
    /// The maxima that its memories must declare.
    pub(super) memories: Option<Box<[u64]>>,
    /// The maxima that its tables must declare.
    pub(super) tables: Option<Box<[u64]>>,
}

impl Sizes {
    /// Reads them; there are no others, as nobody offers a memory or table for import.
    pub(super) fn read(wasm: &[u8]) -> Result<Self, wasmparser::Error> {
        let mut sizes = Self::default();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::MemorySection(section) => {
                    for memory in section {
                        let memory = memory?;
                        let most = memory.maximum.unwrap_or(MOST_PAGES).min(MOST_PAGES);
                        sizes.memories.push(Size { first: memory.initial, most });
                    }
                }
                Payload::TableSection(section) => {
                    for table in section {
                        let table = table?.ty;
                        let most = if table.table64 { u64::MAX } else { u32::MAX.into() };
                        let most = table.maximum.unwrap_or(most);
                        sizes.tables.push(Size { first: table.initial, most });
                    }
                }
                _ => {}
            }
        }
        Ok(sizes)
    }

    /// Tells whether a memory begins above what WasmEdge gives it.
    pub(super) fn has_large_memory(&self) -> bool {
        self.memories.iter().any(|memory| memory.first > MOST_PAGES)
    }

    /// Tells whether there may be limits that only maxima keep.
    pub(super) fn may_need_maxima(&self) -> bool {
        self.memories.len() > 1 || self.tables.iter().any(|table| table.most > table.first)
    }

    /// Refuses a module that begins above a limit, and says what keeps it below.
    pub(super) fn bound(&self, limits: &Limits) -> Result<Bounded> {
        let over = |limit, needed, allowed| Err(Error::OverLimit { limit, needed, allowed });
        let mut bounded = Bounded::default();
        if limits.instances == Some(0) {
            return over(Capability::LimitInstances, 1, 0);
        }
        if let Some(allowed) = limits.memory {
            let needed = first(&self.memories).saturating_mul(PAGE);
            if needed > allowed {
                return over(Capability::LimitMemory, needed, allowed);
            }
            let pages = allowed / PAGE;
            match self.memories.len() {
                0 => {}
                1 => bounded.pages = Some(pages.min(MOST_PAGES)),
                _ => bounded.memories = maxima(&self.memories, pages),
            }
        }
        if let Some(allowed) = limits.table_elements {
            let needed = first(&self.tables);
            if needed > allowed {
                return over(Capability::LimitTableElements, needed, allowed);
            }
            bounded.tables = maxima(&self.tables, allowed);
        }
        Ok(bounded)
    }
}

fn first(sizes: &[Size]) -> u64 {
    sizes.iter().fold(0, |sum, size| sum.saturating_add(size.first))
}

/// Returns maxima that keep the sum, which begins below the limit, there; `None` if it cannot get above.
///
/// Each gets an equal part of what is left, and no more than it could use.
fn maxima(sizes: &[Size], limit: u64) -> Option<Box<[u64]>> {
    let most = sizes.iter().fold(0_u64, |sum, size| sum.saturating_add(size.most));
    if most <= limit {
        return None;
    }
    let mut left = limit - first(sizes);
    let mut maxima: Box<[u64]> = sizes.iter().map(|size| size.first).collect();
    let mut order: Vec<_> = (0..sizes.len()).collect();
    order.sort_by_key(|index| sizes[*index].most - sizes[*index].first);
    for (done, index) in order.into_iter().enumerate() {
        let part = left / (sizes.len() - done) as u64;
        let more = part.min(sizes[index].most - sizes[index].first);
        maxima[index] += more;
        left -= more;
    }
    Some(maxima)
}

const PAGE: u64 = 65536;

/// What WasmEdge lets a memory grow to if it is not told another number: 4 GiB, also for addresses of 64 bits.
const MOST_PAGES: u64 = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(declared: &str) -> Sizes {
        Sizes::read(&wat::parse_str(format!("(module {declared})")).unwrap()).unwrap()
    }

    #[test]
    fn memories_share_what_is_left() {
        for (declared, pages, maxima) in [
            ("(memory 1) (memory 2)", 11, Some(&[5, 6][..])),
            ("(memory 1 1) (memory 2)", 11, Some(&[1, 10])),
            ("(memory 2) (memory 1 1)", 11, Some(&[10, 1])),
            ("(memory 1 3) (memory 1 5) (memory 0)", 20, Some(&[3, 5, 12])),
            ("(memory 1) (memory 2)", 3, Some(&[1, 2])),
            ("(memory i64 1) (memory 2)", 70_000, Some(&[35_000, 35_000])),
            ("(memory i64 1 70000) (memory 2)", 1 << 40, None),
            ("(memory 1 3) (memory 2 4)", 7, None),
            ("", 0, None),
        ] {
            let bounded = sizes(declared).bound(&Limits::unlimited().memory(pages * PAGE)).unwrap();
            assert_eq!(bounded.memories.as_deref(), maxima, "{declared}");
            assert_eq!(bounded.pages, None);
        }
    }

    #[test]
    fn one_memory_needs_no_maximum() {
        let limits = Limits::default().memory(2 * PAGE - 1);
        let bounded = sizes("(memory 1) (table 2 2 funcref)").bound(&limits).unwrap();
        assert_eq!(bounded, Bounded { pages: Some(1), ..Bounded::default() });
        assert_eq!(sizes("(memory 9)").bound(&Limits::unlimited()).unwrap(), Bounded::default());
        let bounded = sizes("(memory i64 9)").bound(&Limits::unlimited().memory(u64::MAX)).unwrap();
        assert_eq!(bounded.pages, Some(MOST_PAGES));
    }

    #[test]
    fn what_begins_above_a_limit_is_refused() {
        for (declared, limits, over) in [
            ("(memory 1) (memory 2)", Limits::unlimited().memory(3 * PAGE - 1), (3 * PAGE, 3 * PAGE - 1)),
            ("(table 3 funcref) (table 4 funcref)", Limits::unlimited().table_elements(6), (7, 6)),
            ("", Limits::unlimited().instances(0), (1, 0)),
        ] {
            let error = sizes(declared).bound(&limits).unwrap_err();
            assert!(
                matches!(error, Error::OverLimit { needed, allowed, .. } if (needed, allowed) == over),
                "{error:?}"
            );
        }
    }
}
