//! Messages out of the stream of events: one for a change set, one for an incident, one for its end. Pure: events and times
//! go in, messages come out.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::alerts::change_set::{ChangeSets, News, is_rolling_out};
use crate::alerts::incident::{Incident, Pace, Say};
use crate::alerts::message::{ChangeSet, Message, MessageKind, Severity, Subject, line};
use crate::alerts::trouble::{ENGINE_UNREACHABLE, Look, Trouble, engine_is_lost, look_at, tail};
use crate::model::event::{Event, EventKind};
use crate::model::git_source::SourceName;
use crate::model::id::ProjectName;
use crate::model::revision::{Rollback, RolloutFailure};
use crate::model::status::ProjectStatus;
use crate::model::sync::SyncTrouble;
use crate::model::time::Timestamp;

/// A project of which nothing was published for this long is not looked after any more: statuses are published every 30 s.
const GONE: Duration = Duration::from_secs(600);
/// What was told of it is forgotten after this time.
const FORGOTTEN: Duration = Duration::from_secs(24 * 3600);

/// What was told, and what may have to be told.
#[derive(Debug)]
pub struct Digest {
    installation: String,
    pace: Pace,
    began: Timestamp,
    projects: BTreeMap<ProjectName, Project>,
    sources: BTreeMap<SourceName, Incident>,
    engine: Incident,
    made: u64,
}

#[derive(Debug)]
struct Project {
    seen: Timestamp,
    changes: ChangeSets,
    incident: Incident,
}

impl Digest {
    /// Nothing was told. Versions from before `began` are known.
    pub fn new(installation: impl Into<String>, pace: Pace, began: Timestamp) -> Self {
        Self {
            installation: installation.into(),
            pace,
            began,
            projects: BTreeMap::new(),
            sources: BTreeMap::new(),
            engine: Incident::default(),
            made: 0,
        }
    }

    /// What an earlier controller published: what is wrong there was told by it.
    pub fn remember(&mut self, status: &ProjectStatus) {
        let mut incident = Incident::default();
        if let Look::Bad(trouble) = look_at(status)
            && !is_rolling_out(status, self.began)
        {
            let since = status.conditions.iter().map(|one| one.last_transition).max();
            incident.told(trouble, since.unwrap_or(self.began), self.began);
        }
        let project = Project { seen: self.began, changes: ChangeSets::knowing(status), incident };
        self.projects.insert(status.name.clone(), project);
    }

    /// Takes an event.
    pub fn take(&mut self, event: &Event) -> Vec<Message> {
        match &event.kind {
            EventKind::Published(status) => self.published(status, event.at),
            EventKind::SyncFailed { source, trouble } => {
                let look = Look::Bad(Box::new(sync_trouble(trouble)));
                self.source(source, look, event.at)
            }
            EventKind::Synced { source, .. } | EventKind::SyncRecovered { source } => {
                self.source(source, Look::Good, event.at)
            }
            _ => Vec::new(),
        }
    }

    /// What time alone makes worth telling.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Message> {
        let pace = self.pace;
        let mut said = Vec::new();
        said.extend(self.engine.tick(now, &pace).map(|say| (Subject::Engine, say)));
        for (name, incident) in &mut self.sources {
            said.extend(incident.tick(now, &pace).map(|say| (Subject::Source(name.clone()), say)));
        }
        // While the engine cannot be asked, silence says nothing.
        let heard = !self.engine.is_open();
        for (name, project) in &mut self.projects {
            let gone = heard && now.since(project.seen) >= GONE;
            let say =
                if gone { project.incident.recover() } else { project.incident.tick(now, &pace) };
            said.extend(say.map(|say| (Subject::Project(name.clone()), say)));
        }
        self.projects.retain(|_, project| now.since(project.seen) < FORGOTTEN);
        said.into_iter().map(|(subject, say)| self.incident(subject, say, now)).collect()
    }

    /// When [`Self::tick`] may have something to say.
    pub fn due(&self, now: Timestamp) -> Option<Timestamp> {
        let projects = self.projects.values().map(|project| &project.incident);
        let all = projects.chain(self.sources.values()).chain([&self.engine]);
        all.filter_map(|incident| incident.due(now, &self.pace)).min()
    }

    fn published(&mut self, status: &ProjectStatus, now: Timestamp) -> Vec<Message> {
        let (pace, began) = (self.pace, self.began);
        let project = self.projects.entry(status.name.clone()).or_insert_with(|| Project {
            seen: now,
            changes: ChangeSets::first(status, began),
            incident: Incident::default(),
        });
        project.seen = now;
        if let Some(lost) = engine_is_lost(status) {
            let look = Look::Bad(Box::new(engine_trouble(&lost.message)));
            let say = self.engine.look(look, now, &pace);
            return say.map(|say| self.incident(Subject::Engine, say, now)).into_iter().collect();
        }
        let engine = self.engine.look(Look::Good, now, &pace);
        let news = project.changes.take(status);
        let look = match look_at(status) {
            Look::Bad(trouble) if !trouble.is_final && is_rolling_out(status, now) => Look::Between,
            look => look,
        };
        let mut over = None;
        match (&news, &look) {
            (Some(News::Rejected(_, failure)), look) => {
                let trouble = Box::new(rejection(failure, look));
                project.incident.told(trouble, failure.at, now);
            }
            (Some(News::RolledOut(_)), Look::Good) => over = project.incident.over(),
            _ => {}
        }
        let say = project.incident.look(look, now, &pace);
        let mut messages = Vec::new();
        messages.extend(engine.map(|say| self.incident(Subject::Engine, say, now)));
        messages.extend(news.map(|news| self.news(&status.name, news, over, now)));
        let subject = Subject::Project(status.name.clone());
        messages.extend(say.map(|say| self.incident(subject, say, now)));
        messages
    }

    fn source(&mut self, source: &SourceName, look: Look, now: Timestamp) -> Vec<Message> {
        let pace = self.pace;
        let say = self.sources.entry(source.clone()).or_default().look(look, now, &pace);
        let subject = Subject::Source(source.clone());
        say.map(|say| self.incident(subject, say, now)).into_iter().collect()
    }

    fn news(
        &mut self,
        project: &ProjectName,
        news: News,
        over: Option<Timestamp>,
        now: Timestamp,
    ) -> Message {
        let mut message = self.message(Subject::Project(project.clone()), now);
        match news {
            News::RolledOut(change) => {
                message.kind = MessageKind::RolledOut;
                "ReconciliationSucceeded".clone_into(&mut message.reason);
                message.title = format!("{project}: revision {} is rolled out", change.revision);
                message.text = over.map_or_else(String::new, |since| {
                    format!("What was wrong since {since} is over.")
                });
                message.since = over;
                message.change = Some(change);
            }
            News::Rejected(change, failure) => rejected(&mut message, project, change, &failure),
            News::WentBack(Rollback { from, to, since, .. }) => {
                (message.kind, message.severity) = (MessageKind::RolledBack, Severity::Warning);
                "RolledBack".clone_into(&mut message.reason);
                message.title =
                    format!("{project}: a person went back from revision {from} to {to}");
                message.since = Some(since);
            }
        }
        message
    }

    fn incident(&mut self, subject: Subject, say: Say, now: Timestamp) -> Message {
        let mut message = self.message(subject, now);
        let (kind, trouble, since) = match say {
            Say::Opened { trouble, since } => (MessageKind::Incident, trouble, since),
            Say::Worse { trouble, since } => (MessageKind::Worse, trouble, since),
            Say::Reminder { trouble, since } => (MessageKind::Reminder, trouble, since),
            Say::Recovered { trouble, since, begins } => {
                recovered(&mut message, &trouble, (since, now), begins);
                return message;
            }
        };
        let subject = &message.subject;
        let reason = &trouble.reason;
        message.title = match kind {
            MessageKind::Worse => format!("{subject}: got worse: {reason}"),
            MessageKind::Reminder => format!("{subject}: still {reason}, since {since}"),
            _ => format!("{subject}: {reason}"),
        };
        (message.kind, message.severity, message.since) = (kind, trouble.severity, Some(since));
        message.reason.clone_from(&trouble.reason);
        message.text.clone_from(&trouble.text);
        (message.details, message.log) = (trouble.details, trouble.log);
        message
    }

    /// A message that says nothing yet.
    fn message(&mut self, subject: Subject, at: Timestamp) -> Message {
        self.made += 1;
        Message {
            id: format!("{}-{}-{}", self.installation, at.as_millis(), self.made),
            installation: self.installation.clone(),
            at,
            kind: MessageKind::Incident,
            severity: Severity::Info,
            subject,
            reason: String::new(),
            title: String::new(),
            text: String::new(),
            details: Vec::new(),
            since: None,
            change: None,
            log: Vec::new(),
        }
    }

    /// A message that tries a channel.
    pub fn test(&mut self, at: Timestamp) -> Message {
        let mut message = self.message(Subject::Controller, at);
        message.kind = MessageKind::Test;
        "Test".clone_into(&mut message.reason);
        message.title = format!("a test of the notifications of {}", self.installation);
        "Nothing happened. Whoever reads this will be told when something does."
            .clone_into(&mut message.text);
        message
    }
}

fn rejected(
    message: &mut Message,
    project: &ProjectName,
    change: ChangeSet,
    failure: &RolloutFailure,
) {
    (message.kind, message.severity) = (MessageKind::Rejected, Severity::Error);
    "RevisionRejected".clone_into(&mut message.reason);
    let back = change.from.map_or_else(String::new, |from| format!("; back to revision {from}"));
    message.title = format!("{project}: revision {} was rejected{back}", change.revision);
    message.text = line(&format!("{}: {}", failure.service, failure.cause));
    if let Some(evidence) = &failure.evidence {
        let code =
            evidence.exit_code.map_or_else(String::new, |code| format!(", exit code {code}"));
        let memory = if evidence.oom_killed { ", killed for want of memory" } else { "" };
        message.details.push(line(&format!("its container is {}{code}{memory}", evidence.state)));
    }
    message.log = tail(&failure.log);
    message.since = Some(failure.at);
    message.change = Some(change);
}

/// What is wrong after a rejection, which its own message told. The old version serves; what the conditions say beside is worse.
fn rejection(failure: &RolloutFailure, look: &Look) -> Trouble {
    if let Look::Bad(trouble) = look {
        return Trouble { severity: Severity::Error.max(trouble.severity), ..(**trouble).clone() };
    }
    Trouble {
        severity: Severity::Error,
        reason: "RevisionRejected".to_owned(),
        text: line(&format!("{}: {}", failure.service, failure.cause)),
        details: Vec::new(),
        log: Vec::new(),
        is_final: true,
    }
}

fn recovered(
    message: &mut Message,
    trouble: &Trouble,
    (since, now): (Timestamp, Timestamp),
    begins: usize,
) {
    message.kind = MessageKind::Recovered;
    message.title = format!("{}: recovered from {}", message.subject, trouble.reason);
    let seconds = now.since(since).as_secs();
    message.text = format!("It went on from {since} to {now}, {} min.", seconds.div_ceil(60));
    if begins > 1 {
        message.details.push(format!(
            "It came {begins} times of late; each costs it more time until it counts as well."
        ));
    }
    (message.reason, message.since) = (trouble.reason.clone(), Some(since));
    message.severity = trouble.severity;
}

fn sync_trouble(trouble: &SyncTrouble) -> Trouble {
    Trouble {
        severity: Severity::Warning,
        reason: trouble.reason.to_string(),
        text: line(&trouble.message),
        details: Vec::new(),
        log: Vec::new(),
        is_final: false,
    }
}

fn engine_trouble(message: &str) -> Trouble {
    Trouble {
        severity: Severity::Error,
        reason: ENGINE_UNREACHABLE.to_owned(),
        text: line(message),
        details: vec!["Containers run on; nothing is healed until it answers.".to_owned()],
        log: Vec::new(),
        is_final: false,
    }
}
