//! One simulated host: engine, watched directory and state directories in memory, controllers that can die.

mod bench;
mod calm;
mod litter;
mod operations;
mod storage;
mod tree;

pub(crate) use bench::{Bench, Fact, Slot};
