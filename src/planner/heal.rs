//! Whether a container that does not run is started now (DESIGN §5, restart).

use crate::model::config::RestartPolicy;
use crate::model::desired::{DesiredService, RestartWhen};
use crate::model::held::WaitingOn;
use crate::model::ledger::ReplicaRecord;
use crate::model::observed::{Exit, Lifecycle, ObservedContainer};
use crate::model::plan::StartBudget;
use crate::model::reason::Reason;
use crate::model::time::Timestamp;
use crate::planner::jobs;
use crate::planner::world::{Awaited, ServiceView};

/// What to do about a container, as far as its state goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Healing {
    /// It runs.
    Runs,
    /// It ran to its end, and that is what it is for.
    Completed,
    /// It is started, as soon as its dependencies allow.
    Start(Reason, StartBudget),
    /// It is frozen and let go on.
    Unpause,
    /// The engine restarts it by itself; it is only watched.
    Engine,
    /// It waits.
    Wait(WaitingOn, Option<Timestamp>),
}

/// Decides by state, policy and memory.
pub fn healing(
    view: &ServiceView<'_>,
    container: &ObservedContainer,
    record: Option<&ReplicaRecord>,
    now: Timestamp,
) -> Healing {
    if jobs::is_settled(view, record) && jobs::rests(&container.lifecycle) {
        return jobs::settled(view, record);
    }
    // What an older version did is no reason for this one to wait.
    let record = record.filter(|record| record.revision == container.claim.revision);
    match &container.lifecycle {
        Lifecycle::Running { .. } => Healing::Runs,
        Lifecycle::Paused { .. } => planted!("paused-is-fine", Healing::Unpause, Healing::Runs),
        Lifecycle::Restarting(_) => Healing::Engine,
        Lifecycle::Removing | Lifecycle::Dead => Healing::Wait(WaitingOn::Removing, None),
        Lifecycle::Created { failure: None } => {
            paced(view, record, now, Reason::NotStarted, StartBudget::Free)
        }
        Lifecycle::Created { failure: Some(failure) } => {
            let reason = Reason::StartFailed { error: failure.error.clone() };
            paced(view, record, now, reason, StartBudget::Restart)
        }
        Lifecycle::Exited(exit) => exited(view, (container, exit), record, now),
    }
}

fn exited(
    view: &ServiceView<'_>,
    (container, exit): (&ObservedContainer, &Exit),
    record: Option<&ReplicaRecord>,
    now: Timestamp,
) -> Healing {
    if let Some(record) = record.filter(|record| record.restarting.as_ref() == Some(&container.id))
    {
        let reason = match record.unhealthy {
            _ if record.stopped => Reason::StopOver,
            0 => Reason::NotStarted,
            count => Reason::Unhealthy { streak: 0, count, probe: None },
        };
        return paced(view, Some(record), now, reason, StartBudget::Restart);
    }
    // An end that was accounted for and is no completion was an interruption by the engine.
    let interrupted = record
        .is_some_and(|record| !record.completed && record.counted.finished_at == exit.finished_at);
    if completes(view, exit) && !(interrupted && is_guess(view)) {
        return Healing::Completed;
    }
    let policy = view.service.restart.when;
    let failures = record.map_or(0, |record| record.failures);
    if view.job().is_some() {
        let reason = Reason::Exited { code: exit.code, oom_killed: exit.oom_killed, failures };
        return paced(view, record, now, reason, StartBudget::Free);
    }
    let exhausted = max_attempts(view.service).is_some_and(|most| failures > most);
    if policy == RestartWhen::Never || exhausted {
        let policy = if exhausted { "max_attempts".to_owned() } else { "no".to_owned() };
        return Healing::Wait(
            WaitingOn::RestartsExhausted { policy, exit_code: Some(exit.code) },
            None,
        );
    }
    let reason = Reason::Exited { code: exit.code, oom_killed: exit.oom_killed, failures };
    let budget = if failures == 0 { StartBudget::Free } else { StartBudget::Restart };
    paced(view, record, now, reason, budget)
}

/// Most restarts: of `deploy.restart_policy`, else of `restart: on-failure:n`.
fn max_attempts(service: &DesiredService) -> Option<u32> {
    let declared = match service.config.restart {
        RestartPolicy::OnFailure { max_retries } if max_retries > 0 => Some(max_retries),
        _ => None,
    };
    service.restart.max_attempts.or(declared)
}

/// Whether this is the end that the service is for.
pub fn completes(view: &ServiceView<'_>, exit: &Exit) -> bool {
    exit.code == 0 && view.may_complete()
}

/// Whether that it is a job is only guessed from its silence: such a one is started again after an interruption.
pub fn is_guess(view: &ServiceView<'_>) -> bool {
    view.service.restart.when == RestartWhen::Default && view.awaited != Awaited::Completed
}

/// A start, or the rest of its back-off (invariant 10).
fn paced(
    view: &ServiceView<'_>,
    record: Option<&ReplicaRecord>,
    now: Timestamp,
    reason: Reason,
    budget: StartBudget,
) -> Healing {
    let waiting = record.filter(|record| record.failures > 0);
    let waiting =
        waiting.and_then(|record| Some((record, record.next_try.filter(|next| *next > now)?)));
    match planted!("no-crash-back-off", waiting, None) {
        Some((record, next_try)) => Healing::Wait(back_off(view, record), Some(next_try)),
        None => Healing::Start(reason, budget),
    }
}

/// The hold of a replica that waits out its failures: that of a job, or of a crash loop.
pub fn back_off(view: &ServiceView<'_>, record: &ReplicaRecord) -> WaitingOn {
    view.job().map_or_else(|| crash_loop(record), |job| jobs::back_off(job, record))
}

/// The last log lines of the last run, or why it did not begin.
pub fn last_words(record: &ReplicaRecord) -> Vec<String> {
    let words = record.last_exit.as_ref().map(|exit| {
        if exit.log.is_empty() && !exit.error.is_empty() {
            vec![exit.error.clone()]
        } else {
            exit.log.clone()
        }
    });
    words.unwrap_or_default()
}

/// The hold of a crash loop, with its last words.
pub fn crash_loop(record: &ReplicaRecord) -> WaitingOn {
    let last = record.last_exit.as_ref();
    WaitingOn::CrashLoopBackOff {
        failures: record.failures,
        exit_code: last.map(|exit| exit.code),
        last: last_words(record),
    }
}
