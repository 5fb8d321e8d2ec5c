//! What several tests need.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use composelet::model::desired::{Build, Dockerfile};
use composelet::model::path::LocalPath;
use proptest::prelude::ProptestConfig;

/// A build of this directory with its `Dockerfile`.
pub(crate) fn build(context: &Path) -> Build {
    Build {
        context: LocalPath::new(context),
        dockerfile: Dockerfile::Path("Dockerfile".to_owned()),
        target: None,
        args: BTreeMap::new(),
        labels: BTreeMap::new(),
        network: None,
        extra_hosts: BTreeSet::new(),
        pull: false,
        no_cache: false,
        cache_from: Vec::new(),
        tags: BTreeSet::new(),
        shm_size_bytes: None,
        platform: None,
    }
}

/// The configuration of properties: as many cases as PROPTEST_CASES says, else `quick`, so that the suite takes seconds.
pub(crate) fn cases(quick: u32) -> ProptestConfig {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let config = ProptestConfig::default();
    if asked { config } else { ProptestConfig { cases: quick, ..config } }
}
