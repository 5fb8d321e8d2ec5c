//! The state directory: what must outlive the process.

mod stub;
pub use stub::*;
