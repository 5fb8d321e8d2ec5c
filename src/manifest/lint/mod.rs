//! What a file really does, where that is hardly what its author meant. Every finding lets the project run; each code has a
//! section in `docs/lints.md`. One file per family. A lint is right nearly always, or it is not here.
//!
//! `run` walks over the project in normal form; `overrides` looks on while files are merged; `codes` lists every warning and
//! note of the loader, those that are found elsewhere included.

mod argv;
mod autoheal;
mod codes;
mod environment;
mod facts;
mod health;
mod images;
mod limits;
mod listing;
mod literal;
mod mounts;
mod order;
mod overrides;
mod ports;
mod restart;
mod run;
mod service;
mod unused;

pub use codes::{LINTS, Lint, Teller};
pub(crate) use facts::Facts;
pub(crate) use listing::ask;
pub use literal::is_secret_name;
pub(crate) use overrides::Overrides;
pub(crate) use run::run;
