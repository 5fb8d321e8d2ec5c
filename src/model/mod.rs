//! The nouns of composelet: what is wanted, what is seen, what is planned, what came of it.
//!
//! Standard library and serde only. Nothing here awaits, reads a clock, a file or the environment, or knows an engine.

pub mod after_check;
pub mod analysis;
pub mod before_check;
pub mod build;
pub mod canonical;
pub mod commit;
pub mod config;
pub mod content;
pub mod desired;
pub mod device;
pub mod diagnostic;
pub mod drill;
pub mod endpoints;
pub mod event;
pub mod exclusive;
pub mod feature;
pub mod field;
pub mod files;
pub mod held;
pub mod hook;
pub mod host_probe;
pub mod id;
pub mod image_update;
pub mod job;
pub mod join;
pub mod ledger;
pub mod neighbour;
pub mod observed;
pub mod operation;
pub mod outcome;
pub mod path;
pub mod plan;
pub mod policy;
pub mod probe;
pub mod reason;
pub mod revision;
pub mod rollout;
pub mod schedule;
pub mod secret;
pub mod status;
pub mod strategy;
pub mod time;
pub mod update;
pub mod verdict;
