use wasmtime::{Config, WasmBacktraceDetails};

/// The one configuration: code compiled under another does not load.
pub(super) fn config() -> Config {
    let mut config = Config::new();
    // The default asks the environment.
    config.wasm_backtrace_details(WasmBacktraceDetails::Disable);
    // What a deadline and a cancel end a guest by.
    config.epoch_interruption(true);
    config
}
