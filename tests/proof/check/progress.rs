//! S4, S8, S9 and L6: what the checkers of rollouts, rollbacks and schedules are asked, and when.

use std::collections::BTreeMap;
use std::time::Duration;

use composelet::model::status::ProjectStatus;

use super::safety::{Checker, LAG};
use super::schedules::Schedules;
use super::{availability, roles};
use crate::scenario::App;
use crate::sim::Effect;

impl Checker {
    /// Something happened to a container.
    pub(super) fn life(&mut self, id: &str, action: &str, attributes: &BTreeMap<String, String>) {
        self.lives.event(self.now, (id, action), attributes);
        if action == "create" {
            self.made_again(id);
        }
        if action == "start" && roles::due(attributes).is_some() {
            self.judged("S9: a run is started");
            if let Some(text) = self.schedules.started(&self.lives, id, self.now) {
                self.wrong("S9", text);
            }
        }
    }

    /// Counts that there was something to judge.
    pub(super) fn judged(&mut self, what: &'static str) {
        *self.judged.entry(what).or_default() += 1;
    }

    /// S8: what failed is not made again.
    fn made_again(&mut self, id: &str) {
        let Some(life) = self.lives.0.get(id).filter(|_| !self.has_forgetful()) else { return };
        let version = (life.service.as_str(), life.revision.as_str());
        let last = self.told.last(&life.project);
        let wrong = last.and_then(|last| self.verdicts.is_rejected(last, version, self.now));
        if let Some(text) = wrong {
            self.wrong("S8", text);
        }
    }

    /// The versions of a project that a controller may go by; `None` where it is not wanted.
    fn versions_by<'a>(&'a self, project: &'a str) -> Vec<Option<&'a App>> {
        if self.emptied.is_some_and(|(_, end)| end + LAG >= self.now) {
            return vec![None];
        }
        let left = self.left_versions().filter(|app| app.name == project).map(Some);
        let back = self.told.has_gone_back(project);
        let all = self.all_versions().filter(|app| back && app.name == project).map(Some);
        let in_force = self.in_force().map(|files| files.get(project));
        in_force.filter(|app| app.is_none_or(|app| !app.broken)).chain(left).chain(all).collect()
    }

    /// S4, S9: a controller ends or starts a container.
    pub(super) fn ending_and_starting(&mut self, effect: &Effect) {
        let Some(target) = effect.target.as_ref().filter(|it| it.kind == "container") else {
            return;
        };
        let ends = ["/stop", "/kill"].iter().any(|verb| effect.path.contains(verb));
        let ends = ends || effect.method == "DELETE";
        let starts = effect.path.ends_with("/start");
        if !(ends || starts) || !self.sees() {
            return;
        }
        let (id, now) = (target.id.as_str(), self.now);
        let project = roles::project(&target.labels);
        let mut lives = std::mem::take(&mut self.lives);
        let versions = || self.versions_by(project).into_iter();
        let told = if ends {
            let told = availability::ends(&mut lives, (id, now), versions());
            told.map(|told| ("S4", "S4: a replica that serves is ended", told))
        } else if roles::due(&target.labels).is_some() {
            let told = Schedules::starts(&lives, id, versions());
            told.map(|told| ("S9", "S9: a run may start", told))
        } else {
            let told = availability::starts(&lives, (id, now), versions());
            told.map(|told| ("S4", "S4: a successor starts beside", told))
        };
        self.lives = lives;
        let Some((invariant, what, told)) = told else { return };
        self.judged(what);
        if let Err(text) = told {
            self.wrong(invariant, text);
        }
    }

    /// What a project says of its versions and its schedules.
    pub(super) fn progress(&mut self, status: &ProjectStatus) {
        let files = self.files();
        let app = files.as_ref().and_then(|files| files.get(status.name.as_str()));
        self.schedules.take(status, app, self.now);
        if status.revisions.is_empty() || self.has_forgetful() {
            return;
        }
        let seen = self.sees();
        let versions = self.versions_of(status.name.as_str());
        let ended = self.ended().clone();
        let told = self.verdicts.take(status, (&self.lives, &ended), &versions, (self.now, seen));
        match told {
            None => {}
            Some(Ok(())) => self.judged("S8: a version is said to have held, or is gone back to"),
            Some(Err(text)) => self.wrong("S8", text),
        }
    }

    /// The files are these now.
    pub(super) fn rewritten(&mut self, desired: &BTreeMap<String, App>) {
        let before = self.files().unwrap_or_default();
        self.schedules.rewritten((&before, desired), self.now);
    }

    /// L6, at the end of a run: each of these projects can run. Text for each schedule that did not run as it should.
    pub(crate) fn lacking<'a>(
        &mut self,
        apps: impl Iterator<Item = &'a App>,
        (good, now): (Duration, Duration),
    ) -> Vec<String> {
        let mut wrong = Vec::new();
        for app in apps {
            for service in app.services.iter().filter(|it| it.schedule.is_some()) {
                match self.schedules.lacking((app, service), (good, now)) {
                    None => {}
                    Some(Ok(())) => self.judged("L6: a schedule is judged"),
                    Some(Err(text)) => wrong.push(text),
                }
            }
        }
        wrong
    }
}
