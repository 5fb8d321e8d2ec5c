//! S12, S16: what a project says of itself is so.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::safety::{Checker, LAG};
use super::told::Says;
use crate::scenario::App;

/// Knowledge that is older than this is none (invariant 14): a look, and a call of its pass that takes the minute it may.
const STALE: Duration = Duration::from_secs(62);
impl Checker {
    pub(super) fn serving(&mut self) {
        if self.state.blind {
            return;
        }
        // A project that left the files runs on as it was until its removal is settled and confirmed; a broken one, too.
        let apps = self.in_force().flat_map(BTreeMap::values).chain(self.left_versions());
        let good = self.state.good();
        let mut serve = BTreeSet::new();
        for app in apps {
            if !serve.contains(&app.name) && self.state.serves(&good, app) {
                serve.insert(app.name.clone());
            }
        }
        self.served.extend(serve.into_iter().map(|name| (name, self.now)));
    }

    pub(super) fn left_versions(&self) -> impl Iterator<Item = &App> {
        let left = self.left.values().filter(|it| it.back.is_none_or(|at| at + LAG >= self.now));
        left.flat_map(|left| &left.versions)
    }

    /// S12, S16.
    pub(super) fn status(&mut self, place: usize, path: &str, bytes: &[u8]) {
        let Some(name) = path.strip_prefix("status/projects/") else { return };
        let name = name.trim_end_matches(".json");
        if bytes.is_empty() {
            self.forgotten.remove(name);
            self.changes += 1;
            return self.told.taken_back(name);
        }
        let Ok(status) = serde_json::from_slice(bytes) else {
            return self.wrong("S16", format!("{path} cannot be read"));
        };
        self.progress(&status);
        let forgotten = self.forgotten.contains(name);
        let before = self.told.stands(name);
        let (says, wrong) = self.told.take(status, place, forgotten);
        for (invariant, text) in wrong {
            self.wrong(invariant, text);
        }
        self.changes += u64::from(before != self.told.stands(name));
        self.serving();
        let Says::Ready(seen) = says else { return };
        if seen + STALE < self.now {
            let text = format!("{name} is shown Ready at {:?} as of {seen:?}", self.now);
            self.wrong("S16", text);
        }
        let blind = self.state.blind
            || self.state.blind_at.is_some_and(|at| at + Duration::from_secs(5) > seen);
        let served = self.served.get(name).copied();
        let honest = served.is_some_and(|at| at + Duration::from_secs(3) >= seen);
        if !blind && !honest {
            let text =
                format!("{name} is shown Ready as of {seen:?}, and served last at {served:?}");
            self.wrong("S16", text);
        }
    }
}
