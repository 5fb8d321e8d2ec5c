//! Checks before a rollout (`x-composelet.checks.before`): what a new version has to pass before anything of it is made.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::id::{ContainerId, ServiceName};
use crate::model::ledger::HookFailure;
use crate::model::secret::{Secret, sha256_hex};
use crate::model::time::Timestamp;

/// One check: a container that has to end with 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeforeCheck {
    /// For people; its number from 1 unless written.
    pub name: String,
    /// Image reference, if it is another than that of the service.
    pub image: Option<String>,
    /// Program and arguments; without any those of the image.
    pub command: Vec<Secret>,
    /// Further variables.
    pub environment: BTreeMap<String, Secret>,
    /// Values that are taken out of its output before anybody sees it.
    pub hidden: Vec<Secret>,
    /// After which time it is stopped and has failed.
    pub timeout: Duration,
    /// What its failure means.
    pub on_failure: OnFailure,
    /// What it reaches.
    pub reach: Reach,
    /// Services of the project of which a throw-away copy runs beside it, found by the names of the services.
    pub with: BTreeSet<ServiceName>,
}

/// What the failure of a check means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// The version is rejected.
    #[default]
    Reject,
    /// Nothing: the next check follows (`allow_failure`).
    Allow,
}

/// What a check reaches over the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Nothing but its companions: neither the services of the project nor anybody else.
    #[default]
    Nothing,
    /// What the engine's default bridge leads to; no service of the project by name (`network: true`).
    Bridge,
}

impl BeforeCheck {
    /// Digest of what is run: whoever passed something else has not passed this.
    pub fn digest(&self) -> String {
        let words = self.command.iter().flat_map(|word| ["word", word.expose()]);
        let variables = self.environment.iter();
        let variables = variables.flat_map(|(name, value)| ["variable", name, value.expose()]);
        let reach = match self.reach {
            Reach::Nothing => "nothing",
            Reach::Bridge => "bridge",
        };
        let image = self.image.as_deref().unwrap_or_default();
        let with = self.with.iter().flat_map(|name| ["with", name.as_str()]);
        let parts = ["image", image, reach].into_iter().chain(words).chain(variables).chain(with);
        sha256_hex(parts.flat_map(|part| [part, "\u{1}"]))
    }
}

/// Memory of the checks before the rollout of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BeforeRecord {
    /// Version of the service and of its checks that the rest is about.
    pub version: String,
    /// Checks that it passed.
    pub done: u32,
    /// When it passed the last one.
    pub last_done: Option<Timestamp>,
    /// The container whose end was counted last.
    pub counted: Option<ContainerId>,
    /// The last try of the next one failed.
    pub failure: Option<HookFailure>,
    /// Its last lines, at most 20 of at most 500 characters; empty: not read yet.
    pub log: Vec<String>,
    /// Versions that passed all of theirs, oldest first; as many as revisions are kept.
    pub passed: VecDeque<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_what_is_run_is_in_its_digest() {
        let check = BeforeCheck {
            name: "unit".to_owned(),
            image: None,
            command: vec!["a".into(), "b".into()],
            environment: BTreeMap::new(),
            hidden: Vec::new(),
            timeout: Duration::from_secs(1),
            on_failure: OnFailure::Reject,
            reach: Reach::Nothing,
            with: BTreeSet::new(),
        };
        let mut others = vec![check.clone(); 5];
        others[0].image = Some("scanner".to_owned());
        others[1].command = vec!["a b".into()];
        others[2].environment = [("A".to_owned(), "b".into())].into();
        others[3].reach = Reach::Bridge;
        others[4].with = ["db".into()].into();
        let mut digests: Vec<String> = others.iter().map(BeforeCheck::digest).collect();
        digests.push(check.digest());
        digests.sort();
        digests.dedup();
        assert_eq!(digests.len(), 6);
    }
}
