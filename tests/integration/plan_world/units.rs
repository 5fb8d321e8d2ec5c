//! Times and states as the scripts write them.

use std::time::Duration;

use composelet::model::observed::{Exit, Health, Lifecycle, StartFailure};
use composelet::model::time::Timestamp;

/// `250ms`, `10s`, `5m`, `1h`, `2d`.
pub(crate) fn duration(text: &str) -> Duration {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().unwrap_or_else(|_| panic!("not a duration: {text}"));
    match unit {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number * 60),
        "h" => Duration::from_secs(number * 3600),
        "d" => Duration::from_secs(number * 86_400),
        _ => panic!("not a duration: {text}"),
    }
}

/// `running [since]`, `created [code text]`, `exited code [ran d] [ago d] [oom]`, `restarting code`, `paused`,
/// `removing`, `dead`.
pub(crate) fn lifecycle(text: &str, now: Timestamp) -> Lifecycle {
    let words: Vec<&str> = text.split_whitespace().collect();
    let after = |word: &str| {
        let at = words.iter().position(|one| *one == word)?;
        words.get(at + 1).map(|value| duration(value))
    };
    let code = || words.get(1).and_then(|code| code.parse::<i64>().ok());
    let since = || now.minus(words.get(1).map_or(Duration::from_secs(3600), |text| duration(text)));
    let exit = || {
        let finished = now.minus(after("ago").unwrap_or(Duration::from_secs(1)));
        Exit {
            code: code().unwrap_or_else(|| panic!("no exit code: {text}")),
            started_at: Some(finished.minus(after("ran").unwrap_or(Duration::from_secs(5)))),
            finished_at: Some(finished),
            oom_killed: words.contains(&"oom"),
            error: String::new(),
        }
    };
    match words.first().copied() {
        Some("running") => Lifecycle::Running { started_at: since() },
        Some("paused") => Lifecycle::Paused { started_at: since() },
        Some("created") => {
            let error = words.iter().skip(2).copied().collect::<Vec<_>>().join(" ");
            Lifecycle::Created {
                failure: code().map(|exit_code| StartFailure { exit_code, error }),
            }
        }
        Some("exited") => Lifecycle::Exited(exit()),
        Some("restarting") => Lifecycle::Restarting(exit()),
        Some("removing") => Lifecycle::Removing,
        Some("dead") => Lifecycle::Dead,
        _ => panic!("not a state: {text}"),
    }
}

/// `none`, `starting`, `healthy`, `unhealthy`.
pub(crate) fn health(text: &str) -> Health {
    match text {
        "none" => Health::None,
        "starting" => Health::Starting,
        "healthy" => Health::Healthy,
        "unhealthy" => Health::Unhealthy { streak: 3, output: "connection refused".to_owned() },
        _ => panic!("not a health: {text}"),
    }
}
