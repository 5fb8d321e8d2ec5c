//! Answers: JSON, text, and problems in the form of RFC 9457.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use serde::Serialize;
use serde_json::json;

/// The body of an answer: whole, or a stream.
pub(super) type AnswerBody = UnsyncBoxBody<Bytes, Infallible>;

/// An answer.
pub(super) type Answer = Response<AnswerBody>;

/// Whatever is whole.
pub(super) fn whole(status: StatusCode, kind: &'static str, text: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(text.into()).boxed_unsync());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

/// JSON.
pub(super) fn json<T: Serialize>(status: StatusCode, value: &T) -> Answer {
    match serde_json::to_vec(value) {
        Ok(bytes) => whole(status, "application/json", bytes),
        Err(_) => {
            problem(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be written down")
        }
    }
}

/// What is wrong with a request, in a sentence that holds nothing of a secret.
pub(super) fn problem(status: StatusCode, detail: &str) -> Answer {
    let title = status.canonical_reason().unwrap_or_default();
    let body = json!({
        "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail,
    });
    whole(status, "application/problem+json", body.to_string())
}

/// Another method is taken there.
pub(super) fn wrong_method(allowed: &Method) -> Answer {
    let mut answer = problem(
        StatusCode::METHOD_NOT_ALLOWED,
        &format!("{allowed} is the method that is taken here"),
    );
    if let Ok(value) = HeaderValue::from_str(allowed.as_str()) {
        answer.headers_mut().insert(ALLOW, value);
    }
    answer
}

/// A token is missing or wrong.
pub(super) fn unauthorized(detail: &str) -> Answer {
    let mut answer = problem(StatusCode::UNAUTHORIZED, detail);
    answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    answer
}

/// Too many requests, or no room; when to come again.
pub(super) fn later(status: StatusCode, detail: &str, after: Duration) -> Answer {
    let mut answer = problem(status, detail);
    let seconds = after.as_millis().div_ceil(1000).max(1);
    if let Ok(value) = HeaderValue::try_from(seconds.to_string()) {
        answer.headers_mut().insert(RETRY_AFTER, value);
    }
    answer
}

/// What every answer says to browsers: keep nothing, guess nothing, show nothing to others.
pub(super) fn hardened(mut answer: Answer) -> Answer {
    let fixed = [
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}
