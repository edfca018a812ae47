//! libFuzzer's program for [`heddle_fuzz::csr`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| heddle_fuzz::csr::run(data));
