//! Commands inside containers that print, or read, more than fits into memory: backups and restores.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::mpsc::{Receiver, Sender};

use crate::engine::admission::{Admitted, Form};
use crate::engine::call::Call;
use crate::engine::docker::{Ended, exec_json};
use crate::engine::facade::Engine;
use crate::model::hook::{HookCommand, hide};
use crate::model::id::ContainerId;
use crate::model::outcome::Failure;

/// A command that takes longer is given up.
const LONGEST: Duration = Duration::from_hours(24);

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecEnd {
    /// Its exit code.
    pub code: i64,
    /// Its last lines, at most 5 of at most 500 characters, without hidden values.
    pub lines: Vec<String>,
}

impl Engine {
    /// Runs a command in a container and sends what it prints on standard output; the lines are those of standard error.
    /// It waits for whoever reads. For at most a day.
    ///
    /// # Errors
    /// `Conflict` if the container does not run; `NotFound`; `Denied` by the policy; `Invalid` if there is no such program,
    /// or nobody takes the output any more; `Maybe` if it was cut off.
    pub async fn exec_output(
        &self,
        id: &ContainerId,
        command: &HookCommand,
        output: Sender<Bytes>,
    ) -> Result<ExecEnd, Failure> {
        let body = self.admitted(id, exec_json(command)).await?;
        let client = self.client();
        let call = Call { deadline: LONGEST, ..Call::mutating("exec_output", 0) };
        let ended = self.run(call, client.exec_output(id, &body, output)).await;
        shown(ended, command)
    }

    /// Runs a command in a container that reads `input`. For at most a day. Gives how many bytes it was sent, too.
    ///
    /// # Errors
    /// As [`Engine::exec_output`].
    pub async fn exec_input(
        &self,
        id: &ContainerId,
        command: &HookCommand,
        input: Receiver<Bytes>,
    ) -> Result<(ExecEnd, u64), Failure> {
        let mut body = exec_json(command);
        if let Some(fields) = body.as_object_mut() {
            fields.insert("AttachStdin".to_owned(), Value::Bool(true));
        }
        let body = self.admitted(id, body).await?;
        let client = self.client();
        let call = Call { deadline: LONGEST, ..Call::mutating("exec_input", 0) };
        let ended = self.run(call, client.exec_input(id, &body, input)).await;
        let (ended, sent) = match ended {
            Ok((ended, sent)) => (Ok(ended), sent),
            Err(failure) => (Err(failure), 0),
        };
        shown(ended, command).map(|end| (end, sent))
    }

    async fn admitted(&self, id: &ContainerId, body: Value) -> Result<Admitted<Value>, Failure> {
        self.guard(id)?;
        self.pass_for((Form::Exec, id), body).await
    }
}

fn shown(ended: Result<Ended, Failure>, command: &HookCommand) -> Result<ExecEnd, Failure> {
    let hidden = |text: String| hide(&text, &command.hidden);
    match ended {
        Ok(ended) => {
            Ok(ExecEnd { code: ended.code, lines: ended.lines.into_iter().map(hidden).collect() })
        }
        Err(failure) => Err(Failure { message: hidden(failure.message), ..failure }),
    }
}
