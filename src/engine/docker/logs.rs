//! The output of a container: its last lines, or all of it as it comes.

use bytes::{Buf, Bytes};
use futures::stream::{BoxStream, try_unfold};
use futures::{StreamExt, TryStreamExt};

use crate::engine::docker::connection::Client;
use crate::engine::docker::log_lines::{Framing, LogLines};
use crate::engine::docker::raw::{RawRequest, encoded};
use crate::engine::failure::{CallError, presentable};
use crate::model::id::ContainerId;
use crate::model::log::{LogLine, LogQuery};

/// Longest line that is kept, in characters.
const LINE_LIMIT: usize = 500;
/// Most lines that are kept.
const LINES_LIMIT: u32 = 20;
/// Most lines that a diagnosis reads.
const DIAGNOSIS_LIMIT: u32 = 1000;

impl Client {
    /// The last lines, at most 20 of at most 500 characters, without control characters. With a terminal the engine
    /// sends plain bytes, without one frames; the first byte does not tell which, so the container is asked.
    ///
    /// # Errors
    /// 404 if it is gone, 501 if its log driver cannot be read.
    pub(in crate::engine) async fn logs_tail(
        &self,
        id: &ContainerId,
        lines: u32,
    ) -> Result<Vec<String>, CallError> {
        self.last_log_lines(id, lines.min(LINES_LIMIT)).await
    }

    /// As [`Client::logs_tail`], at most 1000 lines.
    ///
    /// # Errors
    /// The same.
    pub(in crate::engine) async fn last_log_lines(
        &self,
        id: &ContainerId,
        lines: u32,
    ) -> Result<Vec<String>, CallError> {
        let terminal = self.inspect_container(id).await?.config.tty.unwrap_or(false);
        let lines = lines.min(DIAGNOSIS_LIMIT);
        let tail = lines.to_string();
        let path = format!("/containers/{}/logs", encoded(id.as_str()));
        let parameters = [("stdout", "true"), ("stderr", "true"), ("tail", tail.as_str())];
        let bytes = self.raw_bytes(RawRequest::get(&path, &parameters)).await?;
        let text = if terminal { bytes.to_vec() } else { payload(bytes) };
        Ok(last_lines(&text, lines))
    }

    /// Its output as lines, as they come. Nothing is asked before the stream is polled; its error is 404 if the container is
    /// gone, 501 if its log driver cannot be read.
    pub(in crate::engine) fn log_lines(
        &self,
        id: &ContainerId,
        terminal: bool,
        query: &LogQuery,
    ) -> BoxStream<'static, Result<LogLine, CallError>> {
        let path = format!("/containers/{}/logs", encoded(id.as_str()));
        let tail = query.tail.map(|lines| lines.to_string());
        let (since, until) = (query.since_ns.map(seconds), query.until_ns.map(seconds));
        let mut parameters = vec![("stdout", "true"), ("stderr", "true"), ("timestamps", "true")];
        parameters.extend(query.follow.then_some(("follow", "true")));
        let said = [("tail", &tail), ("since", &since), ("until", &until)];
        parameters.extend(said.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))));
        let bytes = self.raw(RawRequest::get(&path, &parameters));
        let framing = if terminal { Framing::Plain } else { Framing::Frames };
        let state = (Some(bytes), LogLines::new(framing));
        try_unfold(state, |(mut bytes, mut lines)| async move {
            loop {
                if let Some(line) = lines.next_line() {
                    return Ok(Some((line, (bytes, lines))));
                }
                let Some(stream) = &mut bytes else { return Ok(None) };
                if let Some(chunk) = stream.try_next().await? {
                    lines.push(&chunk)?;
                } else {
                    lines.end();
                    bytes = None;
                }
            }
        })
        .boxed()
    }
}

/// An instant as the engine takes it: seconds since 1970 with nine digits behind the point.
fn seconds(at_ns: i64) -> String {
    format!("{}.{:09}", at_ns.div_euclid(1_000_000_000), at_ns.rem_euclid(1_000_000_000))
}

/// The content of a multiplexed stream: frames of stream number, three zeroes, length, payload.
fn payload(mut frames: Bytes) -> Vec<u8> {
    let mut text = Vec::new();
    while frames.len() >= 8 {
        frames.advance(4);
        let length = usize::try_from(frames.get_u32()).unwrap_or(usize::MAX);
        text.extend_from_slice(&frames.split_to(length.min(frames.len())));
    }
    text
}

/// The last `count` lines, without control characters.
pub(super) fn last_lines(text: &[u8], count: u32) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().collect();
    let skipped = lines.len().saturating_sub(usize::try_from(count).unwrap_or(usize::MAX));
    lines.into_iter().skip(skipped).map(|line| presentable(line, LINE_LIMIT)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_joined_and_a_cut_one_is_kept() {
        let frames = Bytes::from_static(b"\x01\0\0\0\0\0\0\x04one\n\x02\0\0\0\0\0\0\x09tw\x1bo");
        assert_eq!(last_lines(&payload(frames), 20), ["one", "tw o"]);
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        assert_eq!(last_lines(b"a\nb\nc\n", 2), ["b", "c"]);
        assert_eq!(last_lines(b"", 2), Vec::<String>::new());
    }
}
