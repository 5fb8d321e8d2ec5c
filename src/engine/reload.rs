//! Making a container read its files again: a check inside, then a signal.

use crate::engine::call::Call;
use crate::engine::facade::Engine;
use crate::model::hook::HookCommand;
use crate::model::id::ContainerId;
use crate::model::outcome::{Failure, FailureClass};
use crate::model::secret::Secret;

/// Longest run of a check, in seconds.
const CHECK_S: u64 = 30;

impl Engine {
    /// Runs `verify` in the container, if it is not empty, and then sends the signal.
    ///
    /// # Errors
    /// `Invalid` with the last lines if the check does not end with 0; `Maybe` if it does not end within 30 s; `Conflict`
    /// if the container does not run; `NotFound`.
    pub async fn reload(
        &self,
        id: &ContainerId,
        verify: &[Secret],
        signal: &str,
    ) -> Result<(), Failure> {
        let client = self.client();
        if !verify.is_empty() {
            let command = HookCommand { command: verify.to_vec(), ..HookCommand::default() };
            let check = self.run(Call::mutating("exec", CHECK_S), client.exec(id, &command));
            let ended = check.await?;
            if ended.code != 0 {
                let mut message = format!("the check ended with {}", ended.code);
                if !ended.lines.is_empty() {
                    message.push_str(": ");
                    message.push_str(&ended.lines.join("; "));
                }
                return Err(Failure { class: FailureClass::Invalid, message });
            }
        }
        self.run(Call::mutating("kill_container", 10), client.kill_container(id, signal)).await
    }
}
