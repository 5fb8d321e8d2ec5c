//! What is kept of a container whose version failed: its state and its checks, none of what it was made with.

use crate::engine::failure::presentable;
use crate::engine::parse::container::instant;
use crate::engine::wire::{ContainerJson, ProbeJson};
use crate::model::id::ImageId;
use crate::model::revision::{CheckResult, Evidence};

/// Longest text that is kept, in characters.
const TEXT_LIMIT: usize = 500;
/// Checks that are kept: the engine keeps no more.
const CHECKS: usize = 5;

/// The evidence in the answer of `inspect`.
pub(in crate::engine) fn evidence(json: &ContainerJson) -> Evidence {
    let state = &json.state;
    let status = state.status.as_deref().unwrap_or("");
    let ended = !matches!(status, "running" | "paused" | "created");
    let checks = state.health.as_ref().and_then(|health| health.log.as_deref());
    let checks = checks.unwrap_or_default();
    Evidence {
        state: presentable(status, TEXT_LIMIT),
        // Of one that runs the engine tells 0, which is no exit code.
        exit_code: state.exit_code.filter(|_| ended),
        oom_killed: state.oom_killed.unwrap_or(false),
        error: presentable(state.error.as_deref().unwrap_or(""), TEXT_LIMIT),
        started_at: instant(state.started_at.as_deref()),
        finished_at: instant(state.finished_at.as_deref()),
        restart_count: json.restart_count.unwrap_or(0),
        image_id: Some(json.image.as_str()).filter(|id| !id.is_empty()).map(ImageId::from),
        health: checks.iter().skip(checks.len().saturating_sub(CHECKS)).map(check).collect(),
    }
}

fn check(probe: &ProbeJson) -> CheckResult {
    CheckResult {
        start: instant(probe.start.as_deref()),
        end: instant(probe.end.as_deref()),
        exit_code: probe.exit_code,
        output: presentable(probe.output.as_deref().unwrap_or(""), TEXT_LIMIT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_and_the_last_five_checks_are_kept_and_nothing_that_it_was_made_with() {
        let log: Vec<_> = (0..7)
            .map(|number| {
                serde_json::json!({
                    "Start": "2026-01-01T00:00:01Z", "End": "2026-01-01T00:00:02Z",
                    "ExitCode": number, "Output": "x".repeat(600),
                })
            })
            .collect();
        let json: ContainerJson = serde_json::from_value(serde_json::json!({
            "Id": "abc", "Created": "2026-01-01T00:00:00Z", "Image": "sha256:1", "RestartCount": 3,
            "Config": {"Env": ["PASSWORD=hunter2"], "Cmd": ["--token=hunter2"], "Labels": {"k": "hunter2"}},
            "State": {
                "Status": "exited", "ExitCode": 137, "OOMKilled": true, "Error": "",
                "StartedAt": "2026-01-01T00:00:00Z", "FinishedAt": "2026-01-01T00:01:00Z",
                "Health": {"Status": "unhealthy", "FailingStreak": 7, "Log": log},
            },
        }))
        .unwrap();
        let evidence = evidence(&json);
        assert_eq!((evidence.exit_code, evidence.oom_killed), (Some(137), true));
        assert_eq!((evidence.restart_count, evidence.state.as_str()), (3, "exited"));
        let codes: Vec<_> = evidence.health.iter().filter_map(|check| check.exit_code).collect();
        assert_eq!(codes, [2, 3, 4, 5, 6]);
        let lengths = evidence.health.iter().map(|check| check.output.chars().count());
        assert!(lengths.max() <= Some(TEXT_LIMIT + 1), "the text and the sign that more was there");
        assert!(!serde_json::to_string(&evidence).unwrap().contains("hunter2"));
    }
}
