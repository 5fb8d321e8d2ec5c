//! The catalogue of backups: what was saved, when, of which version, and how far it is trusted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::backup::Format;
use crate::model::id::{ProjectName, ServiceName};
use crate::model::time::Timestamp;

/// Everything that one backup saved: good as a whole, or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupSet {
    /// Its name; those of later ones sort behind it.
    pub id: String,
    /// Project.
    pub project: ProjectName,
    /// The service that it was asked for; `None` is the whole project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
    /// When it began: what was written later is not in it.
    pub at: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// Why it was made.
    pub origin: Origin,
    /// Directory of its files.
    pub directory: String,
    /// What it holds.
    pub members: Vec<Member>,
    /// How it ended.
    pub end: SetEnd,
    /// When it was last read back whole: checksums, and the end of each dump.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<Timestamp>,
    /// When a restore of everything in it had passed its checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proven: Option<Timestamp>,
    /// When it last took the place of the data of a service.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub restored: BTreeMap<ServiceName, Timestamp>,
}

impl BackupSet {
    /// Whether it can be restored, as far as is known.
    pub fn is_good(&self) -> bool {
        self.end == SetEnd::Good && !self.members.is_empty()
    }

    /// What it holds of a service.
    pub fn of<'a>(&'a self, service: &'a ServiceName) -> impl Iterator<Item = &'a Member> {
        self.members.iter().filter(move |member| member.service == *service)
    }

    /// When a restore of what it holds of a service last passed its checks.
    pub fn proven_of(&self, service: &ServiceName) -> Option<Timestamp> {
        // An entry of an earlier version knows of the whole set alone.
        let each = self.of(service).map(|member| member.proven.or(self.proven));
        each.min().flatten()
    }

    /// Notes that a restore of a service of it passed its checks. The set is proven when all of it is.
    pub fn prove(&mut self, service: &ServiceName, at: Timestamp) {
        for member in self.members.iter_mut().filter(|member| member.service == *service) {
            member.proven = Some(at);
        }
        let whole = self.proven;
        let each = self.members.iter().map(|member| member.proven.or(whole));
        self.proven = each.min().flatten();
    }

    /// What the planner has to know of it; `None` if it cannot be restored.
    pub fn saved(&self) -> Option<SavedBackup> {
        self.is_good().then(|| SavedBackup {
            id: self.id.clone(),
            service: self.service.clone(),
            at: self.at,
            origin: self.origin,
            services: self.members.iter().map(|member| member.service.clone()).collect(),
            verified: self.verified,
            proven: self
                .members
                .iter()
                .filter_map(|one| Some((one.service.clone(), self.proven_of(&one.service)?)))
                .collect(),
            restored: self.restored.clone(),
        })
    }

    /// Bytes of its files.
    pub fn bytes(&self) -> u64 {
        self.members.iter().map(|member| member.file_bytes).sum()
    }
}

/// A good backup, as far as plans depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedBackup {
    /// Its name.
    pub id: String,
    /// The service that it was asked for; `None` is the whole project.
    pub service: Option<ServiceName>,
    /// When it began, by the wall clock.
    pub at: Timestamp,
    /// Why it was made.
    pub origin: Origin,
    /// Services of which it holds something.
    pub services: BTreeSet<ServiceName>,
    /// When it was last read back whole.
    pub verified: Option<Timestamp>,
    /// When a restore of each service in it last passed its checks.
    pub proven: BTreeMap<ServiceName, Timestamp>,
    /// When it last took the place of the data of a service.
    pub restored: BTreeMap<ServiceName, Timestamp>,
}

impl SavedBackup {
    /// When a restore of a service, or of all that it holds, had passed its checks.
    pub fn proven_of(&self, service: Option<&ServiceName>) -> Option<Timestamp> {
        match service {
            Some(service) => self.proven.get(service).copied(),
            None => self.services.iter().map(|one| self.proven.get(one).copied()).min().flatten(),
        }
    }

    /// Notes that a restore of a service, or of all that it holds, passed its checks.
    pub fn prove(&mut self, service: Option<&ServiceName>, at: Timestamp) {
        let passed = self.services.iter().filter(|one| service.is_none_or(|only| only == *one));
        self.proven.extend(passed.map(|one| (one.clone(), at)));
    }
}

/// Why a backup was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A person asked for it.
    Hand,
    /// Its time had come.
    Schedule,
    /// An update waited for it.
    BeforeUpdate,
    /// A restore was about to replace this data; it stays until a person removes it.
    BeforeRestore,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hand => "hand",
            Self::Schedule => "schedule",
            Self::BeforeUpdate => "before update",
            Self::BeforeRestore => "before restore",
        })
    }
}

/// How a backup ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SetEnd {
    /// Every member is there and whole.
    Good,
    /// It was given up, and none of its files is left.
    Failed {
        /// Why.
        why: String,
    },
    /// It was good once, and is no more.
    Damaged {
        /// What was found.
        why: String,
    },
}

impl SetEnd {
    /// A word for tables.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Failed { .. } => "failed",
            Self::Damaged { .. } => "damaged",
        }
    }

    /// What is wrong, if anything is.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Good => None,
            Self::Failed { why } | Self::Damaged { why } => Some(why),
        }
    }
}

/// One file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The service in whose container it was read.
    pub service: ServiceName,
    /// The volume that it is about, if it was asked for by volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<String>,
    /// Revision of that container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Image that it ran.
    pub image: String,
    /// What the file holds.
    pub format: Format,
    /// Name of the file in the set's directory.
    pub file: String,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// Bytes before compression and encryption.
    pub plain_bytes: u64,
    /// SHA-256 of the file.
    pub sha256: String,
    /// How many keys of age it is encrypted for.
    pub recipients: u32,
    /// What was said meanwhile, such as files that changed while they were read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// When a restore of it last passed its checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proven: Option<Timestamp>,
}
