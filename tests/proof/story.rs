//! What happened in a run, for people: effects, events, what controllers said of projects, operations.

use composelet::model::status::ProjectStatus;

use crate::host::{Bench, Fact};
use crate::sim::Happening;

/// One line for each entry of the journal.
pub(crate) fn of(bench: &Bench) -> Vec<String> {
    bench
        .engine
        .with(|world| world.journal.entries.iter().map(|entry| line(entry, &bench.facts)).collect())
}

fn line(entry: &Happening, facts: &[Fact]) -> String {
    match entry {
        Happening::Effect(effect) => {
            let (at, status) = (effect.at.as_millis(), effect.status);
            format!(
                "{at:>9} ms [{}] {} {} -> {status:?}",
                effect.client, effect.method, effect.path
            )
        }
        Happening::Event { at, kind, action, id, attributes } => {
            let name = attributes.get("name").unwrap_or(id);
            let code =
                attributes.get("exitCode").map_or(String::new(), |code| format!(" ({code})"));
            format!("{:>9} ms event {kind} {action} {name}{code}", at.as_millis())
        }
        Happening::DaemonDown => "the daemon is away".to_owned(),
        Happening::DaemonUp(all) => {
            let all = all.iter().map(|(id, _, phase, code)| {
                format!("{} {phase} ({code})", id.get(..12).unwrap_or(id))
            });
            format!("the daemon is back: {}", all.collect::<Vec<_>>().join(", "))
        }
        Happening::Status { at, place, path, bytes } => {
            let says = serde_json::from_slice::<ProjectStatus>(bytes).map(|status| {
                let conditions = status.conditions.iter().map(|condition| {
                    format!("{:?}={:?} {}", condition.kind, condition.status, condition.reason)
                });
                let seen = status.observed_at.map(|at| at.to_string());
                format!("{} as of {seen:?}", conditions.collect::<Vec<_>>().join(", "))
            });
            let says = says.unwrap_or_default();
            format!("{:>9} ms status {place}:{path} {says}", at.as_millis())
        }
        Happening::Note(number) => match facts.get(*number) {
            Some(Fact::Desired(apps)) => {
                format!("files: {:?}", apps.keys().collect::<Vec<_>>())
            }
            Some(fact) => format!("{fact:?}"),
            None => String::new(),
        },
    }
}
