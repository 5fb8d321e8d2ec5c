//! The invariants. They read a trace of what happened ([`crate::sim::Happening`]) and looks at containers; who produced
//! them, the simulated engine or a proxy before a real one, is all the same.

mod availability;
mod budget;
mod declared;
mod ended;
mod lives;
mod progress;
mod roles;
mod safety;
mod schedules;
mod shown;
mod state;
mod table;
mod told;
mod verdicts;

pub(crate) use declared::{Declared, feasible};
pub(crate) use ended::Ended;
pub(crate) use safety::Checker;
pub(crate) use table::{INVARIANTS, Standing};

use std::time::Duration;

/// A broken invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Such as `S1`.
    pub(crate) invariant: &'static str,
    /// When.
    pub(crate) at: Duration,
    /// What.
    pub(crate) text: String,
}
