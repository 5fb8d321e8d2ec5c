//! The simulation proof: whole controller runs from seeds under faults, every invariant checked at every step.
//!
//! `docs/reliability.md` says what is promised and how a failure is replayed; `scripts/proof` runs the large budgets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that panics has failed, as it should; helpers are tests too"
)]

/// A run is mostly small allocations.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod campaign;
mod check;
mod coverage;
mod edits;
mod host;
mod mend;
mod pairs;
mod planted;
mod random;
mod regressions;
mod replay;
mod report;
mod run;
mod scenario;
#[path = "../integration/sim/mod.rs"]
mod sim;
mod singles;
mod story;
mod tables;
