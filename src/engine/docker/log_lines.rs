//! From the bytes of a log to its lines. Without a terminal the engine sends frames (stream number, three zeroes, length,
//! payload), one for each line or for 16 KiB of a longer one; with a terminal it sends plain bytes.

use std::collections::VecDeque;

use bytes::{Buf, BytesMut};

use crate::engine::failure::CallError;
use crate::model::log::{LogLine, nanoseconds};

/// Longest line, in bytes; what is longer comes in pieces.
const LINE_LIMIT: usize = 64 * 1024;
/// Longest frame, in bytes.
const FRAME_LIMIT: usize = 1024 * 1024;
/// Longest instant before a line, in bytes.
const STAMP_LIMIT: usize = 40;

/// How the bytes come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// In frames.
    Frames,
    /// As they are: the container has a terminal.
    Plain,
}

/// A line whose end has not come.
#[derive(Clone, Debug, Default)]
struct Begun {
    at_ns: i64,
    text: Vec<u8>,
}

/// Makes lines of bytes, however those are cut.
#[derive(Debug)]
pub(super) struct LogLines {
    framing: Framing,
    rest: BytesMut,
    /// Of standard output and standard error: each has its own unfinished line.
    begun: [Option<Begun>; 2],
    last_ns: i64,
    ready: VecDeque<LogLine>,
}

impl LogLines {
    /// Nothing has come yet.
    pub(super) fn new(framing: Framing) -> Self {
        let ready = VecDeque::new();
        Self { framing, rest: BytesMut::new(), begun: [None, None], last_ns: 0, ready }
    }

    /// The next line that is whole.
    pub(super) fn next_line(&mut self) -> Option<LogLine> {
        self.ready.pop_front()
    }

    /// Takes bytes.
    ///
    /// # Errors
    /// What comes is no frame where frames are expected.
    pub(super) fn push(&mut self, chunk: &[u8]) -> Result<(), CallError> {
        self.rest.extend_from_slice(chunk);
        match self.framing {
            Framing::Plain => {
                let whole = self.rest.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1);
                let long = (self.rest.len() > LINE_LIMIT).then_some(self.rest.len());
                if let Some(length) = whole.or(long) {
                    let piece = self.rest.split_to(length);
                    self.text(0, &piece);
                }
            }
            Framing::Frames => {
                while let Some(header) = self.rest.first_chunk::<8>() {
                    let [stream, _, _, _, length @ ..] = *header;
                    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
                    if length > FRAME_LIMIT {
                        let text = "the log is not in frames".to_owned();
                        return Err(CallError::Unreadable(text));
                    }
                    if self.rest.len() < 8 + length {
                        break;
                    }
                    self.rest.advance(8);
                    let piece = self.rest.split_to(length);
                    self.text(usize::from(stream == 2), &piece);
                }
            }
        }
        Ok(())
    }

    /// The log has ended: what was begun is a line too.
    pub(super) fn end(&mut self) {
        if self.framing == Framing::Plain {
            let piece = self.rest.split();
            self.text(0, &piece);
        }
        for stream in 0..self.begun.len() {
            self.finish(stream);
        }
    }

    /// Whole or partial lines of one stream.
    fn text(&mut self, stream: usize, piece: &[u8]) {
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            let (at_ns, text) = stamped(part);
            let (text, is_whole) = match text.strip_suffix(b"\n") {
                Some(text) => (text.strip_suffix(b"\r").unwrap_or(text), true),
                None => (text, false),
            };
            self.last_ns = at_ns.unwrap_or(self.last_ns);
            let begun = self.begun.get_mut(stream).map(|slot| {
                slot.get_or_insert_with(|| Begun { at_ns: self.last_ns, text: Vec::new() })
            });
            let Some(begun) = begun else { continue };
            begun.text.extend_from_slice(text);
            if is_whole || begun.text.len() >= LINE_LIMIT {
                self.finish(stream);
            }
        }
    }

    fn finish(&mut self, stream: usize) {
        if let Some(begun) = self.begun.get_mut(stream).and_then(Option::take) {
            let text = String::from_utf8_lossy(&begun.text).into_owned();
            self.ready.push_back(LogLine { at_ns: begun.at_ns, text });
        }
    }
}

/// The instant before a line, and the line. Each piece of a long line has one.
fn stamped(part: &[u8]) -> (Option<i64>, &[u8]) {
    let end = part.iter().take(STAMP_LIMIT).position(|byte| *byte == b' ');
    let Some((stamp, text)) = end.and_then(|end| part.split_at_checked(end)) else {
        return (None, part);
    };
    let at_ns = std::str::from_utf8(stamp).ok().and_then(nanoseconds);
    match at_ns {
        Some(_) => (at_ns, text.get(1..).unwrap_or_default()),
        None => (None, part),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: &str = "2026-11-21T23:25:00.000000001Z";

    fn frame(stream: u8, text: &str) -> Vec<u8> {
        let length = u32::try_from(text.len()).unwrap().to_be_bytes();
        [&[stream, 0, 0, 0], &length[..], text.as_bytes()].concat()
    }

    fn lines(framing: Framing, bytes: &[u8], step: usize) -> Vec<LogLine> {
        let mut lines = LogLines::new(framing);
        for chunk in bytes.chunks(step) {
            lines.push(chunk).unwrap();
        }
        lines.end();
        std::iter::from_fn(|| lines.next_line()).collect()
    }

    fn texts(lines: &[LogLine]) -> Vec<&str> {
        lines.iter().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn lines_come_whole_however_they_were_cut() {
        let bytes = [
            frame(1, &format!("{STAMP} one\n")),
            frame(1, &format!("{STAMP} a long")),
            frame(2, &format!("{STAMP} error\n")),
            frame(1, &format!("{STAMP} er line\n")),
            frame(1, &format!("{STAMP} \n")),
            frame(1, &format!("{STAMP} cut")),
        ]
        .concat();
        let whole = lines(Framing::Frames, &bytes, bytes.len());
        assert_eq!(texts(&whole), ["one", "error", "a longer line", "", "cut"]);
        assert!(whole.iter().all(|line| line.at_ns % 1_000_000_000 == 1), "{whole:?}");
        for step in [1, 7, 100] {
            assert_eq!(lines(Framing::Frames, &bytes, step), whole, "{step}");
        }
    }

    #[test]
    fn a_terminal_ends_its_lines_in_its_own_way() {
        let bytes = format!("{STAMP} one\r\n{STAMP} two\r\n{STAMP} $ ");
        for step in [1, 1000] {
            let found = lines(Framing::Plain, bytes.as_bytes(), step);
            assert_eq!(texts(&found), ["one", "two", "$ "]);
        }
    }

    #[test]
    fn a_line_without_end_comes_in_pieces() {
        let text = "x".repeat(3 * LINE_LIMIT);
        let found = lines(Framing::Plain, format!("{STAMP} {text}").as_bytes(), 4096);
        assert!(found.len() >= 3 && found.iter().all(|line| line.text.len() <= 2 * LINE_LIMIT));
        assert_eq!(found.iter().map(|line| line.text.len()).sum::<usize>(), text.len());
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        let mut lines = LogLines::new(Framing::Frames);
        assert!(lines.push(b"plain text, no frame").is_err());
    }
}
