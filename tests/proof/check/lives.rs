//! What became of every container, as the events tell it: what the checkers of rollouts and schedules look back at.

use std::collections::BTreeMap;
use std::time::Duration;

use super::roles;

/// One run of a container.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) from: Duration,
    /// `None`: it goes on.
    pub(super) to: Option<Duration>,
}

impl Span {
    /// Whether it had gone on for `monitor` at some time from `from` to `to`.
    pub(super) fn had_held(&self, monitor: Duration, (from, to): (Duration, Duration)) -> bool {
        (self.from + monitor).max(from) <= self.to.unwrap_or(to).min(to)
    }
}

/// One container of a service, made for a replica or for a run of a schedule.
#[derive(Clone, Debug)]
pub(super) struct Life {
    pub(super) project: String,
    pub(super) service: String,
    /// Number of the replica; empty: a run of a schedule.
    pub(super) number: String,
    /// Version of the service.
    pub(super) revision: String,
    /// The time that a run was due.
    pub(super) due: Option<String>,
    /// Image, as it was named.
    pub(super) image: String,
    pub(super) spans: Vec<Span>,
    pub(super) starts: u32,
    /// The engine's verdict on its health in this run.
    pub(super) healthy: Option<bool>,
    /// When it had been ill in this run and was well again.
    pub(super) recovered: Option<Duration>,
    /// Exit code of the last run.
    pub(super) exit: Option<i64>,
    /// When a controller ended it although it served.
    pub(super) ended_by_us: Option<Duration>,
    /// It was removed.
    pub(super) gone: bool,
}

impl Life {
    /// Since when it runs, if it does.
    pub(super) fn since(&self) -> Option<Duration> {
        self.spans.last().filter(|span| span.to.is_none()).map(|span| span.from)
    }

    /// Whether it had served for `monitor` at some time of the window, or ran to a good end.
    pub(super) fn had_served(&self, monitor: Duration, window: (Duration, Duration)) -> bool {
        let ended_well = self.since().is_none() && self.exit == Some(0);
        ended_well || self.spans.iter().any(|span| span.had_held(monitor, window))
    }
}

/// All containers that controllers of this installation made, those that are gone included.
#[derive(Debug, Default)]
pub(super) struct Lives(pub(super) BTreeMap<String, Life>);

impl Lives {
    /// Takes an event of a container.
    pub(super) fn event(
        &mut self,
        at: Duration,
        (id, action): (&str, &str),
        attributes: &BTreeMap<String, String>,
    ) {
        if action == "create" {
            self.made(id, attributes);
        }
        let Some(life) = self.0.get_mut(id) else { return };
        match action {
            "start" => {
                life.starts += 1;
                life.healthy = None;
                life.recovered = None;
                life.spans.push(Span { from: at, to: None });
            }
            // It is the same run.
            "unpause" => life.spans.iter_mut().last().into_iter().for_each(|span| span.to = None),
            "die" => {
                let code = attributes.get("exitCode").and_then(|code| code.parse().ok());
                life.exit = code.or(Some(0));
                life.close(at);
            }
            "pause" => life.close(at),
            "destroy" => {
                life.gone = true;
                life.close(at);
            }
            "health_status: healthy" => {
                if life.healthy == Some(false) {
                    life.recovered = Some(at);
                }
                life.healthy = Some(true);
            }
            "health_status: unhealthy" => life.healthy = Some(false),
            _ => {}
        }
    }

    fn made(&mut self, id: &str, labels: &BTreeMap<String, String>) {
        let own = |name: &str| labels.get(&format!("io.composelet.{name}")).cloned();
        let Some(revision) = own("revision").filter(|_| roles::is_ours(labels)) else { return };
        let (project, service, number) = roles::replica(labels);
        let life = Life {
            project,
            service,
            number,
            revision,
            due: own("due"),
            image: labels.get("image").cloned().unwrap_or_default(),
            spans: Vec::new(),
            starts: 0,
            healthy: None,
            recovered: None,
            exit: None,
            ended_by_us: None,
            gone: false,
        };
        self.0.insert(id.to_owned(), life);
    }

    /// The daemon is back with these: id, phase, exit code.
    pub(super) fn resync<'a>(
        &mut self,
        at: Duration,
        all: impl Iterator<Item = (&'a str, &'static str, i64)>,
    ) {
        let there: BTreeMap<&str, (&str, i64)> =
            all.map(|(id, phase, code)| (id, (phase, code))).collect();
        for (id, life) in &mut self.0 {
            match there.get(id.as_str()) {
                // Whether it ran all the time nobody was told.
                Some(("running", _)) if life.since().is_some() => {}
                Some(("running", _)) => life.spans.push(Span { from: at, to: None }),
                Some((_, code)) => {
                    life.exit = Some(*code).filter(|_| !life.spans.is_empty());
                    life.close(at);
                }
                None => {
                    life.gone = true;
                    life.close(at);
                }
            }
        }
    }

    /// The containers of one service.
    pub(super) fn of<'a>(
        &'a self,
        project: &'a str,
        service: &'a str,
    ) -> impl Iterator<Item = (&'a String, &'a Life)> {
        let own = move |life: &Life| life.project == project && life.service == service;
        self.0.iter().filter(move |(_, life)| own(life))
    }
}

impl Life {
    fn close(&mut self, at: Duration) {
        if let Some(span) = self.spans.last_mut().filter(|span| span.to.is_none()) {
            span.to = Some(at);
        }
    }
}
