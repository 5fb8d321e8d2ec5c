//! Projects and services of a scenario, and what their images do.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A project of the watched directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct App {
    /// Name of its directory.
    pub(crate) name: String,
    /// Its services, in order.
    pub(crate) services: Vec<Service>,
    /// Whether its file is nonsense now.
    #[serde(default)]
    pub(crate) broken: bool,
}

impl App {
    /// Its service of this name.
    pub(crate) fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }

    /// Whether a successor of this service may run beside its predecessor: it says when it is ready, or an order is given,
    /// and it has nothing that only one can have.
    pub(crate) fn starts_first(&self, service: &Service) -> bool {
        let shared = self.services.iter().filter(|service| service.volume).count() > 1;
        let alone = service.volume && !shared && service.replicas < 2;
        let wanted = match service.update.and_then(|update| update.order) {
            Some(order) => order == Order::StartFirst,
            None => service.health.is_some(),
        };
        wanted && service.port.is_none() && !alone
    }

    /// Most replicas of a service that an update may take down at a time.
    pub(crate) fn unavailable(&self, service: &Service) -> usize {
        if self.starts_first(service) { 0 } else { service.at_a_time() }
    }
}

/// A service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Service {
    /// Its key.
    pub(crate) name: String,
    /// What its application does.
    pub(crate) image: Tag,
    /// Replicas.
    pub(crate) replicas: u32,
    /// Attributes by name of [`super::FIELDS`], with the number of the value.
    #[serde(default)]
    pub(crate) fields: BTreeMap<String, usize>,
    /// Port of the host.
    #[serde(default)]
    pub(crate) port: Option<u16>,
    /// Whether it mounts the named volume `data`.
    #[serde(default)]
    pub(crate) volume: bool,
    /// Whether it is on the network `edge`, too.
    #[serde(default)]
    pub(crate) edge: bool,
    /// Its health check.
    #[serde(default)]
    pub(crate) health: Option<Health>,
    /// Services that it depends on, by key.
    #[serde(default)]
    pub(crate) after: Vec<String>,
    /// `deploy.update_config`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) update: Option<Update>,
    /// It is not kept running, but runs every full minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) schedule: Option<Schedule>,
}

impl Service {
    /// Whether a good end is the end that it is for: `on-failure`, or no policy and nothing published.
    pub(crate) fn may_end(&self) -> bool {
        let restart = self.fields.get("restart").copied();
        restart == Some(2) || (restart.is_none() && self.port.is_none())
    }

    /// Whether its containers are the same as those of another version: all but their number, and what is changed while
    /// they run.
    pub(crate) fn runs_as(&self, other: &Self) -> bool {
        const LIVE: [&str; 5] = ["restart", "mem_limit", "cpus", "cpu_shares", "pids_limit"];
        let fixed = |service: &Self| {
            let mut service = Self { replicas: 1, after: Vec::new(), ..service.clone() };
            service.fields.retain(|name, _| !LIVE.contains(&name.as_str()));
            service
        };
        fixed(self) == fixed(other)
    }

    /// How long a new replica has to be ready before it counts as available.
    pub(crate) fn monitor(&self) -> Duration {
        Duration::from_secs(self.update.map_or(10, |update| update.monitor))
    }

    /// How many containers are to stand.
    pub(crate) fn wanted(&self) -> usize {
        let replicas = if self.schedule.is_some() { 0 } else { self.replicas };
        usize::try_from(replicas).unwrap_or(usize::MAX)
    }

    /// Replicas that may be under way at a time.
    pub(crate) fn at_a_time(&self) -> usize {
        let parallelism = match self.update.map_or(1, |update| update.parallelism) {
            0 => self.replicas,
            some => some.min(self.replicas.max(1)),
        };
        usize::try_from(parallelism).unwrap_or(usize::MAX)
    }
}

/// How the replicas of a service are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Update {
    /// Replicas at a time; 0 is all.
    pub(crate) parallelism: u32,
    /// What comes first.
    pub(crate) order: Option<Order>,
    /// Seconds that a new one has to be ready.
    pub(crate) monitor: u64,
    /// What becomes of a version that fails.
    pub(crate) on_failure: OnFailure,
}

/// `order` of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Order {
    /// The successor runs before its predecessor is stopped.
    StartFirst,
    /// The other way round.
    StopFirst,
}

/// `failure_action` of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum OnFailure {
    /// The last one that held comes back.
    Rollback,
    /// It stays as it is until a person says so.
    Pause,
    /// It goes on.
    Continue,
}

/// `x-composelet.schedule` of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Schedule {
    /// What becomes of a run that is due while another goes on.
    pub(crate) concurrency: Concurrency,
    /// Seconds after which a run that is due is not begun any more.
    pub(crate) deadline: Option<u64>,
}

/// `concurrency` of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Concurrency {
    /// It waits.
    Forbid,
    /// It runs beside the other.
    Allow,
    /// The other is stopped.
    Replace,
}

/// A health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Health {
    /// Seconds between two probes.
    pub(crate) interval: u64,
    /// Failures in a row that make it unhealthy.
    pub(crate) retries: u64,
}

/// Images, by what their applications do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Tag {
    /// Runs for ever, stops when told.
    #[default]
    Plain,
    /// Ignores its stop signal.
    Stubborn,
    /// Is well 7 s after its start, not before.
    Late,
    /// Feels unwell now and then.
    Flaps,
    /// Falls ill soon after its first start, until it is started again.
    Ill,
    /// Ends with an error twice, then runs.
    Shaky,
    /// Runs out of memory once, a minute after its start.
    Hungry,
    /// Its first two starts fail.
    Reluctant,
    /// Ends with an error again and again: never as declared.
    Broken,
    /// Cannot be started at all.
    NoEntry,
    /// Lies in a registry that is asked every minute; its content moves.
    Moving,
    /// Runs, and its health check never passes: never as declared.
    Sick,
    /// Ends well after 2 s.
    Quick,
    /// Ends well after 75 s.
    Slow,
}

impl Tag {
    /// All of them.
    pub(crate) const ALL: [Self; 14] = [
        Self::Plain,
        Self::Stubborn,
        Self::Late,
        Self::Flaps,
        Self::Ill,
        Self::Shaky,
        Self::Hungry,
        Self::Reluctant,
        Self::Broken,
        Self::NoEntry,
        Self::Moving,
        Self::Sick,
        Self::Quick,
        Self::Slow,
    ];

    /// The reference in the manifest.
    pub(crate) fn reference(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Stubborn => "stubborn",
            Self::Late => "late",
            Self::Flaps => "flaps",
            Self::Ill => "ill",
            Self::Shaky => "shaky",
            Self::Hungry => "hungry",
            Self::Reluctant => "reluctant",
            Self::Broken => "broken",
            Self::NoEntry => "no-entry",
            Self::Moving => "reg.test/moving:1",
            Self::Sick => "sick",
            Self::Quick => "quick",
            Self::Slow => "slow",
        }
    }

    /// The image of this reference.
    pub(crate) fn named(reference: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tag| tag.reference() == reference)
    }

    /// Whether its containers never do anything but serve, by themselves.
    pub(crate) fn stays_well(self) -> bool {
        matches!(self, Self::Plain | Self::Stubborn | Self::Late)
    }

    /// Whether its containers can run as declared.
    pub(crate) fn is_feasible(self) -> bool {
        !matches!(self, Self::Broken | Self::NoEntry | Self::Sick)
    }
}
