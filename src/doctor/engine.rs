//! Checks of the engine.

use crate::doctor::judge::or_pass;
use crate::doctor::line::Line;
use crate::doctor::survey::Survey;

/// Networks that fit into Docker's own pools: 15 of /16 below 172.16/12 beside its own, and 16 of /20 below 192.168/16.
const DEFAULT_NETWORKS: usize = 31;
/// Subnets that should be left.
const SPARE_NETWORKS: usize = 3;
/// Oldest API that is served: Docker 20.10.
const OLDEST_MINOR: u16 = 41;

pub(super) fn version(survey: &Survey) -> Vec<Line> {
    let Some(engine) = &survey.engine else {
        let words = format!("it cannot be asked: {}", survey.engine_error);
        return vec![Line::fail(
            "",
            words,
            "start the daemon (`systemctl start docker`), or name another with -H; the user needs the group `docker`",
        )];
    };
    let version = engine.server_version.as_deref().unwrap_or("unknown");
    let words = format!("version {version}, API 1.{}", survey.api_minor);
    if survey.api_minor < OLDEST_MINOR {
        return vec![Line::fail("", words, "update the engine to 20.10 or later")];
    }
    vec![Line::pass("", format!("{words}; Compose files are read here, no Compose is needed"))]
}

pub(super) fn warnings(survey: &Survey) -> Vec<Line> {
    let Some(engine) = &survey.engine else { return vec![unknown()] };
    let told = engine.warnings.iter().flatten().filter(|warning| !warning.trim().is_empty());
    let mend = "a limit that the kernel does not know has no effect; the daemon's documentation names the kernel option";
    let lines = told.map(|warning| Line::warn("", warning.trim(), mend)).collect();
    or_pass(lines, "no warnings")
}

pub(super) fn features(survey: &Survey) -> Vec<Line> {
    let lacking = survey.projects.iter().flat_map(|project| {
        let mend = "take the attribute out of the manifest, or update the engine";
        project.lacking.iter().map(move |what| Line::fail(&project.name, what.as_str(), mend))
    });
    or_pass(lacking.collect(), "everything that is asked for is there")
}

pub(super) fn pools(survey: &Survey) -> Vec<Line> {
    let Some(engine) = &survey.engine else { return vec![unknown()] };
    if engine.default_address_pools.as_ref().is_some_and(|pools| !pools.is_empty()) {
        let words =
            format!("the daemon has pools of its own; {} subnets are in use", survey.subnets.len());
        return vec![Line::pass("", words)];
    }
    let used = survey.subnets.len();
    let words =
        format!("{used} subnets are in use, about {DEFAULT_NETWORKS} fit into the daemon's pools");
    if used + SPARE_NETWORKS > DEFAULT_NETWORKS {
        return vec![Line::warn(
            "",
            words,
            "remove networks that nobody uses, or widen `default-address-pools` in /etc/docker/daemon.json",
        )];
    }
    vec![Line::pass("", words)]
}

/// The engine was not asked.
pub(super) fn unknown() -> Line {
    Line::not_checkable("", "the engine cannot be asked")
}
