//! libFuzzer's program for [`heddle_fuzz::delta`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| heddle_fuzz::delta::run(data));
