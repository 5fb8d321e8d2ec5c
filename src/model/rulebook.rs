//! The policy that manifests cannot change (`policy` of the settings file): which rules hold for which project.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::model::glob::Glob;
use crate::model::id::ProjectName;
use crate::model::image_update::UpdateWindow;
use crate::model::violation::Rule;

/// How much is refused, least first (Kubernetes, Pod Security Standards).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing but what the profile names itself.
    #[default]
    Privileged,
    /// Known ways out of a container.
    Baseline,
    /// Whatever hardened containers need not have.
    Restricted,
}

impl Level {
    /// All of them, least strict first.
    pub const ALL: [Self; 3] = [Self::Privileged, Self::Baseline, Self::Restricted];

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Privileged => "privileged",
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A path of the host that may be mounted, with all below it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AllowedPath {
    /// Where.
    pub place: AllowedPlace,
    /// Only read-only.
    pub read_only: bool,
}

/// Which path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AllowedPlace {
    /// The directory of the project, written `.`.
    Project,
    /// An absolute path.
    Path(String),
}

/// A limit that containers must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RequiredLimit {
    /// Memory.
    Memory,
    /// Processes.
    Pids,
    /// Processor time.
    Cpu,
}

impl RequiredLimit {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Memory, Self::Pids, Self::Cpu];

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Pids => "pids",
            Self::Cpu => "cpu",
        }
    }
}

/// The rules of one profile. An absent list allows everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Name of the profile.
    pub profile: String,
    /// What it is based on.
    pub level: Level,
    /// Repositories that images may come from.
    pub registries: Option<Vec<Glob>>,
    /// Images are named by digest.
    pub require_digest: bool,
    /// Paths of the host that may be mounted.
    pub host_paths: Option<Vec<AllowedPath>>,
    /// Ports of the host that may be published.
    pub ports: Option<Vec<RangeInclusive<u16>>>,
    /// Addresses of the host that they may be published on.
    pub host_addresses: Option<BTreeSet<String>>,
    /// Capabilities that may be added, without the prefix `CAP_`.
    pub capabilities: Option<BTreeSet<String>>,
    /// The engine's socket may be mounted.
    pub socket: bool,
    /// Limits that containers must have.
    pub require_limits: BTreeSet<RequiredLimit>,
    /// Drivers of networks.
    pub network_drivers: Option<BTreeSet<String>>,
    /// Rules that do not hold.
    pub allow: BTreeSet<Rule>,
}

/// Capabilities that may be added under baseline (Pod Security Standards).
const BASELINE_CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

impl Rules {
    /// A built-in profile.
    pub fn of(level: Level) -> Self {
        let texts =
            |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<BTreeSet<String>>();
        let mut rules = Self {
            profile: level.word().to_owned(),
            level,
            registries: None,
            require_digest: false,
            host_paths: None,
            ports: None,
            host_addresses: None,
            capabilities: None,
            socket: level == Level::Privileged,
            require_limits: BTreeSet::new(),
            network_drivers: None,
            allow: BTreeSet::new(),
        };
        if level >= Level::Baseline {
            let own = AllowedPath { place: AllowedPlace::Project, read_only: false };
            rules.host_paths = Some(vec![own]);
            rules.ports = Some(vec![1024..=u16::MAX]);
            rules.host_addresses = Some(texts(&["127.0.0.1", "::1"]));
            rules.capabilities = Some(texts(&BASELINE_CAPABILITIES));
            rules.network_drivers = Some(texts(&["bridge"]));
        }
        if level == Level::Restricted {
            rules.host_paths = Some(Vec::new());
            rules.capabilities = Some(texts(&["NET_BIND_SERVICE"]));
        }
        rules
    }

    /// Whether nothing is refused, so that nothing has to be looked at.
    pub fn admit_all(&self) -> bool {
        let same = Self { profile: self.profile.clone(), ..Self::of(Level::Privileged) };
        let without = Self { allow: BTreeSet::new(), ..self.clone() };
        without == same
    }
}

/// How many containers may be replaced or removed in a time, over all projects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxDisruption {
    /// Projects that are disturbed.
    pub projects: usize,
    /// Containers that are replaced or removed.
    pub containers: usize,
    /// The time.
    pub per: Duration,
}

/// When voluntary replacements of some projects happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaintenanceWindow {
    /// Which projects.
    pub projects: Vec<Glob>,
    /// When.
    pub window: UpdateWindow,
    /// As it was written, for people.
    pub text: String,
}

/// Everything that the policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleBook {
    /// For projects that are not named.
    pub default: Arc<Rules>,
    /// By project; exact names come before patterns, longer ones before shorter ones.
    pub projects: Vec<(Glob, Arc<Rules>)>,
    /// By git source: these hold for whatever it brings, because a repository chooses the names of its projects.
    pub sources: BTreeMap<String, Arc<Rules>>,
    /// The directories of the sources.
    pub directories: Vec<(PathBuf, String)>,
    /// Projects that are only removed when a person confirms it.
    pub protected: Vec<Glob>,
    /// How much may be disturbed at a time.
    pub max_disruption: Option<MaxDisruption>,
    /// When voluntary replacements happen.
    pub windows: Vec<MaintenanceWindow>,
}

impl Default for RuleBook {
    fn default() -> Self {
        Self {
            default: Arc::new(Rules::of(Level::Privileged)),
            projects: Vec::new(),
            sources: BTreeMap::new(),
            directories: Vec::new(),
            protected: Vec::new(),
            max_disruption: None,
            windows: Vec::new(),
        }
    }
}

impl RuleBook {
    /// The rules of a project whose files lie in `directory`, if that is known.
    pub fn rules_in(&self, project: &ProjectName, directory: Option<&Path>) -> &Arc<Rules> {
        let source = directory.and_then(|directory| {
            let mut all = self.directories.iter();
            all.find(|(own, _)| directory.starts_with(own)).map(|(_, source)| source)
        });
        source.and_then(|source| self.sources.get(source)).unwrap_or_else(|| self.rules(project))
    }

    /// The rules of a project by its name.
    pub fn rules(&self, project: &ProjectName) -> &Arc<Rules> {
        let mut projects = self.projects.iter();
        let found = projects.find(|(pattern, _)| pattern.matches(project.as_str()));
        found.map_or(&self.default, |(_, rules)| rules)
    }

    /// Whether a project is removed only when a person confirms it.
    pub fn is_protected(&self, project: &ProjectName) -> bool {
        self.protected.iter().any(|pattern| pattern.matches(project.as_str()))
    }

    /// Whether a replacement in a project may have to wait for anything of this.
    pub fn may_hold(&self, project: &ProjectName) -> bool {
        self.max_disruption.is_some()
            || self.windows_of(project).next().is_some()
            || !self.rules(project).admit_all()
    }

    /// The windows of a project.
    pub fn windows_of(&self, project: &ProjectName) -> impl Iterator<Item = &MaintenanceWindow> {
        self.windows.iter().filter(|window| {
            window.projects.iter().any(|pattern| pattern.matches(project.as_str()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_pattern_that_fits_counts_and_else_the_default() {
        let baseline = Arc::new(Rules::of(Level::Baseline));
        let book = RuleBook {
            projects: vec![(Glob::new("infra-*"), Arc::clone(&baseline))],
            protected: vec![Glob::new("vault")],
            ..RuleBook::default()
        };
        assert_eq!(book.rules(&"infra-dns".into()).level, Level::Baseline);
        assert!(book.rules(&"shop".into()).admit_all());
        assert!(!baseline.admit_all());
        assert!(book.is_protected(&"vault".into()) && !book.is_protected(&"vault2".into()));
    }

    #[test]
    fn a_source_is_judged_by_its_directory_whatever_its_projects_are_called() {
        let baseline = Arc::new(Rules::of(Level::Baseline));
        let privileged = Arc::new(Rules::of(Level::Privileged));
        let book = RuleBook {
            projects: vec![(Glob::new("infra-*"), privileged)],
            sources: BTreeMap::from([("apps".to_owned(), baseline)]),
            directories: vec![(PathBuf::from("/desired/apps"), "apps".to_owned())],
            ..RuleBook::default()
        };
        let level =
            |directory: &str| book.rules_in(&"infra-x".into(), Some(Path::new(directory))).level;
        assert_eq!(level("/desired/apps/x"), Level::Baseline);
        assert_eq!(level("/desired/apps-of-others"), Level::Privileged);
        assert_eq!(book.rules_in(&"infra-x".into(), None).level, Level::Privileged);
    }
}
