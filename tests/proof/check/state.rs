//! What is there, by events alone.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Ended, roles};
use crate::scenario::App;

/// A container.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) runs: bool,
    pub(super) started: bool,
    pub(super) exit_code: i64,
}

/// Numbers of containers by project and service.
pub(super) type Good<'a> = BTreeMap<(&'a str, &'a str), usize>;

/// All containers, as the events tell.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) containers: BTreeMap<String, Seen>,
    /// The daemon is away: nothing is known.
    pub(super) blind: bool,
    /// When that was so last.
    pub(super) blind_at: Option<Duration>,
    /// Replicas that need no container.
    pub(super) ended: Ended,
}

impl State {
    /// Takes an event of a container.
    pub(super) fn event(&mut self, id: &str, action: &str, attributes: &BTreeMap<String, String>) {
        if action == "create" {
            self.ended.made(attributes);
        }
        let seen = self.containers.entry(id.to_owned()).or_insert_with(|| Seen {
            labels: attributes.clone(),
            runs: false,
            started: false,
            exit_code: 0,
        });
        match action {
            "start" | "unpause" => {
                seen.runs = true;
                seen.started = true;
            }
            "pause" => seen.runs = false,
            "die" => {
                seen.runs = false;
                let code = attributes.get("exitCode").and_then(|code| code.parse().ok());
                seen.exit_code = code.unwrap_or(0);
            }
            "destroy" => {
                self.containers.remove(id);
            }
            _ => {}
        }
    }

    /// The daemon is back with these.
    pub(super) fn resync(
        &mut self,
        all: &[(String, BTreeMap<String, String>, &'static str, i64)],
        at: Duration,
    ) {
        self.blind = false;
        self.blind_at = Some(at);
        let seen = all.iter().map(|(id, labels, phase, exit_code)| {
            let seen = Seen {
                labels: labels.clone(),
                runs: *phase == "running",
                started: *phase != "created",
                exit_code: *exit_code,
            };
            (id.clone(), seen)
        });
        self.containers = seen.collect();
    }

    /// The labels of a container of ours that ran to a good end.
    pub(super) fn ended_well(&self, id: &str) -> Option<&BTreeMap<String, String>> {
        let seen = self.containers.get(id)?;
        let good = !seen.runs && seen.started && seen.exit_code == 0;
        let good = good && roles::due(&seen.labels).is_none();
        (good && roles::is_ours(&seen.labels)).then_some(&seen.labels)
    }

    /// Others of ours that run as the same replica.
    pub(super) fn twins(&self, id: &str) -> Vec<String> {
        let Some(own) = self.containers.get(id) else {
            return Vec::new();
        };
        let replica = roles::replica(&own.labels);
        if roles::due(&own.labels).is_some() {
            return Vec::new();
        }
        let others = self.containers.iter().filter(|(other, seen)| {
            other.as_str() != id
                && seen.runs
                && roles::is_ours(&seen.labels)
                && roles::replica(&seen.labels) == replica
        });
        others.map(|(other, _)| other.clone()).collect()
    }

    /// How many containers run, or ran to a good end, of each service of ours.
    pub(super) fn good(&self) -> Good<'_> {
        let mut good = Good::new();
        for seen in self.containers.values() {
            let serves = seen.runs || (seen.started && seen.exit_code == 0);
            if roles::is_ours(&seen.labels) && roles::due(&seen.labels).is_none() && serves {
                let of = (roles::project(&seen.labels), roles::service(&seen.labels));
                *good.entry(of).or_default() += 1;
            }
        }
        good
    }

    /// Whether that is as many of every service as this version of a project wants.
    pub(super) fn serves(&self, good: &Good<'_>, app: &App) -> bool {
        app.services.iter().all(|service| {
            let there = good.get(&(app.name.as_str(), service.name.as_str())).copied();
            let there = there.unwrap_or(0) + self.ended.of(&app.name, service);
            there >= service.wanted()
        })
    }
}
