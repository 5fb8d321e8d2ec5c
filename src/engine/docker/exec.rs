//! A command inside a container, and signals.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures::TryStreamExt;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::engine::admission::Admitted;
use crate::engine::docker::connection::Client;
use crate::engine::docker::logs::last_lines;
use crate::engine::docker::raw::{RawBody, RawRequest, encoded};
use crate::engine::failure::CallError;
use crate::model::hook::HookCommand;
use crate::model::id::ContainerId;
use crate::model::secret::Secret;

/// Last lines of a command that are kept.
pub(super) const LINES: u32 = 5;
/// Last bytes of its output that they are looked for in.
const TAIL: usize = 16 * 1024;
/// Longest frame of an output; the engine copies in pieces of 32 KiB.
const FRAME: usize = 1024 * 1024;
/// Time between two looks at a command whose output has ended.
const POLL: Duration = Duration::from_millis(50);

/// How a command ended.
#[derive(Debug)]
pub(in crate::engine) struct Ended {
    /// Its exit code.
    pub(in crate::engine) code: i64,
    /// Its last lines, at most 5 of at most 500 characters.
    pub(in crate::engine) lines: Vec<String>,
}

impl Client {
    /// Runs a command and waits for its end.
    ///
    /// # Errors
    /// 409 if the container does not run, 404 if it is gone, 400 for a program that is not there.
    pub(in crate::engine) async fn exec(
        &self,
        container: &ContainerId,
        command: &Admitted<Value>,
    ) -> Result<Ended, CallError> {
        let made = self.make_exec(container, command).await?;
        let id = encoded(&made);
        let body = json!({ "Detach": false, "Tty": false }).to_string().into_bytes();
        let path = format!("/exec/{id}/start");
        let output = self.tail(RawRequest::post(&path, &[], RawBody::Json(body))).await?;
        let code = self.exec_end(&made).await?;
        Ok(Ended { code, lines: last_lines(&output, LINES) })
    }

    /// The exit code of a command whose output has ended.
    pub(super) async fn exec_end(&self, id: &str) -> Result<i64, CallError> {
        loop {
            if let Some(code) = self.exec_code(id).await? {
                return Ok(code);
            }
            sleep(POLL).await;
        }
    }

    /// The end of a multiplexed output, however long it is.
    async fn tail(&self, request: RawRequest) -> Result<Vec<u8>, CallError> {
        let mut stream = self.raw(request);
        let (mut rest, mut tail) = (BytesMut::new(), Vec::new());
        while let Some(chunk) = stream.try_next().await? {
            rest.extend_from_slice(&chunk);
            take_frames(&mut rest, &mut tail)?;
        }
        Ok(tail)
    }

    /// Sends a signal to the first process of a container.
    ///
    /// # Errors
    /// 409 if the container does not run, 404 if it is gone, 400 for an unknown signal.
    pub(in crate::engine) async fn kill_container(
        &self,
        container: &ContainerId,
        signal: &str,
    ) -> Result<(), CallError> {
        let path = format!("/containers/{}/kill", encoded(container.as_str()));
        let request = RawRequest::post(&path, &[("signal", signal)], RawBody::Empty);
        self.raw_bytes(request).await?;
        Ok(())
    }
}

/// The JSON body of an exec create; what is not said is as in the container.
pub fn exec_json(command: &HookCommand) -> Value {
    let words: Vec<&str> = command.command.iter().map(Secret::expose).collect();
    let line = |(name, value): (&String, &Option<Secret>)| match value {
        Some(value) => format!("{name}={}", value.expose()),
        // The bare name takes the variable away.
        None => name.clone(),
    };
    let variables: Vec<String> = command.environment.iter().map(line).collect();
    let said = [
        ("User", command.user.as_ref().map(|user| json!(user))),
        ("WorkingDir", command.working_dir.as_ref().map(|directory| json!(directory))),
        ("Privileged", command.privileged.then_some(Value::Bool(true))),
        ("Env", (!variables.is_empty()).then(|| json!(variables))),
    ];
    let always = [
        ("Cmd", json!(words)),
        ("AttachStdout", Value::Bool(true)),
        ("AttachStderr", Value::Bool(true)),
    ];
    let said = said.into_iter().filter_map(|(key, value)| Some((key, value?)));
    always.into_iter().chain(said).map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Moves whole frames from `rest` to `tail`, those of both streams.
fn take_frames(rest: &mut BytesMut, tail: &mut Vec<u8>) -> Result<(), CallError> {
    while let Some((_, payload)) = next_frame(rest)? {
        keep_tail(tail, &payload);
    }
    Ok(())
}

/// The next whole frame: stream number, three zeroes, length, payload.
pub(super) fn next_frame(rest: &mut BytesMut) -> Result<Option<(u8, Bytes)>, CallError> {
    let Some(header) = rest.first_chunk::<8>() else { return Ok(None) };
    let [stream, _, _, _, length @ ..] = *header;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > FRAME {
        return Err(CallError::Unreadable("the output is not in frames".to_owned()));
    }
    if rest.len() < 8 + length {
        return Ok(None);
    }
    rest.advance(8);
    Ok(Some((stream, rest.split_to(length).freeze())))
}

/// Adds to the end of an output of which only the end is kept.
pub(super) fn keep_tail(tail: &mut Vec<u8>, bytes: &[u8]) {
    tail.extend_from_slice(bytes);
    let surplus = tail.len().saturating_sub(TAIL);
    tail.drain(..surplus);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &[u8]) -> Vec<u8> {
        let length = u32::try_from(text.len()).unwrap().to_be_bytes();
        [&[1, 0, 0, 0], &length[..], text].concat()
    }

    #[test]
    fn frames_are_joined_however_they_arrive_and_only_the_end_is_kept() {
        let whole = [frame(&vec![b'x'; 2 * TAIL]), frame(b"\nlast"), frame(b" line\n")].concat();
        let (mut rest, mut tail) = (BytesMut::new(), Vec::new());
        for piece in whole.chunks(1000) {
            rest.extend_from_slice(piece);
            take_frames(&mut rest, &mut tail).unwrap();
        }
        assert!(rest.is_empty() && tail.len() == TAIL);
        assert_eq!(last_lines(&tail, 1), ["last line"]);
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        let mut rest = BytesMut::from(&b"plain text, no frame"[..]);
        assert!(take_frames(&mut rest, &mut Vec::new()).is_err());
    }

    #[test]
    fn only_what_is_said_is_sent() {
        let mut command =
            HookCommand { command: vec!["a".into(), "b c".into()], ..HookCommand::default() };
        let plain = json!({"Cmd": ["a", "b c"], "AttachStdout": true, "AttachStderr": true});
        assert_eq!(exec_json(&command), plain);
        command.user = Some("root".to_owned());
        command.privileged = true;
        command.working_dir = Some("/srv".to_owned());
        command.environment =
            [("A".to_owned(), Some("b".into())), ("C".to_owned(), None)].into_iter().collect();
        let full = json!({
            "Cmd": ["a", "b c"], "AttachStdout": true, "AttachStderr": true, "User": "root",
            "Privileged": true, "WorkingDir": "/srv", "Env": ["A=b", "C"],
        });
        assert_eq!(exec_json(&command), full);
    }
}
