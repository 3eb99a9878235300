use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use wasm_exec::{Capability, EngineInfo, Limits};

use crate::{Failure, engine::Code, size::Size};

/// The flags that limit how much a guest may use.
#[derive(Debug, Args)]
pub(crate) struct LimitFlags {
    /// The memory that it may have, such as 64M [default: 256M]
    #[arg(long, value_name = "SIZE")]
    memory: Option<Size>,
    /// The elements that its tables may have [default: 100000]
    #[arg(long, value_name = "N")]
    table_elements: Option<u64>,
    /// The instances of core modules that it may be made of [default: 32]
    #[arg(long, value_name = "N")]
    instances: Option<u64>,
    /// The descriptors and the like that it may have open at once [default: 1024]
    #[arg(long, value_name = "N")]
    handles: Option<u64>,
    /// How much it may compute: about 1 for an instruction [default: no limit]
    #[arg(long, value_name = "N")]
    fuel: Option<u64>,
    /// The seconds that it may take; its code then looks whether it is to end, and is slower [default: no limit]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// The bytes that it may write to standard output and standard error together [default: no limit]
    #[arg(long, value_name = "SIZE")]
    output_limit: Option<Size>,
    /// Limit nothing but what the other flags limit
    #[arg(long)]
    unlimited: bool,
}

impl LimitFlags {
    /// What the code has to do for the limits that were asked for.
    pub(crate) fn code(&self) -> Code {
        Code { counts_fuel: self.fuel.is_some(), interruptible: self.timeout.is_some() }
    }

    /// Returns the limits that a task has by itself, as far as the engine enforces them, and those that were asked for:
    /// if it does not enforce these, it refuses the task. A default that is lifted is not lifted in silence.
    pub(crate) fn of(&self, engine: &EngineInfo) -> Limits {
        let all = self.wanted();
        let enforced = all.clone().enforced_by(engine);
        let lifted: Vec<_> = NAMES
            .iter()
            .filter(|(limit, _)| limit(&all).is_some() && limit(&self.over(enforced.clone())).is_none())
            .map(|(_, name)| *name)
            .collect();
        if !lifted.is_empty() {
            let error =
                anyhow!("{} does not limit {}: the guest runs without", engine.name, lifted.join(", "));
            let failure = Failure::new(0, error).help("`--unlimited` says that no limit is meant");
            failure.warn(&mut anstream::stderr().lock());
        }
        self.over(enforced)
    }

    /// The same, whatever the engine.
    pub(crate) fn wanted(&self) -> Limits {
        self.over(if self.unlimited { Limits::unlimited() } else { Limits::default() })
    }

    fn over(&self, limits: Limits) -> Limits {
        let mut limits = limits;
        limits.memory = self.memory.map(|size| size.0).or(limits.memory);
        limits.table_elements = self.table_elements.or(limits.table_elements);
        limits.instances = self.instances.or(limits.instances);
        limits.handles = self.handles.or(limits.handles);
        limits.fuel = self.fuel.or(limits.fuel);
        limits.deadline = self.timeout.or(limits.deadline);
        limits.output_bytes = self.output_limit.map(|size| size.0).or(limits.output_bytes);
        limits
    }
}

/// The flag by which a user sets what needs this capability.
pub(crate) fn flag_of(capability: Capability) -> Option<&'static str> {
    Some(match capability {
        Capability::Interrupt | Capability::InterruptHostCall => "--timeout",
        Capability::LimitFuel => "--fuel",
        Capability::LimitHandles => "--handles",
        Capability::LimitInstances => "--instances",
        Capability::LimitMemory => "--memory",
        Capability::LimitOutput => "--output-limit",
        Capability::LimitTableElements => "--table-elements",
        _ => return None,
    })
}

/// Parses a number of seconds, with a fraction if need be.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "write a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

type Limit = fn(&Limits) -> Option<u64>;

/// The limits that a task has by itself.
const NAMES: [(Limit, &str); 4] = [
    (|limits| limits.memory, "memory"),
    (|limits| limits.table_elements, "table elements"),
    (|limits| limits.instances, "instances"),
    (|limits| limits.handles, "open handles"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever adds a default to the library adds its name here.
    #[test]
    fn every_default_has_its_name() {
        let mut rest = Limits::default();
        assert!(NAMES.iter().all(|(limit, _)| limit(&rest).is_some()));
        (rest.memory, rest.table_elements, rest.instances, rest.handles) = (None, None, None, None);
        assert_eq!(rest, Limits::unlimited());
    }
}
