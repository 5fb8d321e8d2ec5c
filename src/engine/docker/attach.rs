//! A command inside a container whose streams somebody holds: a connection of our own, on which the engine speaks no HTTP
//! any more.

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::{BoxStream, try_unfold};
use http::Request;
use http::header::CONTENT_TYPE;
use http_body_util::Full;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, ReadHalf, WriteHalf, split};

use crate::engine::admission::Admitted;
use crate::engine::docker::connection::Client;
use crate::engine::docker::exec::next_frame;
use crate::engine::docker::raw::{RawBody, RawRequest, encoded};
use crate::engine::docker::session::{Address, Handed};
use crate::engine::failure::CallError;
use crate::model::id::ContainerId;

/// Number of standard error among the streams of a command.
const STDERR: u8 = 2;
/// Bytes that are read at a time.
const PIECE: usize = 32 * 1024;
/// Every stream of a container, from now on.
const ATTACH_ALL: &str = "stream=1&stdin=1&stdout=1&stderr=1";

/// What the command writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// To standard output, or to its terminal.
    Out(Bytes),
    /// To standard error.
    Err(Bytes),
}

/// What the command reads.
pub(in crate::engine) type Input = WriteHalf<Handed>;

#[derive(Debug, Deserialize)]
struct Made {
    #[serde(rename = "Id")]
    id: String,
}

#[derive(Debug, Deserialize)]
struct State {
    #[serde(rename = "Running", default)]
    running: bool,
    #[serde(rename = "ExitCode")]
    exit_code: Option<i64>,
}

impl Client {
    /// Prepares a command; its id.
    ///
    /// # Errors
    /// 409 if the container does not run, 404 if it is gone.
    pub(in crate::engine) async fn make_exec(
        &self,
        container: &ContainerId,
        command: &Admitted<Value>,
    ) -> Result<String, CallError> {
        let path = format!("/containers/{}/exec", encoded(container.as_str()));
        let body = RawBody::Json(command.get().to_string().into_bytes());
        let made: Made = self.raw_json(RawRequest::post(&path, &[], body)).await?;
        Ok(made.id)
    }

    /// Starts a prepared command and takes hold of its streams.
    ///
    /// # Errors
    /// 404 or 409 if its container went away; no connection.
    pub(in crate::engine) async fn start_exec(
        &self,
        address: &Address,
        (id, terminal): (&str, bool),
    ) -> Result<(Input, BoxStream<'static, Result<Output, CallError>>), CallError> {
        let api = self.api();
        let body = json!({ "Detach": false, "Tty": terminal }).to_string();
        let request = Request::post(format!("/v{api}/exec/{}/start", encoded(id)))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(body))
            .map_err(|error| CallError::Refused(error.to_string()))?;
        let (read, write) = split(Handed::new(address.upgraded(request, "tcp").await?));
        Ok((write, output(read, terminal)))
    }

    /// Takes hold of the streams of a container that is not started yet.
    ///
    /// # Errors
    /// 404 if it is gone; no connection.
    pub(in crate::engine) async fn attach(
        &self,
        address: &Address,
        (id, terminal): (&ContainerId, bool),
    ) -> Result<(Input, BoxStream<'static, Result<Output, CallError>>), CallError> {
        let (api, id) = (self.api(), encoded(id.as_str()));
        let request = Request::post(format!("/v{api}/containers/{id}/attach?{ATTACH_ALL}"))
            .body(Full::from(""))
            .map_err(|error| CallError::Refused(error.to_string()))?;
        let (read, write) = split(Handed::new(address.upgraded(request, "tcp").await?));
        Ok((write, output(read, terminal)))
    }

    /// Tells the terminal of a container its size.
    ///
    /// # Errors
    /// 404 or 409 if it has ended.
    pub(in crate::engine) async fn resize_container(
        &self,
        id: &ContainerId,
        (rows, columns): (u16, u16),
    ) -> Result<(), CallError> {
        let path = format!("/containers/{}/resize", encoded(id.as_str()));
        let (rows, columns) = (rows.to_string(), columns.to_string());
        let parameters = [("h", rows.as_str()), ("w", columns.as_str())];
        self.raw_bytes(RawRequest::post(&path, &parameters, RawBody::Empty)).await?;
        Ok(())
    }

    /// The exit code of a container; `None` while it runs.
    ///
    /// # Errors
    /// 404 if it is gone.
    pub(in crate::engine) async fn container_code(
        &self,
        id: &ContainerId,
    ) -> Result<Option<i64>, CallError> {
        let state = self.inspect_container(id).await?.state;
        let ended = state.status.is_some_and(|status| status == "exited" || status == "dead");
        Ok(ended.then(|| state.exit_code.unwrap_or(-1)))
    }

    /// Removes a container, running or not, with the volumes that have no name.
    ///
    /// # Errors
    /// What the engine or the connection says.
    pub(in crate::engine) async fn remove_one_off(
        &self,
        id: &ContainerId,
    ) -> Result<(), CallError> {
        let path = format!("/containers/{}?force=true&v=true", encoded(id.as_str()));
        self.raw_bytes(RawRequest::delete(&path)).await?;
        Ok(())
    }

    /// Tells the terminal of a command its size.
    ///
    /// # Errors
    /// 404 if it has ended.
    pub(in crate::engine) async fn resize_exec(
        &self,
        id: &str,
        (rows, columns): (u16, u16),
    ) -> Result<(), CallError> {
        let path = format!("/exec/{}/resize", encoded(id));
        let (rows, columns) = (rows.to_string(), columns.to_string());
        let parameters = [("h", rows.as_str()), ("w", columns.as_str())];
        self.raw_bytes(RawRequest::post(&path, &parameters, RawBody::Empty)).await?;
        Ok(())
    }

    /// The exit code of a command; `None` while it runs.
    ///
    /// # Errors
    /// What the engine or the connection says.
    pub(in crate::engine) async fn exec_code(&self, id: &str) -> Result<Option<i64>, CallError> {
        let path = format!("/exec/{}/json", encoded(id));
        let state: State = self.raw_json(RawRequest::get(&path, &[])).await?;
        Ok(if state.running { None } else { Some(state.exit_code.unwrap_or(-1)) })
    }
}

/// What comes over the connection: with a terminal plain bytes, without one frames.
fn output(read: ReadHalf<Handed>, terminal: bool) -> BoxStream<'static, Result<Output, CallError>> {
    try_unfold((read, BytesMut::new()), move |(mut read, mut rest)| async move {
        let next = if terminal {
            plain(&mut read, &mut rest).await?
        } else {
            frame(&mut read, &mut rest).await?
        };
        Ok(next.map(|next| (next, (read, rest))))
    })
    .boxed()
}

async fn plain(
    read: &mut (impl AsyncRead + Unpin),
    rest: &mut BytesMut,
) -> Result<Option<Output>, CallError> {
    Ok(more(read, rest).await?.then(|| Output::Out(rest.split().freeze())))
}

/// Stream number, three zeroes, length, payload.
async fn frame(
    read: &mut (impl AsyncRead + Unpin),
    rest: &mut BytesMut,
) -> Result<Option<Output>, CallError> {
    loop {
        if let Some((stream, text)) = next_frame(rest)? {
            return Ok(Some(if stream == STDERR { Output::Err(text) } else { Output::Out(text) }));
        }
        if !more(read, rest).await? {
            return Ok(None);
        }
    }
}

/// Reads; whether anything came.
async fn more(read: &mut (impl AsyncRead + Unpin), rest: &mut BytesMut) -> Result<bool, CallError> {
    rest.reserve(PIECE);
    let read = read.read_buf(rest).await.map_err(|error| CallError::Cut(error.to_string()))?;
    Ok(read > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_are_told_apart_however_they_arrive() {
        let bytes = b"\x01\0\0\0\0\0\0\x04one\n\x02\0\0\0\0\0\0\x03two\x01\0\0\0\0\0\0\x09cut";
        let mut read = reader(bytes);
        let mut rest = BytesMut::new();
        let first = frame(&mut read, &mut rest).await.unwrap();
        assert_eq!(first, Some(Output::Out(Bytes::from_static(b"one\n"))));
        let second = frame(&mut read, &mut rest).await.unwrap();
        assert_eq!(second, Some(Output::Err(Bytes::from_static(b"two"))));
        assert_eq!(frame(&mut read, &mut rest).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_no_frame_is_refused() {
        let mut read = reader(b"plain text, no frame");
        assert!(frame(&mut read, &mut BytesMut::new()).await.is_err());
        let mut read = reader(b"plain");
        let text = plain(&mut read, &mut BytesMut::new()).await.unwrap();
        assert_eq!(text, Some(Output::Out(Bytes::from_static(b"plain"))));
    }

    fn reader(bytes: &'static [u8]) -> impl AsyncRead + Unpin {
        bytes
    }
}
