use wasmtime::ResourceLimiter;

use crate::{Capability, Error, Limits};

/// Bounds what all memories together and all tables together take.
///
/// wasmtime's own bounds each of them alone. What it approves is counted for good, also if the system then has no memory
/// for it: a guest that got less than it asked for gets no more than its limit.
#[derive(Debug)]
pub(super) struct Limiter {
    memory: Total,
    table_elements: Total,
    instances: usize,
}

impl Limiter {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            memory: Total::new(limits.memory),
            table_elements: Total::new(limits.table_elements),
            instances: size(limits.instances),
        }
    }

    /// Says why no instance was made, if that was because of a limit.
    pub(super) fn refusal(&self, error: &wasmtime::Error) -> Option<Error> {
        let of = |total: &Total, limit| {
            total.refused.map(|needed| Error::OverLimit { limit, needed, allowed: total.limit as u64 })
        };
        if let Some(needed) = too_many_instances(error) {
            let allowed = self.instances as u64;
            return Some(Error::OverLimit { limit: Capability::LimitInstances, needed, allowed });
        }
        of(&self.memory, Capability::LimitMemory)
            .or_else(|| of(&self.table_elements, Capability::LimitTableElements))
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.memory.grow(current, desired, maximum))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.table_elements.grow(current, desired, maximum))
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        usize::MAX
    }

    fn memories(&self) -> usize {
        usize::MAX
    }
}

#[derive(Debug)]
struct Total {
    limit: usize,
    used: usize,
    /// What would have been used if the first size of something had been granted.
    refused: Option<u64>,
}

impl Total {
    fn new(limit: Option<u64>) -> Self {
        Self { limit: size(limit), used: 0, refused: None }
    }

    fn grow(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> bool {
        // What cannot become of it is not counted.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return false;
        }
        let wanted = self.used.saturating_add(desired.saturating_sub(current));
        if wanted <= self.limit {
            self.used = wanted;
            return true;
        }
        if current == 0 {
            self.refused.get_or_insert(wanted as u64);
        }
        false
    }
}

/// wasmtime has no type for this error; a test of the conformance suite sees to it that its words are these.
fn too_many_instances(error: &wasmtime::Error) -> Option<u64> {
    error
        .root_cause()
        .to_string()
        .strip_prefix("resource limit exceeded: instance count too high at ")?
        .parse()
        .ok()
}

fn size(limit: Option<u64>) -> usize {
    limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_is_summed() {
        let mut total = Total::new(Some(100));
        assert!(total.grow(0, 40, None));
        assert!(total.grow(0, 40, None));
        assert!(!total.grow(40, 70, None));
        assert!(!total.grow(40, 50, Some(45)));
        assert!(total.grow(40, 60, Some(60)));
        assert!(!total.grow(60, 61, None));
        assert!(!total.grow(60, usize::MAX, None));
        assert_eq!(total.refused, None);
        assert!(!total.grow(0, 1, None));
        assert_eq!(total.refused, Some(101));
    }

    #[test]
    fn without_a_limit_everything_grows() {
        let mut total = Total::new(None);
        assert!(total.grow(0, usize::MAX, None));
        assert!(total.grow(0, usize::MAX, None));
    }
}
