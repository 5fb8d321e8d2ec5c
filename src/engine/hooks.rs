//! Hooks inside containers: after the start, and before the stop within its grace.

use std::time::Duration;

use tokio::time::Instant;

use crate::engine::admission::Form;
use crate::engine::call::Call;
use crate::engine::docker::{Ended, exec_json};
use crate::engine::facade::Engine;
use crate::model::hook::{HookCommand, hide};
use crate::model::id::ContainerId;
use crate::model::outcome::{Failure, FailureClass};

/// Longest run of a hook after the start: the progress deadline of the design.
const LONGEST: Duration = Duration::from_secs(600);
/// Time that is left for the signal, however long the hooks before it took (as kubelet leaves it).
const LEAST_GRACE_S: u64 = 2;

/// A command of a schedule that takes longer is not waited for any more.
const LONGEST_COMMAND: Duration = Duration::from_hours(24);

impl Engine {
    /// Runs a hook in a container and waits for its end.
    ///
    /// # Errors
    /// `Invalid` with its last lines if it does not end with 0; `Maybe` if it does not end within 10 min; `Conflict` if
    /// the container does not run; `NotFound`; `Denied` by the policy.
    pub async fn run_hook(&self, id: &ContainerId, hook: &HookCommand) -> Result<(), Failure> {
        self.hook(id, hook, LONGEST).await
    }

    /// Runs a command of a schedule in a container and waits for its end, for `timeout` or a day.
    ///
    /// # Errors
    /// As [`Engine::run_hook`]; a command that takes longer goes on in the container, because the engine can stop none.
    pub async fn run_command(
        &self,
        id: &ContainerId,
        command: &HookCommand,
        timeout: Option<Duration>,
    ) -> Result<(), Failure> {
        self.hook(id, command, timeout.unwrap_or(LONGEST_COMMAND)).await
    }

    /// Runs a health command in a container: whether it ended with 0 within its time.
    ///
    /// # Errors
    /// `Conflict` if the container does not run; `NotFound`; `Invalid` if there is no such program.
    pub async fn probe(
        &self,
        id: &ContainerId,
        check: &HookCommand,
        deadline: Duration,
    ) -> Result<bool, Failure> {
        match self.exec(id, check, deadline).await {
            Ok(ended) => Ok(ended.code == 0),
            Err(failure) if failure.class == FailureClass::Maybe => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Runs the command of a host probe in a container and waits for its end; the caller gives up earlier. What is given
    /// up runs on inside.
    ///
    /// # Errors
    /// `Invalid` with its last lines if it does not end with 0, or there is no such program; `Maybe` after 10 min; `Conflict`
    /// if the container does not run; `NotFound`.
    pub async fn ask_inside(&self, id: &ContainerId, command: &HookCommand) -> Result<(), Failure> {
        self.hook(id, command, LONGEST).await
    }

    /// Runs a command inside, once the policy admits it.
    pub(super) async fn exec(
        &self,
        id: &ContainerId,
        command: &HookCommand,
        deadline: Duration,
    ) -> Result<Ended, Failure> {
        self.guard(id)?;
        let client = self.client();
        let body = self.pass_for((Form::Exec, id), exec_json(command)).await?;
        let call = Call { deadline, ..Call::mutating("exec", 0) };
        self.run(call, client.exec(id, &body)).await
    }

    async fn hook(
        &self,
        id: &ContainerId,
        hook: &HookCommand,
        deadline: Duration,
    ) -> Result<(), Failure> {
        let ended = self.exec(id, hook, deadline).await;
        let hidden = |text: String| hide(&text, &hook.hidden);
        let ended =
            ended.map_err(|failure| Failure { message: hidden(failure.message), ..failure })?;
        if ended.code == 0 {
            return Ok(());
        }
        let mut message = format!("exit code {}", ended.code);
        for line in ended.lines {
            message.push_str("; ");
            message.push_str(&hidden(line));
        }
        Err(Failure { class: FailureClass::Invalid, message })
    }

    /// Runs `hooks` one after the other and stops the container, all within the grace. A hook that fails, or takes all
    /// of it, is told in the answer and keeps nothing from the stop. In a container that does not run nothing is run.
    ///
    /// # Errors
    /// As [`Engine::stop_container`].
    pub async fn stop_with_hooks(
        &self,
        id: &ContainerId,
        timeout_s: Option<u64>,
        hooks: &[HookCommand],
    ) -> Result<Vec<String>, Failure> {
        let mut failed = Vec::new();
        if hooks.is_empty() {
            self.stop_container(id, timeout_s).await?;
            return Ok(failed);
        }
        let grace_s = match timeout_s {
            Some(seconds) => seconds,
            None => self.own_grace_s(&self.client(), id).await,
        };
        let until = Instant::now() + Duration::from_secs(grace_s);
        for (index, hook) in hooks.iter().enumerate() {
            let left = until.saturating_duration_since(Instant::now());
            let Err(failure) = self.hook(id, hook, left).await else {
                continue;
            };
            let message = match failure.class {
                // It is gone, or does not run.
                FailureClass::NotFound | FailureClass::Conflict => break,
                FailureClass::Maybe => {
                    format!("no end within the grace of {grace_s} s: {}", failure.message)
                }
                _ => failure.message,
            };
            failed.push(format!("pre_stop hook {} of {}: {message}", index + 1, hooks.len()));
        }
        let left = until.saturating_duration_since(Instant::now());
        let left_s = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        self.stop_container(id, Some(left_s.max(LEAST_GRACE_S.min(grace_s)))).await?;
        Ok(failed)
    }
}
