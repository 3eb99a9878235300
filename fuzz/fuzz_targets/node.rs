#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| wasmctr_fuzz::node(text));
