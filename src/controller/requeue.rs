//! When a project is looked at again by itself. Pure.

use std::time::Duration;

use crate::controller::queue::Requeue;
use crate::model::held::WaitingOn;
use crate::model::outcome::{NodeOutcome, PassReport, SkipReason};
use crate::model::time::Timestamp;

/// Nothing is waited for longer than this without a look.
const LONGEST: Duration = Duration::from_secs(600);
/// A hold whose instant has come is looked at after this: the engine's clock and ours differ by a little.
const SOONEST: Duration = Duration::from_millis(20);
/// After a walk in which nothing succeeded.
const FRUITLESS: Duration = Duration::from_millis(250);

/// What follows a pass. After a walk that changed something a look follows at once; else the earliest `until` of what is
/// held or throttled, or has to be judged by `wakes` though nobody waits for it, decides. `joins` says whether an image operation that is waited for still runs.
pub fn requeue(
    (report, wakes): (&PassReport, Option<Timestamp>),
    now: Timestamp,
    mut joins: impl FnMut(&str) -> bool,
) -> Requeue {
    let ended =
        |outcome: &NodeOutcome| matches!(outcome, NodeOutcome::Skipped(SkipReason::Shutdown));
    if !report.outcomes.is_empty() && report.outcomes.iter().all(ended) {
        return Requeue::AwaitChange;
    }
    let changed = |outcome: &NodeOutcome| {
        matches!(outcome, NodeOutcome::Succeeded(_) | NodeOutcome::Skipped(SkipReason::Stale))
    };
    if report.outcomes.iter().any(changed) {
        return Requeue::After(Duration::ZERO);
    }
    let soon = |until: Timestamp| until.since(now).max(SOONEST);
    let mut delays: Vec<Duration> = wakes.map(soon).into_iter().collect();
    for held in &report.plan.held {
        if let WaitingOn::Operation { about, kind } = &held.waiting_on
            && matches!(kind.as_str(), "pull" | "build")
            && !joins(about)
        {
            delays.push(Duration::ZERO);
        }
        delays.extend(held.until.map(soon));
    }
    for outcome in &report.outcomes {
        delays.push(match outcome {
            NodeOutcome::Skipped(SkipReason::Throttled(until)) => until.since(now).max(SOONEST),
            // Its end wakes the project.
            NodeOutcome::Skipped(SkipReason::Running | SkipReason::Shutdown) => LONGEST,
            _ => FRUITLESS,
        });
    }
    match delays.into_iter().min() {
        Some(delay) => Requeue::After(delay.min(LONGEST)),
        None => Requeue::AwaitChange,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::held::{Held, Subject};
    use crate::model::id::ProjectName;
    use crate::model::plan::Plan;

    fn report(waits: &[(WaitingOn, Option<i64>)], outcomes: Vec<NodeOutcome>) -> PassReport {
        let held = waits
            .iter()
            .map(|(waiting_on, until)| Held {
                subject: Subject::Project,
                waiting_on: waiting_on.clone(),
                until: until.map(Timestamp::from_millis),
            })
            .collect();
        let plan = Plan { project: ProjectName::from("shop"), nodes: Vec::new(), held };
        PassReport { plan, outcomes, at: Timestamp::from_millis(0) }
    }

    fn after(report: &PassReport) -> Requeue {
        requeue((report, None), Timestamp::from_millis(1_000), |image| image == "runs")
    }

    fn pull(about: &str) -> WaitingOn {
        WaitingOn::Operation { kind: "pull".to_owned(), about: about.to_owned() }
    }

    #[test]
    fn a_silent_pass_waits_for_a_change() {
        assert_eq!(after(&report(&[], vec![])), Requeue::AwaitChange);
        let person = (WaitingOn::Suspended("by hand".to_owned()), None);
        assert_eq!(after(&report(&[person], vec![])), Requeue::AwaitChange);
    }

    #[test]
    fn the_earliest_instant_decides() {
        let waits = [
            (WaitingOn::Throttled, Some(9_000)),
            (WaitingOn::Throttled, Some(3_000)),
            (WaitingOn::Removing, None),
        ];
        let expected = Requeue::After(Duration::from_secs(2));
        assert_eq!(after(&report(&waits, vec![])), expected);
        let past = [(WaitingOn::Throttled, Some(0))];
        assert_eq!(after(&report(&past, vec![])), Requeue::After(SOONEST));
        let far = [(WaitingOn::Throttled, Some(i64::MAX))];
        assert_eq!(after(&report(&far, vec![])), Requeue::After(LONGEST));
    }

    #[test]
    fn an_operation_that_ended_meanwhile_is_looked_at_at_once() {
        assert_eq!(after(&report(&[(pull("runs"), None)], vec![])), Requeue::AwaitChange);
        assert_eq!(after(&report(&[(pull("gone"), None)], vec![])), Requeue::After(Duration::ZERO));
        // The table of images knows nothing of these; their end wakes the project.
        for kind in ["stop", "reload", "post_start", "probe"] {
            let waits =
                WaitingOn::Operation { kind: kind.to_owned(), about: "shop-web-1".to_owned() };
            assert_eq!(after(&report(&[(waits, None)], vec![])), Requeue::AwaitChange, "{kind}");
        }
    }
}
