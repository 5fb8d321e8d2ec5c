//! A command inside a container whose output, or input, is too long to be held.

use bollard::exec::{StartExecOptions, StartExecResults};
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc::{Receiver, Sender};

use crate::engine::admission::Admitted;
use crate::engine::docker::connection::Client;
use crate::engine::docker::exec::{Ended, LINES, keep_tail, next_frame};
use crate::engine::docker::logs::last_lines;
use crate::engine::docker::raw::{RawBody, RawRequest, encoded};
use crate::engine::failure::CallError;
use crate::model::id::ContainerId;

/// Number of standard output among the streams of a command.
const STDOUT: u8 = 1;

impl Client {
    /// Runs a command and gives away what it prints; the lines of its end are those of standard error. Whoever takes too
    /// long to read makes the command wait.
    ///
    /// # Errors
    /// As [`Client::exec`]; refused if nobody reads any more.
    pub(in crate::engine) async fn exec_output(
        &self,
        container: &ContainerId,
        command: &Admitted<Value>,
        output: Sender<Bytes>,
    ) -> Result<Ended, CallError> {
        let made = self.make_exec(container, command).await?;
        let id = encoded(&made);
        let body = json!({ "Detach": false, "Tty": false }).to_string().into_bytes();
        let path = format!("/exec/{id}/start");
        let mut stream = self.raw(RawRequest::post(&path, &[], RawBody::Json(body)));
        let (mut rest, mut said) = (BytesMut::new(), Vec::new());
        while let Some(chunk) = stream.try_next().await? {
            rest.extend_from_slice(&chunk);
            while let Some((number, payload)) = next_frame(&mut rest)? {
                if number != STDOUT {
                    keep_tail(&mut said, &payload);
                } else if output.send(payload).await.is_err() {
                    return Err(CallError::Refused("its output cannot be taken".to_owned()));
                }
            }
        }
        if !rest.is_empty() {
            return Err(CallError::Cut("the output was cut off".to_owned()));
        }
        drop(output);
        let code = self.exec_end(&made).await?;
        Ok(Ended { code, lines: last_lines(&said, LINES) })
    }

    /// Runs a command and gives it `input` to read. Gives how many bytes of it were sent, too: one that was cut off in the
    /// middle may end well all the same.
    ///
    /// # Errors
    /// As [`Client::exec`].
    pub(in crate::engine) async fn exec_input(
        &self,
        container: &ContainerId,
        command: &Admitted<Value>,
        mut input: Receiver<Bytes>,
    ) -> Result<(Ended, u64), CallError> {
        let made = self.make_exec(container, command).await?;
        let options = StartExecOptions { detach: false, tty: false, ..Default::default() };
        let started = self.docker.start_exec(&made, Some(options)).await?;
        let StartExecResults::Attached { mut output, input: mut pipe } = started else {
            return Err(CallError::Unreadable("the command has no input".to_owned()));
        };
        let mut sent = 0_u64;
        let feed = async {
            while let Some(bytes) = input.recv().await {
                pipe.write_all(&bytes).await?;
                sent += bytes.len() as u64;
            }
            pipe.shutdown().await
        };
        let mut said = Vec::new();
        let listen = async {
            while let Some(Ok(piece)) = output.next().await {
                keep_tail(&mut said, &piece.into_bytes());
            }
        };
        {
            tokio::pin!(feed, listen);
            // A command that ends early reads no more: what it says is worth more than the broken pipe.
            tokio::select! {
                // What was written counts before what came of it.
                biased;
                _fed = &mut feed => listen.await,
                () = &mut listen => {}
            }
        }
        let code = self.exec_end(&made).await?;
        Ok((Ended { code, lines: last_lines(&said, LINES) }, sent))
    }
}
