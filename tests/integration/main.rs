//! The one integration-test binary: every file and folder beside this one is declared here (the tidy test looks).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that panics has failed, as it should; helpers are tests too"
)]

mod real;
mod support_real;
