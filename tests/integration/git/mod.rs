//! Git sources against repositories on this host: what is put in place, what stays, and what is refused.

mod bench;
mod data;
mod faults;
mod follow;
mod signatures;

pub(crate) use bench::{git, write};
