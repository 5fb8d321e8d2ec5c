//! Revisions of a project for people: a table of all, and one in full with the evidence of its failure.

use crate::cli::output::{BOLD, WARN, append, styled};
use crate::cli::table::Table;
use crate::cli::view;
use crate::model::commit::Commit;
use crate::model::drill::DrillStage;
use crate::model::id::short_image_id;
use crate::model::revision::{CheckResult, Evidence, ProjectRevision, RolloutFailure, Verdict};
use crate::model::status::ProjectStatus;
use crate::model::time::Timestamp;

/// The revisions, oldest first, as a table; under a rejected one why.
pub(super) fn all(project: &ProjectStatus, now: Timestamp) -> String {
    let mut table = Table::new(&["REVISION", "STATE", "AGE", "COMMIT", "IMAGES"]);
    for one in &project.revisions {
        let images = one
            .services
            .iter()
            .map(|(name, service)| format!("{name}={}", short_image_id(service.image_id.as_str())));
        table.row(vec![
            one.number.to_string().into(),
            state(project, one).into(),
            view::age(now, Some(one.since)).into(),
            one.commit.as_ref().map_or("-", Commit::short).into(),
            images.collect::<Vec<_>>().join(" ").into(),
        ]);
    }
    let mut text = table.render();
    for one in &project.revisions {
        if let Verdict::Rejected(failure) = &one.verdict {
            let heading = format!("\nRevision {} was rejected at {}", one.number, failure.at);
            append(&mut text, &format!("{}\n", styled(BOLD, &heading)));
            append(&mut text, &rejected(failure));
        }
    }
    let drills = drills(project, now);
    if !drills.is_empty() {
        append(&mut text, &format!("\n{}\n{drills}", styled(BOLD, "Drills of the way back")));
    }
    text
}

/// The drills of a project: when the next one is, what goes on, and what came of those before.
pub(super) fn drills(project: &ProjectStatus, now: Timestamp) -> String {
    let Some(drill) = &project.drill else { return String::new() };
    let mut text = format!("  at {}\n", drill.when);
    if let Some(next) = drill.next {
        append(&mut text, &format!("  next: {} ({next})\n", view::until(now, next)));
    }
    if let Some(active) = &drill.active {
        let way = match active.stage {
            DrillStage::Back => format!("back to revision {}", active.to),
            DrillStage::Forth { .. } => format!("forth to revision {}", active.from),
        };
        let age = view::age(now, Some(active.since));
        append(&mut text, &format!("  goes on: {way} for {age}\n"));
    }
    for one in &drill.history {
        let line = one.end.to_string();
        let line = if one.failure().is_some() { styled(WARN, &line) } else { line };
        append(&mut text, &format!("  due {}  {line}\n", one.due));
    }
    text
}

/// One revision in full.
pub(super) fn one(project: &ProjectStatus, revision: &ProjectRevision, now: Timestamp) -> String {
    let mut text = format!(
        "{} {}, {}, {} ago\n",
        styled(BOLD, "Revision"),
        revision.number,
        state(project, revision),
        view::age(now, Some(revision.since))
    );
    if let Some(commit) = &revision.commit {
        append(&mut text, &format!("  commit {}\n", commit.id));
    }
    for (name, service) in &revision.services {
        append(
            &mut text,
            &format!("  {name}  {} = {}\n", service.image, service.image_id.as_str()),
        );
    }
    if let Verdict::Rejected(failure) = &revision.verdict {
        append(&mut text, &format!("{}\n", styled(BOLD, &format!("Rejected at {}", failure.at))));
        append(&mut text, &rejected(failure));
    }
    text
}

/// What failed, what the engine said of it, its last checks and its last words.
pub(super) fn rejected(failure: &RolloutFailure) -> String {
    let mut text = format!("  {}: {}\n", failure.service, failure.cause);
    if let Some(evidence) = &failure.evidence {
        append(&mut text, &format!("  container: {}\n", said(evidence)));
        for check in &evidence.health {
            append(&mut text, &format!("  check: {}\n", checked(check)));
        }
    }
    for line in &failure.log {
        append(&mut text, &format!("  | {line}\n"));
    }
    text
}

/// What the engine said of a container, in one line.
pub(super) fn said(evidence: &Evidence) -> String {
    let mut parts = vec![evidence.state.clone()];
    parts.extend(evidence.exit_code.map(|code| format!("exit code {code}")));
    parts.extend(evidence.oom_killed.then(|| "killed for want of memory".to_owned()));
    parts.extend(Some(evidence.error.clone()).filter(|error| !error.is_empty()));
    parts.extend(evidence.started_at.map(|at| format!("started {at}")));
    parts.extend(evidence.finished_at.map(|at| format!("finished {at}")));
    if evidence.restart_count > 0 {
        parts.push(format!("restarted {} times by the engine", evidence.restart_count));
    }
    let image = evidence.image_id.as_ref();
    parts.extend(image.map(|id| format!("image {}", short_image_id(id.as_str()))));
    parts.join(", ")
}

/// One health probe, in one line.
pub(super) fn checked(check: &CheckResult) -> String {
    let code = check
        .exit_code
        .map_or_else(|| "no exit code".to_owned(), |code| format!("exit code {code}"));
    let took = match (check.start, check.end) {
        (Some(start), Some(end)) => format!("{start}, {} ms, ", end.since(start).as_millis()),
        (Some(start), None) => format!("{start}, "),
        _ => String::new(),
    };
    format!("{took}{code}: {}", check.output.trim())
}

fn state(project: &ProjectStatus, one: &ProjectRevision) -> String {
    let word = match &one.verdict {
        Verdict::Open => "open",
        Verdict::Stable { .. } => "stable",
        Verdict::Rejected(_) => "rejected",
    };
    let runs = match &project.rollback {
        Some(rollback) => rollback.to == one.number,
        None => project.revisions.last().is_some_and(|last| last.number == one.number),
    };
    if runs { format!("{word}, runs") } else { word.to_owned() }
}
