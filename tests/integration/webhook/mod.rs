//! Webhooks without a network: vectors, forgeries, messages of every forge, replays and limits.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests: what is not as expected panics"
)]

pub(crate) mod delivery;
mod forgeries;
mod messages;
mod properties;
mod vectors;
