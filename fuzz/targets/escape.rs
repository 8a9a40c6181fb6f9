#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| dgw_fuzz::run("escape", input));
