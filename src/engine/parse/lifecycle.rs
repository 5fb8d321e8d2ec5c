//! State and health.

use crate::engine::failure::presentable;
use crate::engine::parse::container::instant;
use crate::engine::wire::{HealthJson, StateJson};
use crate::model::observed::{Exit, Health, Lifecycle, StartFailure};
use crate::model::time::Timestamp;

/// Longest text of the engine or of a probe that is kept, in characters.
const TEXT_LIMIT: usize = 500;

/// Words for the state: Docker's, and Podman's where they leak.
const WORDS: [&str; 12] = [
    "created",
    "running",
    "paused",
    "restarting",
    "exited",
    "removing",
    "dead",
    "configured",
    "initialized",
    "stopped",
    "stopping",
    "degraded",
];

/// Whether the state is one that we can read.
pub(super) fn is_known_word(state: &StateJson) -> bool {
    state.status.as_deref().is_some_and(|word| WORDS.contains(&word))
}

/// The state as `inspect` tells it.
pub(super) fn lifecycle(state: &StateJson, created_at: Timestamp) -> Lifecycle {
    let started_at = instant(state.started_at.as_deref());
    let error = presentable(state.error.as_deref().unwrap_or(""), TEXT_LIMIT);
    let exit_code = state.exit_code.unwrap_or(0);
    let exit = Exit {
        code: exit_code,
        started_at,
        finished_at: instant(state.finished_at.as_deref()),
        oom_killed: state.oom_killed.unwrap_or(false),
        error: error.clone(),
    };
    let failure =
        (exit_code != 0 || !error.is_empty()).then_some(StartFailure { exit_code, error });
    let started_at = started_at.unwrap_or(created_at);
    of_word(state.status.as_deref().unwrap_or(""), failure, started_at, exit)
}

/// The state as the list tells it; instants are missing there.
pub(super) fn lifecycle_of_summary(word: &str, remark: &str, created_at: Timestamp) -> Lifecycle {
    let exit = Exit {
        code: remark.parse().unwrap_or(0),
        started_at: None,
        finished_at: None,
        oom_killed: false,
        error: String::new(),
    };
    of_word(word, None, created_at, exit)
}

/// A word that is not known reads as *removing*: of all states the one in which nothing is done to a container.
fn of_word(
    word: &str,
    failure: Option<StartFailure>,
    started_at: Timestamp,
    exit: Exit,
) -> Lifecycle {
    match word {
        "created" | "configured" | "initialized" => Lifecycle::Created { failure },
        "running" | "stopping" | "degraded" => Lifecycle::Running { started_at },
        "paused" => Lifecycle::Paused { started_at },
        "restarting" => Lifecycle::Restarting(exit),
        "exited" | "stopped" => Lifecycle::Exited(exit),
        "dead" => Lifecycle::Dead,
        _ => Lifecycle::Removing,
    }
}

/// The verdict as `inspect` tells it.
pub(super) fn health(json: Option<&HealthJson>) -> Health {
    let Some(json) = json else {
        return Health::None;
    };
    match json.status.as_deref() {
        Some("starting") => Health::Starting,
        Some("healthy") => Health::Healthy,
        Some("unhealthy") => {
            let last = json.log.as_ref().and_then(|log| log.last());
            let output = last.and_then(|probe| probe.output.as_deref());
            Health::Unhealthy {
                streak: json.failing_streak.unwrap_or(0),
                output: presentable(output.unwrap_or(""), TEXT_LIMIT),
            }
        }
        _ => Health::None,
    }
}

/// The verdict as the status text of the list tells it.
pub(super) fn health_of_summary(remark: &str) -> Health {
    match remark {
        "healthy" => Health::Healthy,
        "health: starting" => Health::Starting,
        "unhealthy" => Health::Unhealthy { streak: 0, output: String::new() },
        _ => Health::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(status: &str) -> StateJson {
        StateJson {
            status: Some(status.into()),
            started_at: Some("2026-01-01T00:00:01Z".into()),
            finished_at: Some("0001-01-01T00:00:00Z".into()),
            ..StateJson::default()
        }
    }

    #[test]
    fn words_are_states() {
        let created = Timestamp::from_millis(7);
        for word in ["created", "running", "paused", "restarting", "exited", "removing", "dead"] {
            assert_eq!(lifecycle(&state(word), created).word(), word);
            assert!(is_known_word(&state(word)));
        }
        assert!(!is_known_word(&state("melted")));
        assert_eq!(lifecycle(&state("melted"), created), Lifecycle::Removing);
    }

    #[test]
    fn a_failed_start_is_told_from_a_fresh_container() {
        let created = Timestamp::default();
        assert_eq!(lifecycle(&state("created"), created), Lifecycle::Created { failure: None });
        let failed = StateJson {
            exit_code: Some(127),
            error: Some("exec: \"nope\":\nnot found".into()),
            ..state("created")
        };
        let Lifecycle::Created { failure } = lifecycle(&failed, created) else {
            panic!("created expected");
        };
        assert_eq!(failure.map(|failure| failure.exit_code), Some(127));
    }

    #[test]
    fn the_engines_zero_instant_is_no_instant() {
        let Lifecycle::Exited(exit) = lifecycle(&state("exited"), Timestamp::default()) else {
            panic!("exited expected");
        };
        assert_eq!(exit.finished_at, None);
        assert!(exit.started_at.is_some());
    }

    #[test]
    fn the_list_alone_tells_code_and_verdict() {
        let exited = lifecycle_of_summary("exited", "137", Timestamp::default());
        assert!(matches!(exited, Lifecycle::Exited(Exit { code: 137, .. })));
        assert_eq!(health_of_summary("healthy"), Health::Healthy);
        assert_eq!(health_of_summary("health: starting"), Health::Starting);
        assert_eq!(health_of_summary("137"), Health::None);
    }
}
