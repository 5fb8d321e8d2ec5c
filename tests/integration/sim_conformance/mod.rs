//! The simulated engine behaves as engine 20.10 was seen to behave: one test per observed row.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::unchecked_time_subtraction,
    reason = "helpers of tests fail as tests do"
)]

mod containers;
mod daemon;
mod determinism;
mod events;
mod faults;
mod health;
mod images;
mod inspect;
mod networks;
mod removal;
mod restarts;
mod stream;
mod support;
