use wasmtime::{Config, WasmBacktraceDetails};

/// What code is compiled for: code for something else does not load.
#[derive(Debug, Clone, Copy)]
pub(super) struct Codegen {
    /// It counts what guests compute.
    pub(super) fuel: bool,
    /// It looks in each loop and call whether the guest is to end.
    pub(super) interruptible: bool,
}

impl Codegen {
    pub(super) fn config(self) -> Config {
        let mut config = Config::new();
        // The default asks the environment.
        config.wasm_backtrace_details(WasmBacktraceDetails::Disable);
        config.epoch_interruption(self.interruptible).consume_fuel(self.fuel);
        config
    }
}

impl Default for Codegen {
    fn default() -> Self {
        Self { fuel: false, interruptible: true }
    }
}
