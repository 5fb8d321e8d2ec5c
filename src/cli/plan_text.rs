//! Plans as text and as JSON.

use serde_json::{Value, json};

use crate::cli::foresight::Foreseen;
use crate::cli::output::{BAD, BOLD, DIM, GOOD, WARN, append, styled};
use crate::cli::view;
use crate::model::held::Held;
use crate::model::plan::PlanNode;
use crate::model::time::Timestamp;
use crate::planner::{Certainty, PreviewStep};

/// Plans for people: per project what happens now, then *when …*, then what is held.
pub(super) fn text(foreseen: &[Foreseen], now: Timestamp) -> String {
    if foreseen.is_empty() {
        return "no project\n".to_owned();
    }
    foreseen.iter().map(|project| project_text(project, now)).collect()
}

fn project_text(project: &Foreseen, now: Timestamp) -> String {
    let name = styled(BOLD, &project.name);
    let Some(preview) = &project.preview else {
        return format!("{name}: {}\n", styled(BAD, "manifest has errors"));
    };
    let held: Vec<&Held> =
        preview.steps.first().into_iter().flat_map(|step| step.plan.waits()).collect();
    if !project.has_changes() && held.is_empty() {
        return format!("{name}: {}\n", styled(GOOD, "nothing to do"));
    }
    let mut text = format!("{name}: {}\n", counts(&preview.steps, held.len()));
    for step in preview.steps.iter().filter(|step| !step.plan.nodes.is_empty()) {
        append(&mut text, &format!("  {}:\n", styled(DIM, &heading(step))));
        for node in &step.plan.nodes {
            append(&mut text, &format!("    {}\n", node_text(node)));
        }
    }
    for held in held {
        append(&mut text, &format!("  {}\n", held_text(held, now)));
    }
    text
}

fn counts(steps: &[PreviewStep], held: usize) -> String {
    let now = steps.first().map_or(0, |step| step.plan.nodes.len());
    let all: usize = steps.iter().map(|step| step.plan.nodes.len()).sum();
    let held = if held == 0 { String::new() } else { format!(", {held} held") };
    format!("{} now, {} later{held}", view::count(now, "step"), all - now)
}

fn heading(step: &PreviewStep) -> String {
    match step.certainty {
        Certainty::Follows => step.when.clone(),
        Certainty::May => format!("{} (may)", step.when),
    }
}

/// As in the stable form of a plan: what goes before, the call, on what, why.
fn node_text(node: &PlanNode) -> String {
    let after: Vec<String> = node.depends_on.iter().map(|id| id.0.to_string()).collect();
    let (kind, object) = (node.action.kind(), node.action.object());
    format!("[{}] -> #{} {kind} {object}, {}", after.join(","), node.id.0, node.reason)
}

fn held_text(held: &Held, now: Timestamp) -> String {
    let code = styled(WARN, held.waiting_on.code());
    let until = held.until.map(|until| format!(", {}", view::until(now, until)));
    format!(
        "held {}: {code}: waiting on {}{}",
        held.subject,
        held.waiting_on,
        until.unwrap_or_default()
    )
}

/// Plans for programs.
pub(super) fn json(foreseen: &[Foreseen]) -> Value {
    foreseen.iter().map(project_json).collect()
}

fn project_json(project: &Foreseen) -> Value {
    let steps = project.preview.iter().flat_map(|preview| &preview.steps);
    json!({
        "project": project.name,
        "changes": project.has_changes(),
        "steps": steps.map(step_json).collect::<Vec<_>>(),
        "diagnostics": project.diagnostics,
    })
}

fn step_json(step: &PreviewStep) -> Value {
    json!({
        "when": step.when,
        "certain": step.certainty == Certainty::Follows,
        "nodes": step.plan.nodes.iter().map(node_json).collect::<Vec<_>>(),
        "held": step.plan.held.iter().map(held_json).collect::<Vec<_>>(),
    })
}

fn node_json(node: &PlanNode) -> Value {
    json!({
        "id": node.id,
        "action": node.action.kind(),
        "object": node.action.object(),
        "reason": node.reason.code(),
        "message": node.reason.to_string(),
        "depends_on": node.depends_on,
        "replica": node.group.as_ref().map(ToString::to_string),
    })
}

fn held_json(held: &Held) -> Value {
    json!({
        "subject": held.subject.to_string(),
        "reason": held.waiting_on.code(),
        "message": held.waiting_on.to_string(),
        "until": held.until,
    })
}
