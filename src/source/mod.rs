//! Where manifests come from: the watched directory, its snapshots, build contexts, bytes of configs and secrets.

mod stub;
pub use stub::*;
