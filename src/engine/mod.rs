//! The Docker host behind one facade: every call has its own deadline, a number and a classified outcome.
//!
//! Only the adapter (`engine::docker`) names the client crate.

mod stub;
pub use stub::*;
