//! The numbers by which the planner decides (DESIGN §6), and who we are.

use std::sync::Arc;
use std::time::Duration;

use crate::model::id::Installation;
use crate::model::log::Rotation;
use crate::model::rulebook::RuleBook;

/// Everything about planning that a setting may change. One value for all projects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Our identity on the engine.
    pub installation: Installation,
    /// Random value of this state directory; digests of values that may be secret are salted with it.
    pub salt: String,
    /// Back-off of a container that fails.
    pub crash: Backoff,
    /// Good running time after which failures are forgotten.
    pub crash_reset: Duration,
    /// Restarts by the engine within [`Policy::brake_window`] that bring the brake.
    pub brake_restarts: u32,
    /// See [`Policy::brake_restarts`].
    pub brake_window: Duration,
    /// Back-off of a job that fails (Kubernetes batch/v1, Job).
    pub job: Backoff,
    /// Back-off of a backup that fails: a dump of a large server is no small thing.
    pub backup: Backoff,
    /// Back-off of a restore drill that fails: what is wrong with a backup stays so.
    pub restore_drill: Backoff,
    /// Back-off of failed engine calls.
    pub call: Backoff,
    /// Back-off of failed pulls and builds.
    pub image: Backoff,
    /// Back-off of a field that somebody else keeps changing.
    pub drift: Backoff,
    /// Same field put right again within this time: the drift back-off begins.
    pub drift_window: Duration,
    /// Restarts of an unhealthy container before it is recreated.
    pub unhealthy_restarts: u32,
    /// A new version that runs and is not ready after this time has failed (Nomad, `healthy_deadline`).
    pub healthy_deadline: Duration,
    /// A rollout in which no replica became available for this time has failed (Kubernetes, `progressDeadlineSeconds`).
    pub progress_deadline: Duration,
    /// What manifests may not do, and when their changes are carried out.
    pub rules: Arc<RuleBook>,
    /// How logs are rotated of services that say nothing about it; `None` leaves it to the engine. It takes effect when a
    /// container is created, and recreates none.
    pub rotation: Option<Rotation>,
}

/// A back-off as a value: `initial × factor^n`, at most `cap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// First delay.
    pub initial: Duration,
    /// Multiplier.
    pub factor: u32,
    /// Longest delay.
    pub cap: Duration,
    /// Jitter in percent to either side; its value is a hash of key and attempt, never random.
    pub jitter_percent: u32,
}

impl Backoff {
    /// Delay before try `attempt` (0 is the first after a failure), jittered by `key`. Never above `cap`.
    pub fn delay(&self, attempt: u32, key: &str) -> Duration {
        let mut delay = self.initial;
        for _ in 0..attempt.min(40) {
            delay = delay.saturating_mul(self.factor).min(self.cap);
        }
        let span = u64::from(self.jitter_percent) * 2 + 1;
        let percent = 100 - u64::from(self.jitter_percent) + hash(key, attempt) % span;
        let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(millis.saturating_mul(percent) / 100).min(self.cap)
    }
}

/// FNV-1a over key and attempt: jitter has to differ between keys, not to be unpredictable.
fn hash(key: &str, attempt: u32) -> u64 {
    key.bytes().chain(attempt.to_le_bytes()).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

impl Default for Policy {
    fn default() -> Self {
        let backoff = |initial_ms, factor, cap_s, jitter_percent| Backoff {
            initial: Duration::from_millis(initial_ms),
            factor,
            cap: Duration::from_secs(cap_s),
            jitter_percent,
        };
        Self {
            installation: Installation::from("default"),
            salt: String::new(),
            crash: backoff(1000, 2, 60, 10),
            crash_reset: Duration::from_secs(600),
            brake_restarts: 5,
            brake_window: Duration::from_secs(600),
            job: backoff(10_000, 2, 600, 10),
            backup: backoff(60_000, 2, 3600, 10),
            restore_drill: backoff(600_000, 2, 21_600, 10),
            call: backoff(100, 2, 60, 20),
            image: backoff(10_000, 2, 300, 10),
            drift: backoff(2000, 3, 300, 10),
            drift_window: Duration::from_secs(300),
            unhealthy_restarts: 3,
            healthy_deadline: Duration::from_mins(5),
            progress_deadline: Duration::from_mins(10),
            rules: Arc::default(),
            rotation: None,
        }
    }
}
