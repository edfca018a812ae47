//! libFuzzer's program for [`heddle_fuzz::yaml`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| heddle_fuzz::yaml::run(data));
