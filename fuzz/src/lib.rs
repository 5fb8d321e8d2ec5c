//! The fuzz targets. What they do stands beside the integration tests, which run the same functions on every commit.

#[path = "../../tests/integration/hostile/targets/mod.rs"]
#[allow(dead_code, unused_imports, reason = "some helpers are for the integration tests")]
mod targets;

/// Runs a target by its name.
pub fn run(name: &str, data: &[u8]) {
    let target = targets::TARGETS.iter().find(|(known, _)| *known == name);
    let (_, run) = target.expect("the target is in the table");
    run(data);
}
