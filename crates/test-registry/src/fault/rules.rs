//! The rules of a registry.

use super::{Fault, Faults, On};
use crate::http::Request;
use crate::route::Route;

/// Names a rule, to ask how often it fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleId(usize);

/// Faults, and where they happen.
#[derive(Debug, Default)]
pub(crate) struct Rules(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    on: On,
    fault: Fault,
    /// Requests that met it, and those on which it fired.
    met: u64,
    fired: u64,
    off: bool,
}

impl Rules {
    pub(crate) fn add(&mut self, on: On, fault: Fault) -> RuleId {
        self.0.push(Rule { on, fault, met: 0, fired: 0, off: false });
        RuleId(self.0.len() - 1)
    }

    /// No rule fires any more; their counts stay.
    pub(crate) fn clear(&mut self) {
        for rule in &mut self.0 {
            rule.off = true;
        }
    }

    pub(crate) fn fired(&self, id: RuleId) -> u64 {
        self.0.get(id.0).map_or(0, |rule| rule.fired)
    }

    /// The faults of this request, which counts as met.
    pub(crate) fn meet(&mut self, request: &Request, route: &Route) -> Faults {
        let mut faults = Vec::new();
        for rule in self.0.iter_mut().filter(|rule| !rule.off && rule.on.is_met(request, route)) {
            if rule.on.counts(rule.met) {
                rule.fired += 1;
                faults.push(rule.fault.clone());
            }
            rule.met += 1;
        }
        Faults(faults)
    }
}
