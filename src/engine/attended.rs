//! Containers of one-off commands: made, watched and removed by one person.

use futures::StreamExt;

use crate::engine::call::Call;
use crate::engine::docker::Output;
use crate::engine::facade::Engine;
use crate::engine::failure::{CallError, Effect, classify};
use crate::engine::interactive::{Process, Running};
use crate::model::id::ContainerId;
use crate::model::outcome::{Failure, FailureClass};

impl Engine {
    /// Takes hold of the streams of a container before its start, so that nothing is missed.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` if the engine is reached by TLS.
    pub async fn attach(&self, id: &ContainerId, terminal: bool) -> Result<Running, Failure> {
        let Some(address) = self.inner.connector.address.clone() else {
            let text = "a command of one's own needs an engine behind a socket or plain tcp://";
            return Err(classify(CallError::Refused(text.to_owned()), Effect::Mutating));
        };
        let client = self.client();
        let attach = client.attach(&address, (id, terminal));
        let (input, output) = self.run(Call::mutating("attach", 30), attach).await?;
        let told =
            |piece: Result<Output, CallError>| piece.map_err(|it| classify(it, Effect::Read));
        let (process, output) = (Process::Container(id.clone()), output.map(told).boxed());
        Ok(Running::new(process, Some(input), output))
    }

    /// Removes the container of a one-off command, running or not, with the volumes that have no name. One that is gone is
    /// removed.
    ///
    /// # Errors
    /// `Engine` and relatives.
    pub async fn remove_one_off(&self, id: &ContainerId) -> Result<(), Failure> {
        self.guard(id)?;
        let client = self.client();
        match self.run(Call::mutating("remove_container", 30), client.remove_one_off(id)).await {
            Err(failure) if failure.class == FailureClass::NotFound => Ok(()),
            other => other,
        }
    }
}
