//! Which tags of a repository a policy means, best first. Pure; the only module that names the crates for versions and
//! patterns.

mod choose;

pub use choose::{candidates, check_pattern, check_range, highest};
