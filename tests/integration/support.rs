//! What several tests need.

use std::path::Path;

use composelet::model::build::{Build, ContextRoot};
use composelet::model::path::LocalPath;
use proptest::prelude::ProptestConfig;

/// A build of this directory with its `Dockerfile`.
pub(crate) fn build(context: &Path) -> Build {
    Build::of(ContextRoot::Directory(LocalPath::new(context)))
}

/// The configuration of properties: as many cases as PROPTEST_CASES says, else `quick`, so that the suite takes seconds.
pub(crate) fn cases(quick: u32) -> ProptestConfig {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let config = ProptestConfig::default();
    if asked { config } else { ProptestConfig { cases: quick, ..config } }
}
