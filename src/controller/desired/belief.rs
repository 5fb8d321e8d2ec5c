//! What is believed of the watched directory. Pure: readings and the time come in, intents go out.
//!
//! What only adds or changes is believed at once. What removes a service, a mount or a project is believed when two
//! readings at least three seconds apart agree; a mass removal when a person confirms it. What cannot be read changes
//! nothing (invariant 3).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::controller::desired::guard;
use crate::controller::desired::loading::EntryReading;
use crate::controller::desired::reading::{Reading, RootState};
use crate::controller::desired::removal::{Removal, removals};
use crate::model::desired::DesiredProject;
use crate::model::diagnostic::{Diagnostic, Severity};
use crate::model::files::Entry;
use crate::model::files::Files;
use crate::model::held::{Held, Subject, WaitingOn};
use crate::model::id::ProjectName;
use crate::model::ledger::HostLedger;
use crate::model::time::Timestamp;

/// Two readings that agree on a removal lie at least this far apart.
pub const SETTLE: Duration = Duration::from_secs(3);

/// What is believed of one project.
#[derive(Clone, Debug, PartialEq)]
pub struct Belief {
    /// Path of its entry.
    pub source: String,
    /// The version that was believed last, removals included; what a removal is measured against.
    pub version: Option<Arc<DesiredProject>>,
    /// Findings of the last reading.
    pub diagnostics: Vec<Diagnostic>,
    /// How the last reading stands to that version.
    pub standing: Standing,
}

/// How the last reading stands to what was believed before.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// It was believed: the version runs.
    Settled,
    /// It takes something away: all else of it runs, until a second reading agrees.
    Settling {
        /// What is to run.
        next: Arc<DesiredProject>,
        /// What it takes away; `None` when nothing is known to compare with.
        removes: Option<BTreeSet<Removal>>,
        /// The first reading that said so.
        since: Timestamp,
    },
    /// It did not load: the version before runs on, if there is one.
    Broken,
    /// The entry is gone since then.
    Gone {
        /// The first reading that said so.
        since: Timestamp,
    },
    /// Gone together with many others: runs on until a person confirms.
    Unconfirmed {
        /// The set that is asked about.
        together: BTreeSet<ProjectName>,
    },
    /// Gone and believed to be: its containers and networks are removed.
    Removing,
}

/// What the planner is told to want.
#[derive(Clone, Debug, PartialEq)]
pub enum Want {
    /// As the files say.
    Run(Arc<DesiredProject>),
    /// As the files say, but nothing is removed yet.
    RunKeeping(Arc<DesiredProject>),
    /// Everything of it away, but its volumes.
    Remove,
    /// Nothing, for this reason.
    Hold(WaitingOn, Option<Timestamp>),
}

/// What a reading changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Projects whose want or findings differ from before.
    pub changed: BTreeSet<ProjectName>,
    /// Versions that were believed for the first time, to be kept as last good ones.
    pub accepted: Vec<(ProjectName, Entry, Arc<DesiredProject>, Arc<Files>)>,
    /// Projects that never ran and are gone again.
    pub gone: BTreeSet<ProjectName>,
}

/// All that is believed.
#[derive(Clone, Debug, Default)]
pub struct Beliefs {
    projects: BTreeMap<ProjectName, Belief>,
    host: HostLedger,
    root: Option<RootState>,
    diagnostics: Vec<Diagnostic>,
}

type Claims<'r> = BTreeMap<ProjectName, Vec<(&'r Entry, &'r EntryReading)>>;

impl Beliefs {
    /// What is believed before anything was read: the last good versions of the projects of the ledger.
    pub fn new(host: HostLedger, mut good: BTreeMap<ProjectName, Arc<DesiredProject>>) -> Self {
        let projects = host
            .projects
            .iter()
            .map(|(name, source)| {
                let version = good.remove(name);
                // Until the first reading says otherwise, what was believed before stands.
                let standing = if version.is_some() { Standing::Settled } else { Standing::Broken };
                let diagnostics = Vec::new();
                (name.clone(), Belief { source: source.clone(), version, diagnostics, standing })
            })
            .collect();
        Self { projects, host, ..Self::default() }
    }

    /// Takes a reading in.
    pub fn read(&mut self, reading: &Reading, now: Timestamp) -> Changes {
        let before = self.projects.clone();
        let mut changes = Changes::default();
        match &reading.root {
            RootState::Read(identity) => self.read_root(reading, *identity, now, &mut changes),
            RootState::Unreadable(_) | RootState::Missing => planted!(
                "unreadable-is-empty",
                self.read_nothing(&reading.root, now),
                self.read_root(reading, self.host.root.unwrap_or_default(), now, &mut changes),
            ),
        }
        self.root = Some(reading.root.clone());
        for (name, belief) in &self.projects {
            if before.get(name) != Some(belief) {
                changes.changed.insert(name.clone());
            }
        }
        let gone = before.keys().filter(|name| !self.projects.contains_key(name));
        changes.gone = gone.cloned().collect();
        changes
    }

    fn read_root(
        &mut self,
        reading: &Reading,
        identity: (u64, u64),
        now: Timestamp,
        changes: &mut Changes,
    ) {
        let claims = self.claims(reading);
        for (name, claimants) in &claims {
            self.host.gone.remove(name);
            self.host.confirmed.remove(name);
            match claimants.as_slice() {
                [(entry, loaded)] => self.claimed(name, entry, loaded, now, changes),
                several => self.contested(name, several),
            }
        }
        let gone: Vec<_> =
            self.projects.keys().filter(|name| !claims.contains_key(name)).cloned().collect();
        let other_root = self.host.root.is_some_and(|root| root != identity);
        for name in &gone {
            self.missed(name, now);
        }
        self.settle_gone(&gone, other_root, now);
        if gone.is_empty() || self.host.root.is_none() {
            self.host.root = Some(identity);
        }
    }

    /// Nothing could be read: nothing changes, and what was on its way out is looked at afresh. Only what a person
    /// confirmed goes from a root that is not there.
    fn read_nothing(&mut self, root: &RootState, now: Timestamp) {
        for (name, belief) in &mut self.projects {
            match &mut belief.standing {
                Standing::Gone { since } | Standing::Settling { since, .. } => *since = now,
                standing if *root == RootState::Missing && self.host.confirmed.contains(name) => {
                    *standing = Standing::Removing;
                }
                _ => {}
            }
        }
    }

    /// Who claims which name. An entry that does not load belongs to the project that it was before; entries without any
    /// name leave their findings with the host.
    fn claims<'r>(&mut self, reading: &'r Reading) -> Claims<'r> {
        let mut claims = Claims::new();
        self.diagnostics.clear();
        for (entry, loaded) in &reading.entries {
            if loaded.is_no_project() {
                self.diagnostics.extend(loaded.diagnostics.iter().cloned().map(no_project));
                continue;
            }
            let path = entry.path().display().to_string();
            let owner = || {
                let mut known = self.projects.iter();
                known.find_map(|(name, belief)| (belief.source == path).then(|| name.clone()))
            };
            let name = match &loaded.project {
                Some(project) => Some(project.name.clone()),
                None => planted!("broken-is-gone", owner().or_else(|| loaded.name.clone()), None),
            };
            match name {
                Some(name) => claims.entry(name).or_default().push((entry, loaded)),
                None => self.diagnostics.extend(loaded.diagnostics.iter().cloned()),
            }
        }
        claims
    }

    /// One entry claims the name.
    fn claimed(
        &mut self,
        name: &ProjectName,
        entry: &Entry,
        loaded: &EntryReading,
        now: Timestamp,
        changes: &mut Changes,
    ) {
        let source = entry.path().display().to_string();
        let belief = self.belief(name, &source);
        belief.diagnostics.clone_from(&loaded.diagnostics);
        let Some(project) = &loaded.project else {
            belief.standing = Standing::Broken;
            return;
        };
        belief.source.clone_from(&source);
        let accepted = belief.take(project, now);
        self.host.projects.insert(name.clone(), source);
        if accepted {
            let (project, files) = (Arc::clone(project), Arc::clone(&loaded.files));
            changes.accepted.push((name.clone(), entry.clone(), project, files));
        }
    }

    /// Several entries claim the name: nobody gets it; the one that runs already keeps its last good version.
    fn contested(&mut self, name: &ProjectName, claimants: &[(&Entry, &EntryReading)]) {
        let paths: Vec<_> =
            claimants.iter().map(|(entry, _)| entry.path().display().to_string()).collect();
        let belief = self.belief(name, paths.first().map_or("", String::as_str));
        belief.standing = Standing::Broken;
        belief.diagnostics = vec![contested(name, &paths)];
        let found = claimants.iter().flat_map(|(_, loaded)| &loaded.diagnostics);
        belief.diagnostics.extend(found.cloned());
    }

    fn belief(&mut self, name: &ProjectName, source: &str) -> &mut Belief {
        self.projects.entry(name.clone()).or_insert_with(|| Belief {
            source: source.to_owned(),
            version: None,
            diagnostics: Vec::new(),
            standing: Standing::Broken,
        })
    }

    /// No entry claims the name.
    fn missed(&mut self, name: &ProjectName, now: Timestamp) {
        let Some(belief) = self.projects.get_mut(name) else {
            return;
        };
        if let Standing::Settled | Standing::Settling { .. } | Standing::Broken = belief.standing {
            belief.standing = Standing::Gone { since: now };
            belief.diagnostics.clear();
            // Anew after a restart, too: those that waited for a person go together again, however long ago they went.
            self.host.gone.insert(name.clone(), now);
        }
        if !self.host.projects.contains_key(name) {
            // It never ran: there is nothing to take away.
            self.projects.remove(name);
            self.host.gone.remove(name);
        }
    }

    /// Moves on those whose absence a second reading confirmed.
    fn settle_gone(&mut self, gone: &[ProjectName], other_root: bool, now: Timestamp) {
        let mass = guard::mass(&mut self.host.gone, self.projects.keys().cloned(), now);
        for name in gone {
            let Some(belief) = self.projects.get_mut(name) else {
                continue;
            };
            let confirmed = self.host.confirmed.contains(name);
            let settled = match &belief.standing {
                Standing::Gone { since } => now.since(*since) >= SETTLE,
                Standing::Unconfirmed { .. } => confirmed,
                _ => false,
            };
            if !settled {
                continue;
            }
            let among = mass.as_ref().filter(|mass| mass.contains(name));
            belief.standing = match among {
                _ if confirmed => Standing::Removing,
                Some(together) => Standing::Unconfirmed { together: together.clone() },
                None if other_root => {
                    Standing::Unconfirmed { together: gone.iter().cloned().collect() }
                }
                None => Standing::Removing,
            };
        }
    }

    /// A person confirmed what is held now: all of it, or one project. Returns those that will go.
    pub fn confirm(&mut self, only: Option<&ProjectName>) -> BTreeSet<ProjectName> {
        let asked: BTreeSet<_> = self
            .unconfirmed()
            .into_iter()
            .filter(|name| only.is_none_or(|only| only == name))
            .collect();
        for name in &asked {
            self.host.confirmed.insert(name.clone());
            if let Some(belief) = self.projects.get_mut(name) {
                belief.standing = Standing::Removing;
            }
        }
        asked
    }

    /// The projects whose removal waits for a person.
    pub fn unconfirmed(&self) -> BTreeSet<ProjectName> {
        if self.root == Some(RootState::Missing) {
            let staying =
                |(_, belief): &(&ProjectName, &Belief)| belief.standing != Standing::Removing;
            return self.projects.iter().filter(staying).map(|(name, _)| name.clone()).collect();
        }
        let waits = |belief: &Belief| matches!(belief.standing, Standing::Unconfirmed { .. });
        self.projects
            .iter()
            .filter(|(_, belief)| waits(belief))
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Everything of a removed project is gone.
    pub fn removed(&mut self, name: &ProjectName) {
        self.projects.remove(name);
        self.host.projects.remove(name);
        self.host.confirmed.remove(name);
    }

    /// When the directory has to be read again because something settles.
    pub fn next_look(&self) -> Option<Timestamp> {
        self.projects
            .values()
            .filter_map(|belief| match &belief.standing {
                Standing::Settling { since, .. } | Standing::Gone { since } => {
                    Some(since.plus(SETTLE))
                }
                _ => None,
            })
            .min()
    }

    /// The belief about one project.
    pub fn get(&self, name: &ProjectName) -> Option<&Belief> {
        self.projects.get(name)
    }

    /// All projects, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&ProjectName, &Belief)> {
        self.projects.iter()
    }

    /// What outlives the process.
    pub fn host(&self) -> &HostLedger {
        &self.host
    }

    /// Findings that belong to no project.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// The root, as it was read last.
    pub fn root(&self) -> Option<&RootState> {
        self.root.as_ref()
    }

    /// Holds of the host as a whole.
    pub fn held(&self) -> Vec<Held> {
        let projects: Vec<_> = self.unconfirmed().into_iter().collect();
        if projects.is_empty() {
            return Vec::new();
        }
        vec![project_hold(WaitingOn::PruneNeedsConfirmation { projects }, None)]
    }
}

impl Belief {
    /// Takes a version that loaded; `true` if it is believed from now on and was not before.
    fn take(&mut self, project: &Arc<DesiredProject>, now: Timestamp) -> bool {
        let Some(version) = &self.version else {
            // Nothing to compare with: containers of a forgotten version may be there.
            self.version = Some(Arc::clone(project));
            self.standing =
                Standing::Settling { next: Arc::clone(project), removes: None, since: now };
            return true;
        };
        let gone = removals(version, project);
        let before = match &self.standing {
            Standing::Settling { removes, since, .. } => Some((removes.clone(), *since)),
            _ => None,
        };
        let removes = match &before {
            Some((None, _)) if gone.is_empty() => None,
            _ => Some(gone),
        };
        let since = match before {
            Some((same, since)) if same == removes => since,
            _ => now,
        };
        let takes_away = removes.as_ref().is_none_or(|gone| !gone.is_empty());
        if takes_away && now.since(since) < SETTLE {
            self.standing = Standing::Settling { next: Arc::clone(project), removes, since };
            return false;
        }
        // The same values for other keys are kept anew, so that the old keys can go.
        let new = version.digest != project.digest || version.encrypted != project.encrypted;
        self.version = Some(Arc::clone(project));
        self.standing = Standing::Settled;
        new
    }

    /// What the planner is told, and what is held beside its plan.
    pub fn want(&self) -> (Want, Vec<Held>) {
        let run = |held: Option<WaitingOn>| match (&self.version, held) {
            (Some(version), held) => {
                let held = held.map(|waiting_on| project_hold(waiting_on, None));
                (Want::Run(Arc::clone(version)), held.into_iter().collect())
            }
            (None, held) => {
                let waiting_on = held.unwrap_or(WaitingOn::InvalidManifest);
                (Want::Hold(waiting_on, None), Vec::new())
            }
        };
        match &self.standing {
            Standing::Settled => run(None),
            Standing::Settling { removes: Some(gone), since, .. }
                if gone.iter().any(|one| matches!(one, Removal::Mount(..))) =>
            {
                // A container without one of its mounts cannot be made and kept at once: the version before runs on.
                let (want, _) = run(None);
                let until = Some(since.plus(SETTLE));
                (want, vec![project_hold(WaitingOn::ManifestSettling, until)])
            }
            Standing::Settling { next, .. } => (Want::RunKeeping(Arc::clone(next)), Vec::new()),
            Standing::Broken => run(Some(WaitingOn::InvalidManifest)),
            Standing::Gone { since } => {
                let until = Some(since.plus(SETTLE));
                (Want::Hold(WaitingOn::ManifestSettling, until), Vec::new())
            }
            Standing::Unconfirmed { together } => run(Some(WaitingOn::PruneNeedsConfirmation {
                projects: together.iter().cloned().collect(),
            })),
            Standing::Removing => (Want::Remove, Vec::new()),
        }
    }
}

fn project_hold(waiting_on: WaitingOn, until: Option<Timestamp>) -> Held {
    Held { subject: Subject::Project, waiting_on, until }
}

/// A directory may lie here before its file comes, and after it went: worth a word, no failure.
fn no_project(found: Diagnostic) -> Diagnostic {
    Diagnostic {
        severity: Severity::Note,
        meanwhile: Some(
            "nothing runs from here; what did is removed after a second look".to_owned(),
        ),
        ..found
    }
}

fn contested(name: &ProjectName, paths: &[String]) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: "duplicate-project".to_owned(),
        location: None,
        field: "name".to_owned(),
        message: format!("{} all claim the project {name}", paths.join(" and ")),
        help: Some("give each its own top-level `name`".to_owned()),
        meanwhile: Some("what ran before goes on running; nothing new is begun".to_owned()),
        related: Vec::new(),
    }
}
