//! `restart` and `deploy.restart_policy`: what the engine is told, and what composelet does itself (DESIGN §5, restart).

use super::spec;
use crate::manifest::job::Words;
use crate::manifest::node::Node;
use crate::manifest::units;
use crate::model::config::RestartPolicy;
use crate::model::desired::{RestartIntent, RestartWhen};
use crate::model::job::Job;

/// The engine's policy. A `deploy.restart_policy` block wins wholly; without a condition it means `any`, as the
/// specification says (the command line 2.26 yields an empty policy there).
pub(super) fn policy(spec: &spec::Service) -> RestartPolicy {
    let declared = spec.deploy.as_ref().and_then(|deploy| deploy.restart_policy.as_ref());
    let Some(policy) = declared else {
        return spec.restart.as_deref().map_or(RestartPolicy::No, engine_word);
    };
    match policy.condition.as_deref() {
        Some("none" | "no") => RestartPolicy::No,
        Some("on-failure") => {
            RestartPolicy::OnFailure { max_retries: policy.max_attempts.unwrap_or(0) }
        }
        Some("unless-stopped") => RestartPolicy::UnlessStopped,
        _ => RestartPolicy::Always,
    }
}

fn engine_word(text: &str) -> RestartPolicy {
    match text {
        "always" => RestartPolicy::Always,
        "unless-stopped" => RestartPolicy::UnlessStopped,
        _ => match text.strip_prefix("on-failure") {
            Some(tail) => RestartPolicy::OnFailure {
                max_retries: tail.trim_start_matches(':').parse().unwrap_or(0),
            },
            None => RestartPolicy::No,
        },
    }
}

/// What composelet does beside the engine. The engine restarts no job: it would do so without end.
pub(super) fn intent(spec: &spec::Service, job: Option<&Job>) -> RestartIntent {
    let written = written(spec);
    let when = if job.is_some() { RestartWhen::OnFailure } else { written.when };
    RestartIntent { when, ..written }
}

/// How the service is a job, if its mode or our own word says so. Any policy that restarts means *on failure*, as in
/// Swarm; one that does not leaves no retries.
pub(super) fn job(spec: &spec::Service, node: &Node, words: Option<Words>) -> Option<Job> {
    let deploy = spec.deploy.as_ref();
    let mode = deploy.and_then(|deploy| deploy.mode.as_deref());
    let moded = mode.is_some_and(|mode| mode.ends_with("-job"));
    let restart = written(spec);
    let default = Job::default();
    let retries = match restart.when {
        RestartWhen::Never => 0,
        _ => restart.max_attempts.unwrap_or(default.retries),
    };
    let parallelism = node.at(&["deploy", "update_config", "parallelism"]).and_then(Node::as_int);
    let parallelism = parallelism.and_then(|number| u32::try_from(number).ok());
    let job = Job {
        retries,
        delay: restart.delay,
        parallelism: parallelism.unwrap_or(default.parallelism),
        ..default
    };
    match words {
        Some(words) => Some(Job {
            once: words.once,
            on_rollback: words.on_rollback,
            allow_failure: words.allow_failure,
            retries: words.retries.unwrap_or(retries),
            ..job
        }),
        None => moded.then_some(job),
    }
}

/// What the file says of restarts.
fn written(spec: &spec::Service) -> RestartIntent {
    let declared = spec.deploy.as_ref().and_then(|deploy| deploy.restart_policy.as_ref());
    let time = |text: &Option<String>| text.as_deref().and_then(units::duration);
    let engine = policy(spec);
    let when = if declared.is_none() && spec.restart.is_none() {
        RestartWhen::Default
    } else {
        match engine {
            RestartPolicy::No => RestartWhen::Never,
            RestartPolicy::OnFailure { .. } => RestartWhen::OnFailure,
            RestartPolicy::Always | RestartPolicy::UnlessStopped => RestartWhen::Always,
        }
    };
    let tries = match engine {
        RestartPolicy::OnFailure { max_retries } if max_retries > 0 => Some(max_retries),
        _ => None,
    };
    RestartIntent {
        when,
        delay: declared.and_then(|policy| time(&policy.delay)),
        window: declared.and_then(|policy| time(&policy.window)),
        max_attempts: declared.and_then(|policy| policy.max_attempts).or(tries),
    }
}
