//! Pure: (desired, observed, host view, ledger, operations, policy, now) → plan. No clock, I/O, log or randomness.

mod stub;
pub use stub::*;
