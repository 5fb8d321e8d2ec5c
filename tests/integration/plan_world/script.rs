//! A case as data: a world, what happens in it, and the text of every pass.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

use composelet::model::outcome::FailureClass;
use composelet::model::plan::{Plan, PlanNode};
use composelet::model::status::{Condition, ConditionKind, Truth};
use composelet::model::time::Timestamp;

use super::change::Change;
use super::project::project;
use super::sim::{NOON, Sim, failure};
use super::units::duration;

/// `world.yaml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    /// What stands at the beginning.
    #[serde(default)]
    from: From,
    /// Running time of what stands at the beginning.
    #[serde(default = "an_hour")]
    age: String,
    /// Applied before anything is converged: images, API version.
    #[serde(default)]
    given: Change,
    /// Applied before the first pass.
    #[serde(default)]
    change: Change,
    /// Conditions are printed too.
    #[serde(default)]
    status: bool,
    /// Passes after the first.
    #[serde(default)]
    then: Vec<Step>,
}

/// What stands at the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum From {
    /// An empty engine.
    #[default]
    Nothing,
    /// The project of `before.yaml`, or of `compose.yaml`, running as declared.
    Converged,
}

/// What happens between two passes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Step {
    /// Time that goes by; a second unless said.
    after: Option<String>,
    /// What is told about it.
    note: String,
    /// Only so many nodes of the plan before happened; then the controller died.
    interrupted: Option<usize>,
    /// Nodes of the plan before that fail: `kind object` or `kind`, with the engine's text.
    fail: BTreeMap<String, String>,
    /// Long calls that fail, by `kind`, with the engine's text.
    fail_calls: BTreeMap<String, String>,
    /// Long calls go on.
    calls_go_on: bool,
    /// Everything that starts becomes healthy.
    healthy: bool,
    /// The project is declared by this file of the case from now on.
    file: Option<String>,
    change: Change,
}

fn an_hour() -> String {
    "1h".to_owned()
}

/// The text of every pass of a case. `files` are those of its folder.
pub(crate) fn run(files: &BTreeMap<String, String>) -> String {
    let script: Script = serde_yaml::from_str(&files["world.yaml"]).unwrap();
    let desired = project(&files["compose.yaml"], files);
    let mut sim = begin(&script, files, &desired);
    sim.desired = desired;
    sim.provide();
    script.change.apply(&mut sim);
    let mut out = String::new();
    let mut plan = pass(&mut sim, &script, ("", &mut out));
    for step in &script.then {
        between(&mut sim, &plan, step);
        if let Some(file) = &step.file {
            sim.desired = project(&files[file], files);
            sim.provide();
        }
        plan = pass(&mut sim, &script, (&step.note, &mut out));
    }
    out
}

fn begin(
    script: &Script,
    files: &BTreeMap<String, String>,
    desired: &composelet::model::desired::DesiredProject,
) -> Sim {
    let before = files.get("before.yaml").map(|text| project(text, files));
    let mut sim = Sim::new(before.unwrap_or_else(|| desired.clone()));
    script.given.apply(&mut sim);
    if script.from == From::Nothing {
        return sim;
    }
    sim.now = NOON.minus(duration(&script.age));
    let settled = sim.settle(40, true);
    assert!(settled.is_some(), "the beginning does not converge:\n{}", sim.look());
    sim.now = NOON;
    sim.engine.observed.at = NOON;
    // It has held for all this time.
    sim.look();
    sim.stable_ids();
    sim
}

fn between(sim: &mut Sim, plan: &Plan, step: &Step) {
    let fate = |node: &PlanNode| {
        let (kind, object) = (node.action.kind(), node.action.object());
        let message = step.fail.get(&format!("{kind} {object}")).or_else(|| step.fail.get(kind))?;
        Some(failure(FailureClass::Engine, message))
    };
    match step.interrupted {
        Some(count) => sim.interrupted(plan, count),
        None => sim.walk(plan, &fate),
    }
    sim.pass_time(duration(step.after.as_deref().unwrap_or("1s")));
    if !step.calls_go_on {
        sim.finish(&|operation| {
            let message = step.fail_calls.get(operation.kind())?;
            // What was measured and is not good enough.
            let measured = operation.kind() == "analysis";
            let class = if measured { FailureClass::Invalid } else { FailureClass::Engine };
            Some(failure(class, message))
        });
    }
    if step.healthy {
        sim.engine.make_healthy();
    }
    step.change.apply(sim);
}

fn pass(sim: &mut Sim, script: &Script, (note, out): (&str, &mut String)) -> Plan {
    let plan = sim.look();
    let note = if note.is_empty() { String::new() } else { format!(", {note}") };
    writeln!(out, "# {}{note}", clock(sim.now)).unwrap();
    let text = plan.to_string();
    out.push_str(if text.is_empty() { "nothing\n" } else { &text });
    if script.status {
        let status = sim.status(&plan);
        conditions(out, "project", &status.conditions);
        for service in &status.services {
            let (ready, replicas) = (service.ready, service.replicas);
            writeln!(out, "{} {ready}/{replicas}", service.name).unwrap();
            conditions(out, service.name.as_str(), &service.conditions);
        }
    }
    plan
}

/// Only what says something: Ready, BackedUp and Proven, and whatever else is not False.
fn conditions(out: &mut String, whose: &str, conditions: &[Condition]) {
    for one in conditions {
        let told = [ConditionKind::Ready, ConditionKind::BackedUp, ConditionKind::Proven]
            .contains(&one.kind);
        if !told && one.status == Truth::False {
            continue;
        }
        let (kind, status) = (one.kind, one.status);
        writeln!(out, "  {whose} {kind:?}={status:?} {}: {}", one.reason, one.message).unwrap();
    }
}

fn clock(at: Timestamp) -> String {
    let text = at.to_string();
    text.split_once('T').map_or(text.clone(), |(_, clock)| clock.to_owned())
}
