//! Safety, checked at every entry of the trace.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::budget::Budget;
use super::lives::Lives;
use super::roles;
use super::schedules::Schedules;
use super::state::State;
use super::told::Told;
use super::verdicts::Verdicts;
use super::{Ended, Violation};
use crate::host::Fact;
use crate::scenario::{App, Operation};
use crate::sim::{Effect, Happening};

/// Removals within this time count together (the guard against mass removal).
const TOGETHER: Duration = Duration::from_secs(60);
/// Longest time between two readings of the files.
const READING: Duration = Duration::from_secs(10);
/// So much older than the files may a status be: a reading every 10 s, and what calls take.
pub(super) const LAG: Duration = Duration::from_secs(40);

/// A project that left the files, as it was.
#[derive(Debug)]
pub(super) struct Left {
    /// Its versions that were in force then.
    pub(super) versions: Vec<App>,
    /// When it came back.
    pub(super) back: Option<Duration>,
}

/// Reads a trace and remembers what it needs.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    pub(crate) violations: Vec<Violation>,
    pub(crate) told: Told,
    /// When the last mutating call came of each project; pulls apart.
    pub(crate) last_call: BTreeMap<String, (Duration, String)>,
    /// Projects that were taken down: when the files began to lack them, and when they were taken down.
    removed: BTreeMap<String, (Duration, Duration)>,
    confirmed: bool,
    pub(super) state: State,
    budget: Budget,
    /// Files over time; the last is of now.
    versions: Vec<(Duration, Arc<BTreeMap<String, App>>)>,
    /// Projects that are not in the files any more, or broken there, in the versions that were in force before.
    pub(super) left: BTreeMap<String, Left>,
    /// When each project last served as one of its versions says.
    pub(super) served: BTreeMap<String, Duration>,
    pub(super) forgotten: BTreeSet<String>,
    host_forgotten: bool,
    /// There is a controller with a state directory of its own: it does not know what the other one took down.
    second: bool,
    active: Vec<u32>,
    dead: BTreeSet<u32>,
    /// The watched directory was empty from and until then.
    pub(super) emptied: Option<(Duration, Duration)>,
    /// The files could not be read, or seemed gone, from and until then.
    unread: Option<(Duration, Duration)>,
    /// Containers that controllers removed.
    removing: BTreeSet<String>,
    pub(super) lives: Lives,
    pub(super) verdicts: Verdicts,
    pub(super) schedules: Schedules,
    /// How often something happened that may decide whether all is as declared: not every status does.
    pub(crate) changes: u64,
    /// How often the rarer invariants had something to judge.
    pub(crate) judged: BTreeMap<&'static str, u64>,
    pub(super) now: Duration,
}

impl Checker {
    /// Takes an entry; `facts` are those of the driver.
    pub(crate) fn take(&mut self, entry: &Happening, facts: &[Fact]) {
        self.changes += u64::from(!matches!(entry, Happening::Status { .. }));
        match entry {
            Happening::Effect(effect) => self.effect(effect),
            Happening::Event { at, kind, action, id, attributes } => {
                self.now = *at;
                if *kind == "container" {
                    // Until now all was as it was before.
                    self.serving();
                    if action == "destroy" && !self.removing.remove(id) {
                        self.removed_by_hand(id);
                    }
                    self.state.event(id, action, attributes);
                    self.serving();
                    self.life(id, action, attributes);
                } else if *kind == "volume" && action == "destroy" {
                    self.wrong("S2", format!("volume {id} was deleted"));
                }
            }
            Happening::DaemonDown => self.state.blind = true,
            Happening::DaemonUp(all) => {
                self.state.resync(all, self.now);
                let all = all.iter().map(|(id, _, phase, code)| (id.as_str(), *phase, *code));
                self.lives.resync(self.now, all);
                self.serving();
            }
            Happening::Status { at, place, path, bytes } => {
                self.now = *at;
                self.status(*place, path, bytes);
            }
            Happening::Note(number) => {
                if let Some(fact) = facts.get(*number) {
                    self.fact(fact);
                }
            }
        }
    }

    pub(super) fn wrong(&mut self, invariant: &'static str, text: String) {
        self.violations.push(Violation { invariant, at: self.now, text });
    }

    fn fact(&mut self, fact: &Fact) {
        match fact {
            Fact::Desired(desired) => {
                self.leave(desired);
                self.rewritten(desired);
                self.versions.push((self.now, Arc::clone(desired)));
                self.serving();
            }
            Fact::Now(now) => self.now = *now,
            Fact::Written(name) => drop(self.verdicts.written.insert(name.clone(), self.now)),
            Fact::Confirmed => self.confirmed = true,
            Fact::Resumed => self.verdicts.asked = Some(self.now),
            Fact::Did(Operation::MoveTag { .. } | Operation::PushBad { .. }) => {
                self.verdicts.images = self.now;
            }
            Fact::Died(client) => {
                self.dead.insert(*client);
                // It may have died while it forgot a project that went: what it had told is not taken back any more.
                if let Some((_, desired)) = self.versions.last() {
                    let gone = self.removed.keys().filter(|name| !desired.contains_key(*name));
                    gone.for_each(|name| self.told.taken_back(name));
                }
            }
            // What became known while nothing could be written may be forgotten by the next controller.
            Fact::HostForgotten | Fact::Did(Operation::StateFull { .. }) => {
                self.host_forgotten = true;
                self.schedules.forget(None);
            }
            Fact::ProjectForgotten(name) => {
                self.forgotten.insert(name.clone());
                self.schedules.forget(Some(name));
            }
            Fact::Wrong(invariant, text) => self.wrong(invariant, text.clone()),
            // Power took what was not synced; a reader may see older status than before.
            Fact::Did(Operation::Reboot { .. }) => {
                self.told.forget();
            }
            Fact::Did(Operation::Second) => self.second = true,
            Fact::Did(Operation::EmptyRoot { for_ms }) => {
                self.emptied = Some((self.now, self.now + Duration::from_millis(*for_ms)));
                self.unread(*for_ms);
            }
            Fact::Did(Operation::MissingRoot { for_ms } | Operation::UnreadableRoot { for_ms }) => {
                self.unread(*for_ms);
            }
            Fact::Did(_) => {}
        }
    }

    /// Remembers the projects that these files lack, or no longer say in a way that can be read, as they were before.
    fn leave(&mut self, desired: &BTreeMap<String, App>) {
        let can_be_read = |name: &String| desired.get(name).is_some_and(|app| !app.broken);
        let before = self.versions.last().map(|(_, before)| Arc::clone(before));
        for name in before.iter().flat_map(|it| it.keys()).filter(|name| !can_be_read(name)) {
            let known = self.left.get(name);
            if known.is_none_or(|left| left.back.is_some()) {
                let before = known.into_iter().flat_map(|left| left.versions.clone());
                let new = self.in_force().filter_map(|it| it.get(name).cloned());
                let versions = new.chain(before).collect();
                self.left.insert(name.clone(), Left { versions, back: None });
            }
        }
        let now = self.now;
        for (name, left) in &mut self.left {
            // A controller that was away reads a moment later what came back, and goes by what it knew until then.
            left.back = can_be_read(name).then(|| left.back.unwrap_or(now));
        }
        self.left.retain(|_, left| left.back.is_none_or(|at| at + LAG >= now));
    }

    /// What was read last stays in force meanwhile.
    fn unread(&mut self, for_ms: u64) {
        self.schedules.unread(self.now + Duration::from_millis(for_ms));
        let before = self.unread.filter(|(_, end)| *end + LAG >= self.now);
        let begin = before.map_or(self.now, |(begin, _)| begin);
        self.unread = Some((begin, self.now + Duration::from_millis(for_ms)));
    }

    /// Versions that were in force before are none that a controller still goes by.
    fn in_force_since(&self) -> Duration {
        let unread = self.unread.filter(|(_, end)| *end + LAG >= self.now);
        unread.map_or(self.now, |(begin, _)| begin).saturating_sub(LAG)
    }

    /// The versions that a controller may go by, the newest first.
    pub(super) fn in_force(&self) -> impl Iterator<Item = &BTreeMap<String, App>> {
        let since = self.in_force_since();
        let new = self.versions.iter().rev().take_while(move |(at, _)| *at >= since).count();
        self.versions.iter().rev().take(new + 1).map(|(_, version)| &**version)
    }

    fn removed_by_hand(&mut self, id: &str) {
        let Some(labels) = self.state.ended_well(id).cloned() else { return };
        let versions: Vec<App> =
            self.in_force().filter_map(|it| it.get(roles::project(&labels)).cloned()).collect();
        self.state.ended.removed(&labels, versions.iter());
    }

    fn effect(&mut self, effect: &Effect) {
        self.now = effect.at;
        if effect.client == 0 || effect.path.starts_with("/images/") {
            return;
        }
        self.owner(effect);
        self.volumes(effect);
        if !self.dead.contains(&effect.client) {
            self.one_active(effect.client);
        }
        let what = format!("{} {}", effect.method, effect.path);
        if let Some(text) = self.budget.call(effect.at, &format!("{what} {}", effect.reference)) {
            self.wrong("S11", text);
        }
        self.twins(effect);
        self.ending_and_starting(effect);
        let project = self.project_of(effect);
        if effect.method == "DELETE" {
            self.taken_down(effect, &project);
            self.removing.extend(effect.target.iter().map(|target| target.id.clone()));
        }
        self.creation(effect, &project);
        // Runs go on for ever: they are no change of what is declared.
        if !is_about_a_run(effect) {
            self.last_call.insert(project, (effect.at, what));
        }
    }

    /// S1: by id, and ours.
    fn owner(&mut self, effect: &Effect) {
        let Some(target) = &effect.target else { return };
        if target.kind != "volume" && effect.reference != target.id {
            let text =
                format!("{} {}: by `{}`, not by id", effect.method, effect.path, effect.reference);
            self.wrong("S1", text);
        }
        if !roles::is_ours(&target.labels) && target.kind != "network" {
            let (method, path, name) = (&effect.method, &effect.path, &target.name);
            self.wrong("S1", format!("{method} {path} meets {name}, which is not ours"));
        }
        let network_ours = roles::is_ours(&target.labels)
            || target.labels.contains_key("com.docker.compose.project");
        if target.kind == "network" && !network_ours {
            self.wrong("S1", format!("network {} is not ours and is removed", target.name));
        }
    }

    /// S2.
    fn volumes(&mut self, effect: &Effect) {
        let with_volumes = effect.path.contains("v=true") || effect.path.contains("v=1");
        let deletes = effect.path.starts_with("/volumes/") && effect.method == "DELETE";
        if effect.method == "DELETE" && (with_volumes || deletes) {
            self.wrong("S2", format!("{} {}", effect.method, effect.path));
        }
    }

    /// S15: once another controller has acted, the one before acts no more.
    fn one_active(&mut self, client: u32) {
        match self.active.iter().position(|one| *one == client) {
            None => {
                self.active.push(client);
                if self.second {
                    self.removed.clear();
                    self.schedules.forget(None);
                }
            }
            Some(place) if place + 1 == self.active.len() => {}
            Some(_) => {
                let text = format!("controller {client} acts after {:?}", self.active.last());
                self.wrong("S15", text);
            }
        }
    }

    /// Whether nothing was hidden lately: events tell all that happened.
    pub(super) fn sees(&self) -> bool {
        !self.state.blind && self.state.blind_at.is_none_or(|at| at + TOGETHER <= self.now)
    }

    /// Whether somebody acts who may not know what others learned.
    pub(super) fn has_forgetful(&self) -> bool {
        self.second || self.host_forgotten || !self.forgotten.is_empty()
    }

    /// The files as they were before the last change of them.
    pub(super) fn files(&self) -> Option<Arc<BTreeMap<String, App>>> {
        self.versions.last().map(|(_, files)| Arc::clone(files))
    }

    /// S3: nothing is started beside a container of the same replica that runs, unless nothing forbids two: a successor may
    /// be, of a service whose successors start first.
    fn twins(&mut self, effect: &Effect) {
        let starts = effect.path.ends_with("/start");
        let Some(target) = effect.target.as_ref().filter(|_| starts && !self.state.blind) else {
            return;
        };
        let twins = self.state.twins(&target.id);
        let most = usize::from(self.may_double(&target.labels));
        if let Some(twin) = twins.get(most) {
            let twin = twin.get(..12).unwrap_or(twin).to_owned();
            self.wrong("S3", format!("{} is started beside {twin}, which runs", target.name));
        }
    }

    /// Whether two containers of a replica may run at once in a version of its project.
    fn may_double(&self, labels: &BTreeMap<String, String>) -> bool {
        let apps = self.versions.iter().filter_map(|(_, apps)| apps.get(roles::project(labels)));
        apps.into_iter().any(|app| {
            let service = app.service(roles::service(labels));
            service.is_some_and(|service| app.starts_first(service))
        })
    }

    /// S6: more than two projects and more than half of all within a minute, and no person said so.
    fn removed(&mut self, project: &str, gone: Duration) {
        self.removed.insert(project.to_owned(), (gone, self.now));
        let Some((_, desired)) = self.versions.last() else { return };
        // What came back is not gone; from an empty root nothing has come back.
        let empty = self.emptied.is_some_and(|(_, end)| self.now <= end);
        let is_gone = |name: &String| empty || !desired.contains_key(name);
        let removed = self.removed.iter().filter(|(name, _)| is_gone(name));
        let all = removed.clone().map(|(name, _)| name).chain(desired.keys());
        let all = all.collect::<BTreeSet<_>>().len();
        // A controller that was away finds out later: what it took down before was apart from this.
        let lately = self.now.saturating_sub(TOGETHER);
        let removed = removed.filter(|(_, (_, down))| *down >= lately);
        let removed: Vec<Duration> = removed.map(|(_, (at, _))| *at).collect();
        let within = |from: &Duration| {
            // The files are read every 10 s: what went together may be seen that much further apart.
            let window = *from..*from + TOGETHER.saturating_sub(READING);
            let count = removed.iter().filter(|at| window.contains(*at)).count();
            if window.contains(&gone) { count } else { 0 }
        };
        let together = removed.iter().map(within).max().unwrap_or(0);
        if together > 2 && together * 2 > all && !self.confirmed {
            let names: Vec<&String> = self.removed.keys().collect();
            let text =
                format!("{names:?} went within a minute and are removed, and nobody confirmed it");
            self.wrong("S6", text);
        }
    }

    /// When the files began to lack a project; `None` if they never did.
    fn gone_since(&self, project: &str) -> Option<Duration> {
        let lacks = self.versions.iter().rev().take_while(|(_, it)| !it.contains_key(project));
        lacks.last().map(|(at, _)| *at)
    }

    /// A project whose default network is removed is taken down. S6: what cannot be read is not empty.
    fn taken_down(&mut self, effect: &Effect, project: &str) {
        let Some(target) = &effect.target else { return };
        if target.kind != "network" || target.name != format!("{project}_default") {
            return;
        }
        let since = self.now.saturating_sub(TOGETHER);
        let emptied = self.emptied.filter(|(_, end)| *end >= since).map(|(begin, _)| begin);
        if let Some(gone) = self.gone_since(project).or(emptied) {
            return self.removed(project, gone);
        }
        // It may have been gone and come back a moment ago.
        let lately = self.versions.iter().rev().take_while(|(at, _)| *at >= since);
        let before = self.versions.iter().rev().find(|(at, _)| *at < since);
        let declared = lately.chain(before).all(|(_, it)| it.contains_key(project));
        if before.is_some() && declared && !self.confirmed {
            self.wrong("S6", format!("{project} is taken down, and the files never lacked it"));
        }
    }

    /// S5: a service that no valid version of the last while had is not created.
    fn creation(&mut self, effect: &Effect, project: &str) {
        if !effect.path.starts_with("/containers/create") || project.is_empty() {
            return;
        }
        let known = self.versions.iter().rev().any(|(_, version)| {
            version.get(project).is_some_and(|app| {
                !app.broken
                    && app
                        .services
                        .iter()
                        .any(|one| effect.reference.contains(&format!("{project}-{}-", one.name)))
            })
        });
        if !known {
            self.wrong("S5", format!("{} is created, and no file ever said so", effect.reference));
        }
    }

    /// The project of a call: by labels, or by the name of what is made.
    fn project_of(&self, effect: &Effect) -> String {
        if let Some(target) = &effect.target {
            return roles::project(&target.labels).to_owned();
        }
        let names = self.versions.iter().rev().flat_map(|(_, version)| version.keys());
        let found = names.filter(|name| {
            let mark = format!("{name}-");
            effect.reference.starts_with(&mark) || effect.reference.contains(&format!("_{mark}"))
        });
        found.max_by_key(|name| name.len()).cloned().unwrap_or_default()
    }

    /// Every version of every project that the files ever said in a way that can be read.
    pub(super) fn all_versions(&self) -> impl Iterator<Item = &App> {
        self.versions.iter().flat_map(|(_, files)| files.values()).filter(|app| !app.broken)
    }

    /// Every version of a project that its files ever said.
    pub(crate) fn versions_of(&self, project: &str) -> Vec<App> {
        let all = self.versions.iter().filter_map(|(_, version)| version.get(project).cloned());
        let mut versions: Vec<App> = all.filter(|app| !app.broken).collect();
        versions.dedup();
        versions
    }

    /// Replicas that need no container.
    pub(crate) fn ended(&self) -> &Ended {
        &self.state.ended
    }

    /// Whether the memory of the host was damaged.
    pub(crate) fn is_host_forgotten(&self) -> bool {
        self.host_forgotten
    }
}

/// Whether a call is about the container of a run of a schedule.
fn is_about_a_run(effect: &Effect) -> bool {
    if let Some(target) = &effect.target {
        return roles::due(&target.labels).is_some();
    }
    // `shop-backup-20250101t010000z`.
    let time = effect.reference.rsplit('-').next().unwrap_or_default();
    effect.path.starts_with("/containers/create") && time.len() == 16 && time.ends_with('z')
}
