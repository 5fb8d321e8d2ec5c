//! Commands inside containers whose streams a person holds.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep};

use crate::engine::admission::Form;
use crate::engine::call::Call;
use crate::engine::docker::{Input, Output, exec_json};
use crate::engine::facade::Engine;
use crate::engine::failure::{CallError, Effect, classify};
use crate::model::hook::HookCommand;
use crate::model::id::ContainerId;
use crate::model::outcome::Failure;

/// How long the end of a command whose output has ended is waited for.
const END: Duration = Duration::from_secs(10);
/// Time between two looks at it.
const POLL: Duration = Duration::from_millis(20);

/// What is run inside.
#[derive(Clone, Debug)]
pub struct Inside {
    /// The command.
    pub command: HookCommand,
    /// It reads what the person types.
    pub input: bool,
    /// It gets a terminal.
    pub terminal: bool,
}

/// What runs.
#[derive(Clone, Debug)]
pub(super) enum Process {
    /// A command inside a container, by its id.
    Exec(String),
    /// A container that a person watches.
    Container(ContainerId),
}

/// A command that runs inside a container, or a container that was made for it.
pub struct Running {
    process: Process,
    input: Option<Input>,
    /// What it writes; ends when it does.
    pub output: BoxStream<'static, Result<Output, Failure>>,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("process", &self.process).finish_non_exhaustive()
    }
}

impl Running {
    /// What runs, with its streams.
    pub(super) fn new(
        process: Process,
        input: Option<Input>,
        output: BoxStream<'static, Result<Output, Failure>>,
    ) -> Self {
        Self { process, input, output }
    }

    /// What the command reads, to be written to elsewhere.
    pub fn take_input(&mut self) -> Option<InsideInput> {
        self.input.take().map(InsideInput)
    }
}

/// What a command inside reads. When it is dropped nothing more comes.
pub struct InsideInput(Input);

impl fmt::Debug for InsideInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InsideInput").finish_non_exhaustive()
    }
}

impl InsideInput {
    /// Passes bytes on; whether anybody still reads.
    pub async fn send(&mut self, bytes: &Bytes) -> bool {
        self.0.write_all(bytes).await.is_ok() && self.0.flush().await.is_ok()
    }

    /// The end of the input.
    pub async fn end(&mut self) {
        // A command that has ended reads no end.
        drop(self.0.shutdown().await);
    }
}

impl Engine {
    /// Runs a command inside, once the policy admits it. The engine can stop none: one whose streams are dropped goes on.
    ///
    /// # Errors
    /// `Conflict` if the container does not run; `NotFound`; `Denied` by the policy; `Forbidden` for the own container; `Invalid`
    /// if the engine is reached by TLS.
    pub async fn run_inside(&self, id: &ContainerId, inside: &Inside) -> Result<Running, Failure> {
        self.guard(id)?;
        let Some(address) = self.inner.connector.address.clone() else {
            let text = "a command inside needs an engine behind a socket or plain tcp://";
            return Err(classify(CallError::Refused(text.to_owned()), Effect::Mutating));
        };
        let client = self.client();
        let mut body = exec_json(&inside.command);
        if let Value::Object(fields) = &mut body {
            let said = [("AttachStdin", inside.input), ("Tty", inside.terminal)];
            fields.extend(said.into_iter().map(|(key, is)| (key.to_owned(), Value::Bool(is))));
        }
        let body = self.pass_for((Form::Exec, id), body).await?;
        let made = self.run(Call::mutating("exec", 30), client.make_exec(id, &body)).await?;
        let start = client.start_exec(&address, (&made, inside.terminal));
        let (input, output) = self.run(Call::mutating("exec", 30), start).await?;
        let output =
            output.map(|piece| piece.map_err(|error| classify(error, Effect::Read))).boxed();
        Ok(Running::new(Process::Exec(made), inside.input.then_some(input), output))
    }

    /// Tells the terminal of a command its size, in rows and columns.
    ///
    /// # Errors
    /// `NotFound` if it has ended.
    pub async fn resize_inside(&self, running: &Running, size: (u16, u16)) -> Result<(), Failure> {
        let client = self.client();
        let call = Call::mutating("resize", 5);
        match &running.process {
            Process::Exec(id) => self.run(call, client.resize_exec(id, size)).await,
            Process::Container(id) => self.run(call, client.resize_container(id, size)).await,
        }
    }

    /// The exit code of a command whose output has ended.
    ///
    /// # Errors
    /// `NotFound` if its container is gone; `Maybe` if it has not ended 10 s after its output.
    pub async fn end_inside(&self, running: &Running) -> Result<i64, Failure> {
        let client = self.client();
        let until = Instant::now() + END;
        loop {
            let ended = match &running.process {
                Process::Exec(id) => {
                    self.run(Call::read("inspect_exec", 5), client.exec_code(id)).await?
                }
                Process::Container(id) => {
                    let code = client.container_code(id);
                    self.run(Call::read("inspect_container", 5), code).await?
                }
            };
            if let Some(code) = ended {
                return Ok(code);
            }
            if Instant::now() >= until {
                let text = "its output has ended, and it goes on".to_owned();
                return Err(classify(CallError::Cut(text), Effect::Mutating));
            }
            sleep(POLL).await;
        }
    }
}
