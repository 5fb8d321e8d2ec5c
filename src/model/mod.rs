//! The nouns of composelet: what is wanted, what is seen, what is planned, what came of it.
//!
//! Standard library and serde only. Nothing here awaits, reads a clock, a file or the environment, or knows an engine.

pub mod config;
pub mod desired;
pub mod diagnostic;
pub mod id;
pub mod path;
pub mod secret;
pub mod time;
