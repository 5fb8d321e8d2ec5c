//! S9 and L6: a due time runs at most once, what runs beside what, and what was missed is caught up.

use std::collections::BTreeMap;
use std::time::Duration;

use composelet::model::schedule::RunEnd;
use composelet::model::status::ProjectStatus;
use composelet::model::time::Timestamp;

use super::lives::Lives;
use super::told::since_begin;
use crate::scenario::{App, Concurrency, Service, Tag};

/// Every schedule of the scenarios is due at the full minute.
const PERIOD: Duration = Duration::from_secs(60);
/// A run that is due begins within this time where nothing is in its way: a create, a start, and a look before them.
const PROMPT: Duration = Duration::from_secs(20);

/// So long may a controller go by older files.
const LAG: Duration = Duration::from_secs(45);

/// A service: project and key.
type Key = (String, String);

/// What is known of the schedules.
#[derive(Debug, Default)]
pub(super) struct Schedules {
    /// Since when controllers have said that they know a schedule, without having forgotten it.
    known: BTreeMap<Key, Duration>,
    /// When the runs of each due time were started.
    begun: BTreeMap<(Key, Duration), Vec<Duration>>,
    /// When a schedule came into the files that was not in them before.
    declared: BTreeMap<Key, Duration>,
    /// The files seem gone until then, or did a moment ago: all may be taken down, and begin anew.
    unsure: Duration,
    /// Due times that were given up because of their deadline.
    missed: BTreeMap<(Key, Duration), Duration>,
}

impl Schedules {
    /// A run was started. Text if its due time ran before.
    pub(super) fn started(&mut self, lives: &Lives, id: &str, now: Duration) -> Option<String> {
        let life = lives.0.get(id)?;
        let due = life.due.as_deref().and_then(Timestamp::parse_rfc3339)?;
        let key = (life.project.clone(), life.service.clone());
        let (project, service) = key.clone();
        let begun = self.begun.entry((key, since_begin(due))).or_default();
        begun.push(now);
        (begun.len() > 1).then(|| {
            format!("the run of {project}-{service} that was due at {due} is started at {begun:?}")
        })
    }

    /// Whether a run may be started beside those that go on, as one of these versions says. Text if not.
    pub(super) fn starts<'a>(
        lives: &Lives,
        id: &str,
        mut versions: impl Iterator<Item = Option<&'a App>>,
    ) -> Option<Result<(), String>> {
        let life = lives.0.get(id).filter(|life| life.due.is_some() && life.since().is_none())?;
        let others = lives
            .of(&life.project, &life.service)
            .filter(|(_, one)| one.due.is_some() && one.due != life.due && one.since().is_some());
        let others: Vec<&str> = others.filter_map(|(_, one)| one.due.as_deref()).collect();
        let allows = |app: &App| {
            let service = app.services.iter().find(|it| it.name == life.service);
            let schedule = service.and_then(|service| service.schedule);
            schedule.is_none_or(|it| it.concurrency == Concurrency::Allow)
        };
        if others.is_empty() || versions.any(|app| app.is_none_or(allows)) {
            return Some(Ok(()));
        }
        let (project, service) = (&life.project, &life.service);
        Some(Err(format!("a run of {project}-{service} is started beside that of {others:?}")))
    }

    /// Takes what is said of a project, whose file is this.
    pub(super) fn take(&mut self, status: &ProjectStatus, app: Option<&App>, now: Duration) {
        let project = status.name.as_str();
        for service in &status.services {
            let key = (project.to_owned(), service.name.to_string());
            let declared = app.and_then(|app| {
                app.services.iter().find(|it| it.name == key.1 && it.schedule.is_some())
            });
            if declared.is_none() || service.schedules.is_empty() {
                self.known.remove(&key);
                continue;
            }
            for run in service.schedules.iter().flat_map(|one| &one.history) {
                if run.end == RunEnd::Missed {
                    let at = since_begin(run.ended);
                    self.missed.entry((key.clone(), since_begin(run.due))).or_insert(at);
                }
            }
            // What is said may still be of the files before.
            let declared = self.declared.get(&key).copied().unwrap_or_default();
            if (declared == Duration::ZERO || declared + LAG <= now) && self.unsure <= now {
                self.known.entry(key).or_insert(now);
            }
        }
    }

    /// The files were those, and are these.
    pub(super) fn rewritten(
        &mut self,
        (before, after): (&BTreeMap<String, App>, &BTreeMap<String, App>),
        now: Duration,
    ) {
        let has = |files: &BTreeMap<String, App>, key: &Key| {
            let service = files.get(&key.0).and_then(|app| app.service(&key.1));
            service.is_some_and(|service| service.schedule.is_some())
        };
        for app in before.values().chain(after.values()) {
            for service in &app.services {
                let key = (app.name.clone(), service.name.clone());
                match (has(before, &key), has(after, &key)) {
                    (false, true) => drop(self.declared.insert(key, now)),
                    (true, false) => drop(self.known.remove(&key)),
                    _ => {}
                }
            }
        }
    }

    /// The files seem gone until then.
    pub(super) fn unread(&mut self, until: Duration) {
        self.unsure = self.unsure.max(until + LAG);
        self.forget(None);
    }

    /// The memory of a project may be lost, or its files changed: of one, or of all.
    pub(super) fn forget(&mut self, project: Option<&str>) {
        self.known.retain(|key, _| project.is_some_and(|project| key.0 != project));
    }

    /// L6, once all has been as declared and still since `good`: what was due last before runs, and all since.
    pub(super) fn lacking(
        &self,
        (app, service): (&App, &Service),
        (good, now): (Duration, Duration),
    ) -> Option<Result<(), String>> {
        // What takes longer than its period waits for itself.
        let schedule = service.schedule.filter(|_| service.image == Tag::Quick)?;
        let key = (app.name.clone(), service.name.clone());
        let known = *self.known.get(&key)?;
        let last = good.as_secs() / PERIOD.as_secs();
        let mut judged = None;
        for due in (last..).map(|count| PERIOD * u32::try_from(count).unwrap_or(u32::MAX)) {
            if due + PROMPT > now {
                break;
            }
            if due <= known {
                continue;
            }
            judged = Some(Ok(()));
            if !self.is_settled((&key, due), schedule.deadline.filter(|_| due < good)) {
                let (name, service) = key;
                let text = format!("{name}-{service} was due at {due:?} and has not run");
                return Some(Err(text));
            }
        }
        judged
    }

    /// It ran, or is given up rightly.
    fn is_settled(&self, (key, due): (&Key, Duration), deadline: Option<u64>) -> bool {
        let run = (key.clone(), due);
        let late = |at: &Duration| {
            deadline.is_some_and(|seconds| due + Duration::from_secs(seconds) <= *at)
        };
        self.begun.contains_key(&run) || self.missed.get(&run).is_some_and(late)
    }
}
