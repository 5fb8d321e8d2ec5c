//! Progressive strategies (`x-composelet.strategy`): a new version stands beside the old one, proves itself step by step,
//! and takes its place when it is promoted. The words are those of Argo Rollouts and Nomad.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::analysis::Check;

/// How a new version of a service proves itself beside the old one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strategy {
    /// Who gets the traffic meanwhile.
    pub kind: StrategyKind,
    /// What happens before it is promoted; the first one says how many replicas it has.
    pub steps: Vec<Step>,
    /// What is measured from the first step until it is promoted.
    pub background: Vec<Check>,
    /// Time from the promotion to the stop of the old version.
    pub scale_down_delay: Duration,
}

/// Who gets the traffic while a new version proves itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StrategyKind {
    /// The old version, until all of it goes to the new one.
    BlueGreen,
    /// Both.
    Canary,
}

/// One step before the promotion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many replicas of the new version run beside their predecessors.
    Replicas(u32),
    /// So many percent of the traffic go to the new version, from 1 to 100; it has the same share of replicas, rounded up.
    Weight(u32),
    /// Nothing, for so long.
    Pause(Duration),
    /// Nothing, until a person promotes it.
    Confirm,
    /// These measurements.
    Analysis(Vec<Check>),
}

impl Strategy {
    /// Replicas of the new version at a step, of `replicas`.
    pub fn candidates(&self, step: u32, replicas: u32) -> u32 {
        let wanted = self.until(step).find_map(|step| match step {
            Step::Replicas(count) => Some(*count),
            Step::Weight(percent) => {
                let share = u64::from(replicas).saturating_mul((*percent).into()).div_ceil(100);
                Some(u32::try_from(share).unwrap_or(u32::MAX).max(1))
            }
            Step::Pause(_) | Step::Confirm | Step::Analysis(_) => None,
        });
        wanted.unwrap_or(0).min(replicas)
    }

    /// Percent of the traffic that go to the new version at a step, if the strategy says so and not the share of replicas.
    pub fn weight(&self, step: u32) -> Option<u32> {
        let sets =
            self.until(step).find(|step| matches!(step, Step::Replicas(_) | Step::Weight(_)));
        match sets {
            Some(Step::Weight(percent)) => Some(*percent),
            _ => None,
        }
    }

    /// The step of this number, from 0; `None`: all are done.
    pub fn step(&self, step: u32) -> Option<&Step> {
        self.steps.get(usize::try_from(step).ok()?)
    }

    /// The steps up to this one, the last first.
    fn until(&self, step: u32) -> impl Iterator<Item = &Step> {
        let count = usize::try_from(step).unwrap_or(usize::MAX).saturating_add(1);
        let skipped = self.steps.len().saturating_sub(count);
        self.steps.iter().rev().skip(skipped)
    }
}

impl fmt::Display for StrategyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BlueGreen => "blue-green",
            Self::Canary => "canary",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_has_the_replicas_of_the_last_one_that_says_so() {
        let steps = vec![
            Step::Replicas(1),
            Step::Confirm,
            Step::Weight(41),
            Step::Pause(Duration::from_secs(60)),
            Step::Weight(100),
        ];
        let strategy = Strategy {
            kind: StrategyKind::Canary,
            steps,
            background: Vec::new(),
            scale_down_delay: Duration::ZERO,
        };
        let counts: Vec<u32> = (0..7).map(|step| strategy.candidates(step, 5)).collect();
        assert_eq!(counts, [1, 1, 3, 3, 5, 5, 5]);
        let one: Vec<u32> = (0..5).map(|step| strategy.candidates(step, 1)).collect();
        assert_eq!(one, [1, 1, 1, 1, 1]);
        let weights: Vec<Option<u32>> = (0..6).map(|step| strategy.weight(step)).collect();
        assert_eq!(weights, [None, None, Some(41), Some(41), Some(100), Some(100)]);
        assert_eq!((strategy.candidates(3, 0), strategy.step(5)), (0, None));
    }
}
