//! All checks, in the order of the report.

use crate::doctor::line::Line;
use crate::doctor::survey::Survey;
use crate::doctor::{certificate, engine, host, project, secrets};

/// A check.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Stable name in kebab-case.
    pub id: &'static str,
    /// What it asks.
    pub asks: &'static str,
    /// What it finds; at least one line.
    look: fn(&Survey) -> Vec<Line>,
}

const fn check(id: &'static str, asks: &'static str, look: fn(&Survey) -> Vec<Line>) -> Check {
    Check { id, asks, look }
}

/// Every check.
pub const CHECKS: &[Check] = &[
    check("engine", "the engine answers, and is 20.10 or later", engine::version),
    check("engine-warnings", "the engine warns of nothing that matters", engine::warnings),
    check("features", "the engine can do all that the projects ask for", engine::features),
    check("address-pools", "there are subnets left for further networks", engine::pools),
    check("clock", "the clocks of host and engine agree, and the host keeps time", host::clock),
    check("disk", "there are 10 GB and 10 % of disk left", host::disk),
    check("inodes", "there are 10 % of the inodes left", host::inodes),
    check("memory", "the memory limits fit into the host, and some is free", host::memory),
    check("inotify", "enough files may be watched", host::inotify),
    check("dns", "the host has name servers", host::dns),
    check("registry", "the registries of images that are not here answer", host::registry),
    check("manifests", "the files of all projects load", project::manifests),
    check(
        "variables",
        "every variable has a value, and every file of values is loaded",
        project::variables,
    ),
    check("ports", "every port that is to be published is free, or already ours", project::ports),
    check("paths", "every bound path of the host is there, and files are files", project::paths),
    check("images", "every image is here or can be built", project::images),
    check("policy", "the policy allows what the projects ask for", project::policy),
    check(
        "health-checks",
        "every health check can fail, and who is waited for has one",
        project::health,
    ),
    check("readiness", "every project is ready", project::readiness),
    check("logs", "the logs of every service are rotated", project::logs),
    check(
        "exposure",
        "no port that is published to the world goes round a firewall",
        project::exposure,
    ),
    check("secrets", "no secret is a default, short or empty", secrets::secrets),
    check(
        "certificates",
        "every certificate in a mounted file holds, and for two more weeks",
        certificate::certificates,
    ),
    check(
        "backups",
        "every service that keeps data has a verified backup younger than two days",
        project::backups,
    ),
];

/// The report: every check says at least one line.
pub fn judge(survey: &Survey) -> Vec<Line> {
    let lines = CHECKS.iter().flat_map(|check| {
        let found = (check.look)(survey);
        found.into_iter().map(move |line| Line { check: check.id, ..line })
    });
    lines.collect()
}

/// The lines, or one that all is well.
pub(super) fn or_pass(lines: Vec<Line>, words: &str) -> Vec<Line> {
    if lines.is_empty() { vec![Line::pass("", words)] } else { lines }
}
