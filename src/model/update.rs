//! How the replicas of a service are replaced by those of a new version (Compose Deploy Specification, `update_config` and
//! `rollback_config`; `x-composelet.strategy` and `drain`).

use std::time::Duration;

/// How long a replica has to be ready before it counts as available, unless `monitor` says so (Nomad, `min_healthy_time`).
const MIN_READY: Duration = Duration::from_secs(10);

/// How replicas are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpdateConfig {
    /// Replicas that are replaced at a time; 0 is all of them.
    pub parallelism: u32,
    /// Time between a replica that is done and the next one.
    pub delay: Duration,
    /// What comes first.
    pub order: UpdateOrder,
    /// How long a new replica has to be ready before it counts as available and its predecessor goes (`monitor`).
    pub monitor: Duration,
    /// What a failed update leads to.
    pub failure_action: FailureAction,
    /// Share of failed replicas that is put up with, in thousandths.
    pub max_failure_permille: u32,
}

/// What comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UpdateOrder {
    /// The start of the successor where nothing forbids it, else the stop of the predecessor.
    #[default]
    Auto,
    /// The start of the successor, unless two at once cannot be.
    StartFirst,
    /// The stop of the predecessor.
    StopFirst,
}

/// What a failed update leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailureAction {
    /// The project goes back to its last stable revision.
    #[default]
    Rollback,
    /// Nothing more is replaced until the files change or a person says so.
    Pause,
    /// The update goes on.
    Continue,
}

impl Default for UpdateConfig {
    fn default() -> Self {
        Self {
            parallelism: 1,
            delay: Duration::ZERO,
            order: UpdateOrder::Auto,
            monitor: MIN_READY,
            failure_action: FailureAction::Rollback,
            max_failure_permille: 0,
        }
    }
}

impl UpdateConfig {
    /// Replicas that may be under way at a time, of `replicas`.
    pub fn at_a_time(&self, replicas: u32) -> u32 {
        if self.parallelism == 0 { replicas.max(1) } else { self.parallelism }
    }

    /// Whether `failed` of `replicas` are more than is put up with.
    pub fn is_failed(&self, failed: u32, replicas: u32) -> bool {
        let share = u64::from(failed).saturating_mul(1000);
        failed > 0
            && share > u64::from(self.max_failure_permille).saturating_mul(replicas.max(1).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_failures_is_put_up_with_up_to_the_ratio() {
        let ratio =
            |permille| UpdateConfig { max_failure_permille: permille, ..UpdateConfig::default() };
        let table = [
            (0, 0, 3, false),
            (0, 1, 3, true),
            (333, 1, 3, true),
            (334, 1, 3, false),
            (500, 2, 4, false),
        ];
        for (permille, failed, replicas, expected) in table {
            assert_eq!(
                ratio(permille).is_failed(failed, replicas),
                expected,
                "{permille} {failed}/{replicas}"
            );
        }
    }

    #[test]
    fn no_parallelism_is_all_at_once() {
        let all = UpdateConfig { parallelism: 0, ..UpdateConfig::default() };
        assert_eq!((all.at_a_time(5), UpdateConfig::default().at_a_time(5)), (5, 1));
    }
}
