use std::time::Duration;

use crate::{Capability, EngineInfo};

/// How much of the host one run may use.
///
/// A limit is enforced, or the run is refused with [`Error::Unsupported`](crate::Error::Unsupported) before the guest
/// starts; none is ever ignored. `None` is no limit, and has to be spelled out: a [`Task`](crate::Task) has those of
/// [`Limits::default`].
///
/// | Limit | Default | When it is reached |
/// |---|---|---|
/// | `memory` | 256 MiB | growth fails (-1); a module that begins above it is [`Error::OverLimit`](crate::Error::OverLimit) |
/// | `table_elements` | 100,000 | the same |
/// | `instances` | 32 | [`Error::OverLimit`](crate::Error::OverLimit) |
/// | `fuel` | none | [`Stop::Fuel`](crate::Stop::Fuel) |
/// | `deadline` | none | [`Stop::Deadline`](crate::Stop::Deadline) |
/// | `output_bytes` | none | the guest gets `EPIPE`; the run ends as [`Stop::Output`](crate::Stop::Output) |
/// | `handles` | 1,024 | [`Stop::Handles`](crate::Stop::Handles) |
///
/// ```
/// use std::time::Duration;
/// use wasm_exec::Limits;
///
/// let limits = Limits::default().memory(64 << 20).deadline(Duration::from_secs(5));
/// assert_eq!(limits.memory, Some(64 << 20));
/// assert_eq!(limits.handles, Some(1024));
/// assert_eq!(Limits::unlimited().handles, None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The bytes of all linear memories together. Needs [`Capability::LimitMemory`].
    pub memory: Option<u64>,
    /// The elements of all tables together. Needs [`Capability::LimitTableElements`].
    pub table_elements: Option<u64>,
    /// The instances of core modules that the program is made of: 1 if it is a core module itself. Needs
    /// [`Capability::LimitInstances`].
    pub instances: Option<u64>,
    /// How much the guest may compute, in the engine's own unit: about one for an instruction. The same guest with the
    /// same input always uses the same. Needs [`Capability::LimitFuel`].
    pub fuel: Option<u64>,
    /// How long the guest may take, counted from when the run begins. Needs what [`Stopping`] says.
    pub deadline: Option<Duration>,
    /// The bytes on standard output and standard error together, wherever they go. Needs [`Capability::LimitOutput`].
    pub output_bytes: Option<u64>,
    /// What the guest may have open at once: descriptors, with the standard streams, the directories of the task and
    /// its sockets, and what the engine needs to wait for them. Needs [`Capability::LimitHandles`].
    pub handles: Option<u64>,
}

impl Limits {
    /// No limit at all: for guests that are trusted like the host.
    #[must_use]
    pub fn unlimited() -> Self {
        Self {
            memory: None,
            table_elements: None,
            instances: None,
            fuel: None,
            deadline: None,
            output_bytes: None,
            handles: None,
        }
    }

    /// Keeps the limits that an engine enforces, and lifts the others, which a run would be refused for.
    ///
    /// Whoever calls this accepts that the guest may use more on such an engine. A deadline stays: see [`Stopping`].
    #[must_use]
    pub fn enforced_by(self, engine: &EngineInfo) -> Self {
        let keep = |limit: Option<u64>, capability| limit.filter(|_| engine.can(capability));
        Self {
            memory: keep(self.memory, Capability::LimitMemory),
            table_elements: keep(self.table_elements, Capability::LimitTableElements),
            instances: keep(self.instances, Capability::LimitInstances),
            fuel: keep(self.fuel, Capability::LimitFuel),
            deadline: self.deadline,
            output_bytes: keep(self.output_bytes, Capability::LimitOutput),
            handles: keep(self.handles, Capability::LimitHandles),
        }
    }

    /// Limits the bytes of all linear memories together.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// Limits the elements of all tables together.
    #[must_use]
    pub fn table_elements(mut self, elements: u64) -> Self {
        self.table_elements = Some(elements);
        self
    }

    /// Limits the instances of core modules.
    #[must_use]
    pub fn instances(mut self, instances: u64) -> Self {
        self.instances = Some(instances);
        self
    }

    /// Limits how much the guest may compute.
    #[must_use]
    pub fn fuel(mut self, fuel: u64) -> Self {
        self.fuel = Some(fuel);
        self
    }

    /// Limits how long the guest may take.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Limits the bytes on standard output and standard error together.
    #[must_use]
    pub fn output_bytes(mut self, bytes: u64) -> Self {
        self.output_bytes = Some(bytes);
        self
    }

    /// Limits what the guest may have open at once.
    #[must_use]
    pub fn handles(mut self, handles: u64) -> Self {
        self.handles = Some(handles);
        self
    }

    /// What an engine must be able to do to enforce them, the deadline apart.
    pub(crate) fn needs(&self) -> impl Iterator<Item = Capability> {
        [
            self.memory.map(|_| Capability::LimitMemory),
            self.table_elements.map(|_| Capability::LimitTableElements),
            self.instances.map(|_| Capability::LimitInstances),
            self.fuel.map(|_| Capability::LimitFuel),
            self.output_bytes.map(|_| Capability::LimitOutput),
            self.handles.map(|_| Capability::LimitHandles),
        ]
        .into_iter()
        .flatten()
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::unlimited().memory(256 << 20).table_elements(100_000).instances(32).handles(1024)
    }
}

/// How sure a deadline or a [`Cancel`](crate::Cancel) must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Stopping {
    /// It ends a guest wherever it is, also one that waits in a host call for what never comes. Needs
    /// [`Capability::Interrupt`] and [`Capability::InterruptHostCall`].
    #[default]
    Always,
    /// It may take until a host call returns, if the engine has no [`Capability::InterruptHostCall`]. Needs
    /// [`Capability::Interrupt`].
    BestEffort,
    /// It ends a guest that waits in a host call; one that computes goes on until it waits. Needs
    /// [`Capability::InterruptHostCall`].
    HostCall,
}

impl Stopping {
    pub(crate) fn needs(self) -> &'static [Capability] {
        match self {
            Self::Always => &[Capability::Interrupt, Capability::InterruptHostCall],
            Self::BestEffort => &[Capability::Interrupt],
            Self::HostCall => &[Capability::InterruptHostCall],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_that_are_documented() {
        let Limits { memory, table_elements, instances, fuel, deadline, output_bytes, handles } =
            Limits::default();
        assert_eq!((memory, table_elements, instances), (Some(268_435_456), Some(100_000), Some(32)));
        assert_eq!((fuel, deadline, output_bytes, handles), (None, None, None, Some(1024)));
    }

    #[test]
    fn each_limit_has_its_capability() {
        let all = Limits::default().fuel(1).output_bytes(1).deadline(Duration::ZERO);
        let mut needs: Vec<_> = all.needs().collect();
        needs.dedup();
        assert_eq!(needs.len(), 6);
        assert_eq!(Limits::unlimited().needs().count(), 0);
        for capability in needs {
            let able = EngineInfo::new("fake", "1").with([capability]);
            assert_eq!(all.clone().enforced_by(&able).needs().collect::<Vec<_>>(), [capability]);
        }
        assert_eq!(all.enforced_by(&EngineInfo::new("fake", "1")).deadline, Some(Duration::ZERO));
    }
}
