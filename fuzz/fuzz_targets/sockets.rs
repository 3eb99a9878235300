#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wasmctr_fuzz::sockets(data));
