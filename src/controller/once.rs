//! `run --once`: whether there is anything left to do (DESIGN §5). Pure.

use std::time::Duration;

use crate::controller::desired::belief::{Belief, Standing};
use crate::controller::telling::is_ready;
use crate::model::held::WaitingOn;
use crate::model::job::JobWait;
use crate::model::plan::Plan;
use crate::model::status::{ConditionKind, ProjectStatus, Truth};

/// Failures in a row after which a loop is one.
const LOOPING: u32 = 5;

/// A container that failed and then runs for this long is taken to have recovered.
const GOOD_RUN: Duration = Duration::from_secs(10);

/// How far a project is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Progress {
    /// Nothing is left to do and all is well.
    Done,
    /// Nothing is left to do by itself, and not all is well.
    Failed,
    /// Something will still happen.
    Working,
}

/// How far a project is after its last pass; `wait` asks for the health of its last layer too.
pub(crate) fn progress(
    belief: &Belief,
    plan: Option<&Plan>,
    status: Option<&ProjectStatus>,
    wait: bool,
) -> Progress {
    let Some(plan) = plan else {
        return Progress::Working;
    };
    if !plan.nodes.is_empty() {
        return Progress::Working;
    }
    let waits = || plan.held.iter().map(|held| &held.waiting_on);
    let stuck = waits().any(is_stuck) || belief.standing == Standing::Broken;
    let open = waits().filter(|waiting| waiting.blocks_once() && !is_stuck(waiting));
    let mut open = open.peekable();
    let only_behind = open.peek().is_some()
        && open.all(|waiting| matches!(waiting, WaitingOn::Dependency { .. }));
    let behind_stuck = stuck && only_behind;
    let blocked = waits().any(|waiting| waiting.blocks_once() && !is_stuck(waiting));
    if blocked && !behind_stuck {
        return Progress::Working;
    }
    if stuck {
        return Progress::Failed;
    }
    if status.is_some_and(is_looping) {
        return Progress::Working;
    }
    if wait && !status.is_some_and(is_ready) {
        return if status.is_some_and(is_stalled) { Progress::Failed } else { Progress::Working };
    }
    Progress::Done
}

/// It will not get better by waiting a little.
fn is_stuck(waiting: &WaitingOn) -> bool {
    match waiting {
        WaitingOn::CrashLoopBackOff { failures, .. }
        | WaitingOn::ImagePullBackOff { failures, .. }
        | WaitingOn::EngineCallBackOff { failures, .. }
        | WaitingOn::Job(JobWait::BackOff { failures, .. }) => *failures >= LOOPING,
        WaitingOn::Job(wait) => wait.is_final(),
        WaitingOn::Policy(wait) => wait.is_final(),
        WaitingOn::RestartsExhausted { .. }
        | WaitingOn::ErrImageNeverPull
        | WaitingOn::InvalidManifest
        | WaitingOn::NameHeldByUnmanaged { .. }
        | WaitingOn::ForeignNetwork
        | WaitingOn::PortConflict { .. }
        | WaitingOn::ExternalMissing
        | WaitingOn::BindSourceMissing(_)
        | WaitingOn::DataPathChanged(_)
        | WaitingOn::AdoptionNeedsConfirmation { .. }
        | WaitingOn::PruneNeedsConfirmation { .. } => true,
        _ => false,
    }
}

/// A container that failed lately and has not run well since: the next failure, or a good run, will tell.
fn is_looping(status: &ProjectStatus) -> bool {
    let mut containers = status.services.iter().flat_map(|service| &service.containers);
    containers.any(|one| {
        let fresh = one.since.is_none_or(|since| status.published_at.since(since) < GOOD_RUN);
        one.failures > 0 && (one.state == "restarting" || (one.state == "running" && fresh))
    })
}

fn is_stalled(status: &ProjectStatus) -> bool {
    let mut conditions = status.conditions.iter();
    conditions.any(|one| one.kind == ConditionKind::Stalled && one.status == Truth::True)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::held::{Held, Subject};
    use crate::model::id::ProjectName;

    fn after(waits: Vec<WaitingOn>) -> Progress {
        let belief = Belief {
            source: String::new(),
            version: None,
            diagnostics: Vec::new(),
            standing: Standing::Settled,
        };
        let held = waits
            .into_iter()
            .map(|waiting_on| Held { subject: Subject::Project, waiting_on, until: None })
            .collect();
        let plan = Plan { project: ProjectName::from("shop"), nodes: Vec::new(), held };
        progress(&belief, Some(&plan), None, false)
    }

    fn crash(failures: u32) -> WaitingOn {
        WaitingOn::CrashLoopBackOff { failures, exit_code: Some(1), last: Vec::new() }
    }

    fn dependency() -> WaitingOn {
        WaitingOn::Dependency {
            service: "db".into(),
            condition: "healthy".to_owned(),
            actual: "starting".to_owned(),
        }
    }

    #[test]
    fn waits_decide() {
        assert_eq!(after(vec![]), Progress::Done);
        let person = WaitingOn::Suspended("by hand".to_owned());
        assert_eq!(after(vec![person]), Progress::Done);
        assert_eq!(after(vec![dependency()]), Progress::Working);
        assert_eq!(after(vec![crash(1), dependency()]), Progress::Working);
        assert_eq!(after(vec![crash(5), dependency()]), Progress::Failed);
        assert_eq!(after(vec![crash(5), WaitingOn::Throttled]), Progress::Working);
        assert_eq!(after(vec![WaitingOn::ErrImageNeverPull]), Progress::Failed);
    }
}
