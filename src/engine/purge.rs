//! The one call that destroys data, for a person who typed the name of the project.

use crate::engine::call::Call;
use crate::engine::facade::Engine;
use crate::model::outcome::{Failure, FailureClass};

impl Engine {
    /// Removes a named volume with all that is in it; one that is gone is removed. Never forced: the engine refuses while any
    /// container has it, also one that does not run.
    ///
    /// # Errors
    /// `Conflict` while a container has it; `Engine`.
    pub async fn remove_volume(&self, name: &str) -> Result<(), Failure> {
        let client = self.client();
        let call = Call::mutating("remove_volume", 60);
        match self.run(call, client.remove_volume(name)).await {
            Err(failure) if failure.class == FailureClass::NotFound => Ok(()),
            other => other,
        }
    }
}
