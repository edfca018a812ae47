//! libFuzzer's program for [`heddle_fuzz::objects`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| heddle_fuzz::objects::run(data));
