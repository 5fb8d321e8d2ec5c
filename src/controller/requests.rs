//! What people ask for through the command line.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::controller::memory::{LedgerChange, suspension};
use crate::controller::promotion::promotion;
use crate::controller::queue::Wake;
use crate::controller::supervisor::{Asked, Supervisor};
use crate::ledger::Request;
use crate::model::git_source::SourceName;
use crate::model::held::WaitingOn;
use crate::model::id::ProjectName;
use crate::model::policy_wait::PolicyWait;

impl Supervisor {
    /// Takes the requests that wait in the state directory.
    pub(crate) async fn take_requests(&mut self) {
        let store = self.around.ledger.clone();
        let taken = self.settings.blocking.run(move || store.take_requests()).await;
        for (id, request) in taken.unwrap_or_default() {
            if self.asked.contains(&id) {
                continue;
            }
            self.asked.insert(id.clone());
            self.request(id, request).await;
        }
    }

    async fn request(&mut self, id: String, request: Request) {
        let now = self.around.clock.now();
        match request {
            Request::Confirm { project } => self.confirm(id, project.as_ref()).await,
            Request::Suspend { project, service, reason, until } => {
                let suspension = suspension(reason, now, until);
                let change = LedgerChange::Suspend { service, suspension };
                self.change(id, &project, change).await;
            }
            Request::Stop { project, service, reason, until } => {
                let stop = suspension(reason, now, until);
                self.change(id, &project, LedgerChange::Stop { service, stop }).await;
            }
            Request::Start { project, service } => {
                self.change(id, &project, LedgerChange::Start { service }).await;
            }
            Request::Resume { project, service } => {
                let change = LedgerChange::Resume { service };
                self.change(id, &project, change).await;
            }
            Request::Rollback { project, to } => {
                self.change(id, &project, LedgerChange::Rollback { to, at: now }).await;
            }
            Request::Promote { project, service, full } => {
                let change = LedgerChange::Promote { service, full, request: id.clone(), at: now };
                self.change(id, &project, change).await;
            }
            Request::Abort { project, service } => {
                self.change(id, &project, LedgerChange::Abort { service, at: now }).await;
            }
            Request::PauseRollout { project, service, paused } => {
                self.change(id, &project, LedgerChange::PauseRollout { service, paused }).await;
            }
            Request::Restart { project, service, rebuild } => {
                let change = LedgerChange::Restart { service, at: now, rebuild };
                self.change(id, &project, change).await;
            }
            Request::PromoteImages { from, to, services } => {
                let change = match self.promoted_to(&from, &to) {
                    Ok(project) => {
                        let around = Arc::clone(&self.around);
                        promotion(&around, &from, &project, &services).await
                    }
                    Err(why) => Err(why),
                };
                match change {
                    Ok(change) => self.change(id, &to, change).await,
                    Err(why) => self.reply(&id, &format!("refused: {why}")).await,
                }
            }
            Request::Sync { source, accept } => self.sync(&id, source, accept).await,
            Request::Reconcile { project: Some(project) } => {
                self.look_at_sources(Some(&project));
                self.change(id, &project, LedgerChange::ForgetBackoffs).await;
            }
            Request::Reconcile { project: None } => {
                self.look_at_sources(None);
                let names: Vec<_> = self.beliefs.iter().map(|(name, _)| name.clone()).collect();
                for name in names {
                    if self.is_kept(&name) {
                        self.enqueue(&name, String::new(), LedgerChange::ForgetBackoffs);
                    }
                }
                self.wake_all(Wake::Reset);
                self.reply(&id, "looking again at every project").await;
            }
        }
    }

    /// Looks at sources now.
    async fn sync(&mut self, id: &str, source: Option<SourceName>, accept: Option<String>) {
        let now = Instant::now();
        let answer = match (source, accept) {
            (Some(source), Some(commit)) => match self.sources.accept(&source, &commit, now) {
                Ok(()) => format!("{source} takes {commit}"),
                Err(why) => format!("refused: {why}"),
            },
            (Some(source), None) => match self.sources.look_now(|one| one.name == source, now) {
                0 => format!("refused: there is no source `{source}`"),
                _ => format!("looking at {source}"),
            },
            (None, _) => match self.sources.look_now(|_| true, now) {
                0 => "refused: the settings name no git source".to_owned(),
                count => format!("looking at {count} sources"),
            },
        };
        self.reply(id, &answer).await;
    }

    /// A change of one project's ledger: its next pass makes it, and the answer follows that pass.
    async fn change(&mut self, id: String, project: &ProjectName, change: LedgerChange) {
        if !self.is_kept(project) {
            let answer = format!("no such project: {project}");
            return self.reply(&id, &answer).await;
        }
        self.enqueue(project, id, change);
        self.wake(std::iter::once(project), Wake::Reset, Duration::ZERO);
    }

    pub(crate) fn enqueue(&mut self, project: &ProjectName, request: String, change: LedgerChange) {
        let cell = self.cells.entry(project.clone()).or_default();
        cell.changes.push(Asked { request, change, answer: None });
    }

    /// Confirms what is held now: removals, adoptions, data that moved.
    async fn confirm(&mut self, id: String, only: Option<&ProjectName>) {
        let going = self.beliefs.confirm(only);
        if !going.is_empty() {
            self.publish_soon();
            self.save_host().await;
        }
        let waits = |waiting: &WaitingOn| {
            matches!(
                waiting,
                WaitingOn::AdoptionNeedsConfirmation { .. } | WaitingOn::DataPathChanged(_)
            )
        };
        let confirmed: Vec<_> = self
            .cells
            .iter()
            .filter(|(name, cell)| {
                let plan = cell.plan.as_ref();
                let holds =
                    plan.is_some_and(|plan| plan.held.iter().any(|held| waits(&held.waiting_on)));
                holds && only.is_none_or(|only| only == *name)
            })
            .map(|(name, _)| name.clone())
            .collect();
        for name in &confirmed {
            self.enqueue(name, String::new(), LedgerChange::Confirm);
        }
        let removals = self.protected_removals(only);
        for (name, what) in &removals {
            let change = LedgerChange::ConfirmRemoval { what: what.clone() };
            self.enqueue(name, String::new(), change);
        }
        let woken = going.iter().chain(&confirmed).chain(removals.keys());
        self.wake(woken, Wake::Reset, Duration::ZERO);
        let list = |names: &mut dyn Iterator<Item = &ProjectName>| {
            names.map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        let mut answer = Vec::new();
        if !going.is_empty() {
            answer.push(format!("removal of {}", list(&mut going.iter())));
        }
        if !removals.is_empty() {
            answer.push(format!("removals of {}", list(&mut removals.keys())));
        }
        if !confirmed.is_empty() {
            answer.push(format!("changes of {}", list(&mut confirmed.iter())));
        }
        let answer = if answer.is_empty() {
            "nothing waits for a confirmation".to_owned()
        } else {
            format!("confirmed: {}", answer.join("; "))
        };
        self.reply(&id, &answer).await;
    }

    /// What waits to be removed of protected projects, as their holds say it.
    fn protected_removals(&self, only: Option<&ProjectName>) -> BTreeMap<ProjectName, String> {
        let cells = self.cells.iter().filter(|(name, _)| only.is_none_or(|only| only == *name));
        let waiting = cells.filter_map(|(name, cell)| {
            let mut held = cell.plan.iter().flat_map(|plan| &plan.held);
            let what = held.find_map(|held| match &held.waiting_on {
                WaitingOn::Policy(PolicyWait::ProtectedProject { what }) => Some(what.clone()),
                _ => None,
            });
            Some((name.clone(), what?))
        });
        waiting.collect()
    }

    /// Answers the requests that a pass took with it. An empty text is each change's own answer.
    pub(crate) async fn answer(&mut self, answered: Vec<Asked>, text: &str) {
        for asked in answered.into_iter().filter(|asked| !asked.request.is_empty()) {
            let own = asked.answer.as_deref().unwrap_or_else(|| asked.change.answer());
            let text = if text.is_empty() { own } else { text };
            self.reply(&asked.request, text).await;
        }
    }

    async fn reply(&mut self, id: &str, text: &str) {
        self.asked.remove(id);
        let (store, id, text) = (self.around.ledger.clone(), id.to_owned(), text.to_owned());
        let reply = move || store.answer(&id, &text);
        if !matches!(self.settings.blocking.run(reply).await, Ok(Ok(()))) {
            tracing::warn!("an answer could not be written");
        }
    }
}
