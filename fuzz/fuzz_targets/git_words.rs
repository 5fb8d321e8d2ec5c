#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| composelet_fuzz::run("git_words", data));
