//! A command inside a container, and signals.

use serde::Deserialize;
use serde_json::json;

use crate::engine::docker::connection::Client;
use crate::engine::docker::logs::{last_lines, payload};
use crate::engine::docker::raw::{RawBody, RawRequest, encoded};
use crate::engine::failure::CallError;
use crate::model::id::ContainerId;

/// Last lines of a command that are kept.
const LINES: u32 = 5;

/// How a command ended.
#[derive(Debug)]
pub(in crate::engine) struct Ended {
    /// Its exit code.
    pub(in crate::engine) code: i64,
    /// Its last lines, at most 5 of at most 500 characters.
    pub(in crate::engine) lines: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Made {
    #[serde(rename = "Id")]
    id: String,
}

#[derive(Debug, Deserialize)]
struct State {
    #[serde(rename = "ExitCode")]
    exit_code: Option<i64>,
}

impl Client {
    /// Runs a command and waits for its end.
    ///
    /// # Errors
    /// 409 if the container does not run, 404 if it is gone, 400 for a program that is not there.
    pub(in crate::engine) async fn exec(
        &self,
        container: &ContainerId,
        words: &[&str],
    ) -> Result<Ended, CallError> {
        let body = json!({ "Cmd": words, "AttachStdout": true, "AttachStderr": true });
        let path = format!("/containers/{}/exec", encoded(container.as_str()));
        let request = RawRequest::post(&path, &[], RawBody::Json(body.to_string().into_bytes()));
        let made: Made = self.raw_json(request).await?;
        let id = encoded(&made.id);
        let body = json!({ "Detach": false, "Tty": false }).to_string().into_bytes();
        let path = format!("/exec/{id}/start");
        let output = self.raw_bytes(RawRequest::post(&path, &[], RawBody::Json(body))).await?;
        let path = format!("/exec/{id}/json");
        let state: State = self.raw_json(RawRequest::get(&path, &[])).await?;
        let code = state.exit_code.unwrap_or(-1);
        Ok(Ended { code, lines: last_lines(&payload(output), LINES) })
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
