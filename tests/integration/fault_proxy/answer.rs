//! How an answer of the engine reaches the client.

use std::io;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use crate::fault_proxy::faults::{EventFault, Fault, Reply};
use crate::fault_proxy::http::{Head, chunk};
use crate::fault_proxy::stream::Liar;

/// The engine's side of a call whose head was read.
pub(super) struct Answer {
    /// Its head.
    pub(super) head: Head,
    /// Its body, not read yet.
    pub(super) body: BufReader<UnixStream>,
}

/// Whether the body was sent to its end.
pub(super) enum Sent {
    /// With the mark of its end.
    Whole,
    /// The connection has to be closed without that mark.
    Cut,
}

impl Answer {
    /// Sends it on as the fault says. `learn` sees the whole body of short answers.
    pub(super) async fn send(
        mut self,
        to: &mut (impl AsyncWrite + Unpin),
        method: &str,
        fault: &Fault,
        learn: impl FnOnce(&[u8]),
    ) -> io::Result<Sent> {
        let body = self.head.has_body(method);
        to.write_all(&self.head.bytes(body)).await?;
        if !body {
            return Ok(Sent::Whole);
        }
        match fault {
            Fault::Cut(limit) => {
                let mut piece = self.whole().await?;
                piece.truncate(*limit);
                to.write_all(&chunk(&piece)).await?;
                return Ok(Sent::Cut);
            }
            Fault::Corrupt => to.write_all(&chunk(b"<html>{\"Id\": ")).await?,
            Fault::ErrorLine(message) => {
                let line =
                    serde_json::json!({ "errorDetail": { "message": message }, "error": message });
                to.write_all(&chunk(format!("{line}\r\n").as_bytes())).await?;
            }
            Fault::Drip(every) => drip(&self.whole().await?, *every, to).await?,
            Fault::ApiVersion(version) => {
                let mut said: Value = serde_json::from_slice(&self.whole().await?)?;
                for key in ["ApiVersion", "MinAPIVersion"] {
                    said[key] = Value::String(version.clone());
                }
                to.write_all(&chunk(said.to_string().as_bytes())).await?;
            }
            Fault::Events(fault) => self.events(to, *fault).await?,
            _ => self.pass(to, learn).await?,
        }
        to.write_all(b"0\r\n\r\n").await?;
        Ok(Sent::Whole)
    }

    async fn whole(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        self.body.read_to_end(&mut body).await?;
        Ok(body)
    }

    /// As it comes: a stream must not wait for its end.
    async fn pass(
        &mut self,
        to: &mut (impl AsyncWrite + Unpin),
        learn: impl FnOnce(&[u8]),
    ) -> io::Result<()> {
        let (mut buffer, mut first) = (vec![0; 65536], Vec::new());
        loop {
            let read = self.body.read(&mut buffer).await?;
            let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty()) else { break };
            if first.is_empty() {
                first.extend_from_slice(piece);
            }
            to.write_all(&chunk(piece)).await?;
        }
        learn(&first);
        Ok(())
    }

    async fn events(
        &mut self,
        to: &mut (impl AsyncWrite + Unpin),
        fault: EventFault,
    ) -> io::Result<()> {
        let mut liar = Liar::new(fault);
        loop {
            let mut line = Vec::new();
            if self.body.read_until(b'\n', &mut line).await? == 0 {
                return Ok(());
            }
            let told = liar.take(line);
            for line in told.lines {
                to.write_all(&chunk(&line)).await?;
            }
            if told.ends {
                return Ok(());
            }
        }
    }
}

async fn drip(body: &[u8], every: Duration, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    let mut ticks = tokio::time::interval(every);
    for byte in body {
        ticks.tick().await;
        to.write_all(&chunk(&[*byte])).await?;
    }
    Ok(())
}

/// An answer of the proxy's own.
pub(super) async fn reply(to: &mut (impl AsyncWrite + Unpin), reply: &Reply) -> io::Result<()> {
    let body = serde_json::json!({ "message": reply.message }).to_string();
    let retry = reply.retry_after.map(|seconds| format!("Retry-After: {seconds}\r\n"));
    let head = format!(
        "HTTP/1.1 {} Status\r\nContent-Type: application/json\r\nConnection: close\r\n{}Content-Length: {}\r\n\r\n{body}",
        reply.status,
        retry.unwrap_or_default(),
        body.len()
    );
    to.write_all(head.as_bytes()).await
}
