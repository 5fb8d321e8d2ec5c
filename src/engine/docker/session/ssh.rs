//! Agents on their way to BuildKit (`moby.sshforward.v1.SSH`): bytes to a socket and back. Keys stay where they are.

use std::path::Path;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc::channel;

use super::file_sync::beside;
use super::grpc::{Replies, Status};
use super::proto::BytesMessage;

/// Messages that wait for the engine at a time.
const AHEAD: usize = 16;

/// Connects to an agent.
pub(super) async fn agent(socket: Option<&Path>, id: &str) -> Result<UnixStream, Status> {
    let Some(socket) = socket else {
        return Err(Status::not_found(format!(
            "there is no ssh agent for {id}: let its variable in with --env SSH_AUTH_SOCK, or name its socket"
        )));
    };
    let unusable = |error| {
        Status::not_found(format!(
            "the ssh agent of {id} cannot be used (a socket of an agent is needed, a key file is not enough): {error}"
        ))
    };
    UnixStream::connect(socket).await.map_err(unusable)
}

/// Carries bytes between the engine and an agent.
pub(super) fn forward(
    agent: UnixStream,
    requests: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
) -> Replies {
    let (sender, waiting) = channel(AHEAD);
    let work = async move {
        let (mut from, mut to) = agent.into_split();
        let mut requests = std::pin::pin!(requests);
        let mut buffer = vec![0; 32 << 10];
        loop {
            tokio::select! {
                // Cancel safe: a read that did not end took nothing.
                read = from.read(&mut buffer) => {
                    let Ok(read @ 1..) = read else { return };
                    let data = buffer.get(..read).unwrap_or_default().to_vec();
                    let message = BytesMessage { data }.encode_to_vec();
                    if sender.send(Ok(message)).await.is_err() { return }
                }
                // Cancel safe: a stream's next loses nothing.
                request = requests.next() => {
                    let Some(Ok(request)) = request else { return };
                    let Ok(message) = BytesMessage::decode(request) else { return };
                    if to.write_all(&message.data).await.is_err() { return }
                }
            }
        }
    };
    beside(work, waiting)
}
