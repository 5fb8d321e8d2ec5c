//! Making a container look again at its files, or at what is behind it: a command inside, then a signal.

use std::time::Duration;

use crate::engine::call::Call;
use crate::engine::facade::Engine;
use crate::model::hook::HookCommand;
use crate::model::id::ContainerId;
use crate::model::outcome::{Failure, FailureClass};

/// Longest run of a check.
const CHECK: Duration = Duration::from_secs(30);

impl Engine {
    /// Runs `check` in the container, if it has words, and then sends the signal, if there is one.
    ///
    /// # Errors
    /// `Invalid` with the last lines if the check does not end with 0; `Maybe` if it does not end within 30 s; `Conflict`
    /// if the container does not run; `NotFound`.
    pub async fn reload(
        &self,
        id: &ContainerId,
        check: &HookCommand,
        signal: Option<&str>,
    ) -> Result<(), Failure> {
        self.guard(id)?;
        let client = self.client();
        if !check.command.is_empty() {
            let ended = self.exec(id, check, CHECK).await?;
            if ended.code != 0 {
                let mut message = format!("the check ended with {}", ended.code);
                if !ended.lines.is_empty() {
                    message.push_str(": ");
                    message.push_str(&ended.lines.join("; "));
                }
                return Err(Failure { class: FailureClass::Invalid, message });
            }
        }
        match signal {
            None => Ok(()),
            Some(signal) => {
                let call = Call::mutating("kill_container", 10);
                self.run(call, client.kill_container(id, signal)).await
            }
        }
    }
}
