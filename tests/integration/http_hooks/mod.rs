//! The listener for webhooks over loopback: answers, limits, and what strangers can and cannot bring about.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests: what is not as expected panics"
)]

mod answers;
mod bench;
mod limits;
