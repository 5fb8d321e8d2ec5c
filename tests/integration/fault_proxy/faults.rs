//! What can go wrong with one call.

use std::time::Duration;

use rustix::process::Signal;

/// How a call fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It does not: for rules that only count.
    Pass,
    /// Everything happens, after this time.
    Delay(Duration),
    /// Answered by the proxy; the engine sees nothing of it.
    Answer(Reply),
    /// The effect happens, then the proxy answers in the engine's place.
    ForwardThenAnswer(Reply),
    /// The effect happens, then the connection is closed without an answer.
    ForwardThenClose,
    /// The connection is closed; the engine sees nothing of it.
    Reset,
    /// No answer ever comes, and nothing happens.
    HangBefore,
    /// The effect happens, and no answer ever comes.
    HangAfter,
    /// The connection is closed after so many bytes of the body.
    Cut(usize),
    /// The right status, and a body that is no JSON.
    Corrupt,
    /// 200, and this error as the only line of the stream: how pulls and builds fail.
    ErrorLine(String),
    /// One byte of the body per this time.
    Drip(Duration),
    /// The events of this stream.
    Events(EventFault),
    /// The answer to `version` claims this API version.
    ApiVersion(String),
    /// A signal for the process that calls.
    Signal(Moment, Signal),
}

/// How a stream of events lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventFault {
    /// None comes.
    DropAll,
    /// Every one comes twice.
    Duplicate,
    /// They come in pairs, the later one first.
    Reorder,
    /// After so many, these come again.
    Replay(usize),
    /// The stream ends well after so many.
    CloseEvery(usize),
}

/// Before or after the engine did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The engine sees nothing of the call before the signal; whether it does then depends on who lives.
    Before,
    /// The engine has answered.
    After,
}

/// An answer of the proxy's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// HTTP status.
    pub(crate) status: u16,
    /// The engine's `message`.
    pub(crate) message: String,
    /// `Retry-After`, in seconds.
    pub(crate) retry_after: Option<u32>,
}

impl Reply {
    /// An error as the engine words it.
    pub(crate) fn new(status: u16, message: &str) -> Self {
        Self { status, message: message.to_owned(), retry_after: None }
    }

    /// The same with `Retry-After`.
    pub(crate) fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }
}

impl Fault {
    /// For the trace; empty if nothing goes wrong.
    pub(super) fn word(&self) -> String {
        match self {
            Self::Pass => String::new(),
            other => format!("{other:?}"),
        }
    }
}
