use std::sync::Arc;

use wasmtime::Store;

use super::{NAME, Shared, alarm::Alarm, state::State};
use crate::{Capability, Error, Exit, Limits, Result, Task};

impl Shared {
    /// Makes the store of one run, with its limits.
    pub(super) fn store(&self, state: State, fuel: Option<u64>) -> Result<Store<State>> {
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| state.limiter());
        store.set_epoch_deadline(NEVER);
        self.refuel(&mut store, fuel)?;
        Ok(store)
    }

    /// Fills up what the guest of a store may compute, if that is counted.
    pub(super) fn refuel(&self, store: &mut Store<State>, fuel: Option<u64>) -> Result<()> {
        if self.info.can(Capability::LimitFuel) {
            store.set_fuel(fuel.unwrap_or(u64::MAX)).map_err(not_instantiated)?;
        }
        Ok(())
    }

    /// Runs a guest to its end or until it is stopped, on this thread.
    pub(super) fn drive(
        &self,
        task: Task,
        guest: impl AsyncFnOnce(&mut Store<State>) -> Result<Exit>,
    ) -> Result<Exit> {
        let Limits { fuel, deadline, .. } = task.limits;
        let cancel = task.cancel.clone();
        let mut store = self.store(State::new(task)?, fuel)?;
        let driver = Arc::clone(store.data().driver());
        let exit = if deadline.is_some() || cancel.is_some() {
            let alarm = Alarm::set(&mut store, self.reactor.handle(), false);
            driver.ends_by(&alarm);
            let raced = self.reactor.block_on(&driver, alarm.race(deadline, cancel, guest(&mut store)));
            raced.unwrap_or_else(|stop| Ok(Exit::Stopped(stop)))?
        } else {
            self.reactor.block_on(&driver, guest(&mut store))?
        };
        Ok(store.data().ended(exit))
    }
}

pub(super) fn not_instantiated(error: wasmtime::Error) -> Error {
    Error::Instantiate { engine: NAME, source: error.into() }
}

/// More epochs than an engine sees, which are added to those that it has seen.
const NEVER: u64 = u64::MAX / 2;
