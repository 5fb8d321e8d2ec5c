//! All entries, in the order in which they are asked.

use crate::diagnose::catalogue::{
    application, build, database, engine, general, health, images, manifest, network, paths, proxy,
    store,
};
use crate::diagnose::cause::Cause;

/// Causes that say no more than that something else does not serve: what stands there is mended first.
pub const CONSEQUENCES: &[&str] = &[
    "neighbour-not-running",
    "connection-refused",
    "upstream-refused",
    "dependency-not-ready",
    "health-nobody-listens",
    "health-answers-error",
    "health-check-fails",
    "ended-without-a-known-cause",
];

/// Every known failure, special before general.
pub fn causes() -> impl Iterator<Item = &'static Cause> {
    let families = [
        build::CAUSES,
        images::CAUSES,
        engine::CAUSES,
        proxy::CAUSES,
        database::CAUSES,
        store::CAUSES,
        paths::CAUSES,
        network::CAUSES,
        application::CAUSES,
        health::CAUSES,
        manifest::CAUSES,
        general::CAUSES,
    ];
    families.into_iter().flatten()
}
