//! What people are told: one typed message, of which every channel makes its own text. Pure.

use std::fmt;

use serde::Serialize;

use crate::model::commit::Commit;
use crate::model::git_source::SourceName;
use crate::model::id::ProjectName;
use crate::model::time::Timestamp;

/// Most details of a message.
pub(super) const MOST_DETAILS: usize = 12;
/// Longest detail, title or text, in characters.
const LONGEST: usize = 400;

/// How much a message matters, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// It serves, but not as declared.
    Warning,
    /// It does not serve, or will not get better without a person.
    Error,
}

impl Severity {
    /// As settings and messages write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Info, Self::Warning, Self::Error].into_iter().find(|one| one.word() == word)
    }
}

/// What a message tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MessageKind {
    /// A change set is rolled out and has held.
    RolledOut,
    /// A change set failed; the version that held before runs, or comes back.
    Rejected,
    /// A person went back to an earlier version.
    RolledBack,
    /// An incident began.
    Incident,
    /// An incident that was a warning is an error now.
    Worse,
    /// An incident goes on.
    Reminder,
    /// An incident is over.
    Recovered,
    /// A channel is tried.
    Test,
}

/// What a message is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A project.
    Project(ProjectName),
    /// A git source.
    Source(SourceName),
    /// The engine of this host.
    Engine,
    /// This controller.
    Controller,
}

impl Subject {
    /// The project, if it is one.
    pub fn project(&self) -> Option<&ProjectName> {
        match self {
            Self::Project(name) => Some(name),
            Self::Source(_) | Self::Engine | Self::Controller => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Project(name) => write!(f, "{name}"),
            Self::Source(name) => write!(f, "source {name}"),
            Self::Engine => f.write_str("engine"),
            Self::Controller => f.write_str("composelet"),
        }
    }
}

impl Serialize for Subject {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What was changed from one version of a project to another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ChangeSet {
    /// Number of the new version.
    pub revision: u64,
    /// Number of the version that had held before.
    pub from: Option<u64>,
    /// Commits since then whose versions are in it, oldest first; the last one is that of the version itself.
    pub commits: Vec<Commit>,
    /// One line for each service that differs.
    pub services: Vec<String>,
}

/// A message. Nothing in it is a value that manifests may hold as a secret: it is made of what `describe` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Names it: no other message has this text, and every channel gets the same.
    pub id: String,
    /// The installation that tells.
    pub installation: String,
    /// When it was made.
    pub at: Timestamp,
    /// What it tells.
    pub kind: MessageKind,
    /// How much it matters.
    pub severity: Severity,
    /// What it is about.
    pub subject: Subject,
    /// One word in CamelCase: that of the condition.
    pub reason: String,
    /// One line.
    pub title: String,
    /// A sentence or two; may be empty.
    pub text: String,
    /// Lines of evidence.
    pub details: Vec<String>,
    /// Begin of the incident.
    pub since: Option<Timestamp>,
    /// What was changed, where a change set is told.
    pub change: Option<ChangeSet>,
    /// Last lines of a container's log. They are what an application wrote: a channel gets them only if it asks.
    pub log: Vec<String>,
}

/// A text without control characters and not too long.
pub(super) fn line(text: &str) -> String {
    let plain = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    let mut plain: String = plain.take(LONGEST + 1).collect();
    if plain.chars().count() > LONGEST {
        plain.pop();
        plain.push('…');
    }
    plain
}

impl Message {
    /// The word that a reader looks for first.
    pub fn word(&self) -> &'static str {
        match self.kind {
            MessageKind::Recovered => "recovered",
            _ => self.severity.word(),
        }
    }

    /// The first line: `[error] shop: CrashLoopBackOff`.
    pub fn headline(&self) -> String {
        format!("[{}] {}", self.word(), self.title)
    }

    /// One that says all that a message can say, to try templates with.
    pub fn example() -> Self {
        let commit = Commit {
            id: "0123456789abcdef0123456789abcdef01234567".to_owned(),
            author: Some("Ana".to_owned()),
            subject: Some("a new colour".to_owned()),
        };
        let change = ChangeSet {
            revision: 5,
            from: Some(4),
            commits: vec![commit],
            services: vec!["web: image app:1 → app:2".to_owned()],
        };
        Self {
            id: "example".to_owned(),
            installation: "default".to_owned(),
            at: Timestamp::default(),
            kind: MessageKind::Rejected,
            severity: Severity::Error,
            subject: Subject::Project(ProjectName::from("shop")),
            reason: "RevisionRejected".to_owned(),
            title: "shop: revision 5 was rejected; back to revision 4".to_owned(),
            text: "web: it ended 3 times, last with exit code 1".to_owned(),
            details: vec!["its container is exited, exit code 1".to_owned()],
            since: Some(Timestamp::default()),
            change: Some(change),
            log: vec!["cannot open the database".to_owned()],
        }
    }

    /// All of it as plain lines; the title is not among them.
    pub fn body(&self, log_lines: usize) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.text.is_empty() {
            lines.push(self.text.clone());
        }
        if let Some(change) = &self.change {
            lines.extend(change.commits.iter().map(commit_line));
            lines.extend(change.services.iter().cloned());
        }
        lines.extend(self.details.iter().cloned());
        let skipped = self.log.len().saturating_sub(log_lines);
        lines.extend(self.log.iter().skip(skipped).map(|line| format!("| {line}")));
        lines
    }
}

/// `commit 0123456789ab by Ana: subject`.
fn commit_line(commit: &Commit) -> String {
    let author = commit.author.as_ref().map_or_else(String::new, |author| format!(" by {author}"));
    let subject =
        commit.subject.as_ref().map_or_else(String::new, |subject| format!(": {subject}"));
    line(&format!("commit {}{author}{subject}", commit.short()))
}
