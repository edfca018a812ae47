//! libFuzzer's program for [`heddle_fuzz::inject`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| heddle_fuzz::inject::run(data));
