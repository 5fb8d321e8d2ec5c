//! Walks a plan: bounded parallelism, one outcome per node, no decisions.
//!
//! [`walk`](walk::walk) starts a node once all that it depends on succeeded. What it needs of the controller is the port
//! [`WalkHost`]; what it needs of the engine is the port [`Calls`].

mod call;
mod host;
mod lanes;
mod walk;

pub use call::{Calls, Resolved};
pub use host::WalkHost;
pub use lanes::{Lane, Lanes};
pub use walk::{STALE_AFTER, Walk, walk};
