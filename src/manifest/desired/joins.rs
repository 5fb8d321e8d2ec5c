//! What a service shares with others, beside its namespaces, which are words of their own.

use std::collections::BTreeSet;

use super::spec;
use crate::manifest::joins;
use crate::model::join::{Link, VolumesFrom};

/// `volumes_from`.
pub(super) fn volumes_from(spec: &spec::Service) -> Vec<VolumesFrom> {
    spec.volumes_from.iter().filter_map(|text| joins::volumes_from(text)).collect()
}

/// `links`.
pub(super) fn links(spec: &spec::Service) -> BTreeSet<Link> {
    spec.links.iter().map(|text| joins::link(text)).collect()
}
