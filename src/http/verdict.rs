//! What became of a delivery, and the answer to it.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;

use crate::model::hint::DeliveryOutcome;

/// Longest reason, in letters.
const MOST_REASON: usize = 300;

/// The end of a delivery.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) outcome: DeliveryOutcome,
    pub(super) reason: String,
    pub(super) id: Option<String>,
    /// When it may come again.
    pub(super) after: Option<Duration>,
}

impl Verdict {
    pub(super) fn new(outcome: DeliveryOutcome, reason: &(impl ToString + ?Sized)) -> Self {
        let reason = reason.to_string();
        // What an authentic sender says is shown; it moves no cursor.
        let shown = |letter: char| if letter.is_control() { '\u{fffd}' } else { letter };
        let reason = reason.chars().map(shown).take(MOST_REASON).collect();
        Self { outcome, reason, id: None, after: None }
    }

    pub(super) fn after(self, after: Duration) -> Self {
        Self { after: Some(after), ..self }
    }

    /// The answer. Strangers learn the outcome and nothing else.
    pub(super) fn answer(&self) -> Answer {
        let text = match self.outcome {
            DeliveryOutcome::Accepted | DeliveryOutcome::Ignored | DeliveryOutcome::Malformed => {
                format!("{}: {}\n", self.outcome.word(), self.reason)
            }
            DeliveryOutcome::Unsupported => {
                "unsupported: set the content type to application/json\n".to_owned()
            }
            outcome => format!("{}\n", outcome.word()),
        };
        let mut answer = answer(self.outcome.status(), text);
        if let Some(after) = self.after {
            let seconds = after.as_millis().div_ceil(1000).max(1);
            if let Ok(value) = HeaderValue::try_from(seconds.to_string()) {
                answer.headers_mut().insert(RETRY_AFTER, value);
            }
        }
        answer
    }
}

/// An answer.
pub(super) type Answer = Response<Full<Bytes>>;

/// A status with a line of text.
pub(super) fn answer(status: u16, text: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(text.into()));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, plain);
    answer
}

/// The answer to anything but a POST.
pub(super) fn post_only() -> Answer {
    let mut answer = answer(405, "deliveries are sent by POST\n");
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    answer
}
