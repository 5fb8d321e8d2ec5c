//! Requests of people: what the command line leaves for the controller, no more.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use crate::controller::{AskError, Deed, Request, RequestState};
use crate::http::api::answer::{Answer, json as reply, later, problem};
use crate::http::api::authority::Caller;
use crate::http::api::desk::ApiDesk;
use crate::http::api::reading::no_project;
use crate::http::api::routes::{self, Verb};
use crate::model::id::{ProjectName, ServiceName};
use crate::model::status::ProjectStatus;
use crate::model::time::Timestamp;

/// Letters of a reason.
const MOST_REASON: usize = 500;

/// What the body of any verb may say; which of it means something is up to the verb.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    #[serde(default, deserialize_with = "present")]
    service: Option<String>,
    #[serde(default, deserialize_with = "present")]
    reason: Option<String>,
    #[serde(default, deserialize_with = "present")]
    until: Option<String>,
    #[serde(default, deserialize_with = "present")]
    to: Option<u64>,
    #[serde(default, deserialize_with = "present")]
    full: Option<bool>,
}

/// What stands there has a value: `null` is none.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    value: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

/// What is wrong with a request.
type Wrong = (StatusCode, String);

/// `POST /api/v1/projects/{project}/{verb}`.
pub(super) async fn act(
    desk: &ApiDesk,
    (project, verb): (&ProjectName, Verb),
    caller: &Caller,
    (head, body): (&Parts, Incoming),
) -> Answer {
    match Box::pin(ask(desk, (project, verb), caller, (head, body))).await {
        Ok(id) => accepted(&id, project, verb),
        Err((StatusCode::TOO_MANY_REQUESTS, why)) => {
            later(StatusCode::TOO_MANY_REQUESTS, &why, desk.write_again())
        }
        Err((StatusCode::SERVICE_UNAVAILABLE, why)) => {
            later(StatusCode::SERVICE_UNAVAILABLE, &why, desk.limits().heart_beat)
        }
        Err((StatusCode::NOT_FOUND, empty)) if empty.is_empty() => no_project(project),
        Err((status, why)) => problem(status, &why),
    }
}

async fn ask(
    desk: &ApiDesk,
    (project, verb): (&ProjectName, Verb),
    caller: &Caller,
    (head, body): (&Parts, Incoming),
) -> Result<String, Wrong> {
    let bytes = read(desk, head, body).await?;
    let wish = wish(&bytes)?;
    let snapshot = desk.handle.snapshot();
    let status = snapshot.projects.get(project);
    let status = status.ok_or_else(|| (StatusCode::NOT_FOUND, String::new()))?;
    let request = request(verb, &wish, status, desk.handle.now())?;
    let deed = Deed {
        project: project.clone(),
        generation: status.generation,
        action: verb.kind().to_owned(),
        object: wish.service.clone().unwrap_or_else(|| project.to_string()),
        message: format!("{caller}: {}", said(verb, &wish)),
    };
    if desk.pace_write().is_err() {
        let why = "too many requests that write".to_owned();
        return Err((StatusCode::TOO_MANY_REQUESTS, why));
    }
    desk.handle.ask(request, deed).await.map_err(|error| match error {
        AskError::Full => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
        AskError::Unwritable => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    })
}

/// An object: a list of the values would be taken for one otherwise.
fn wish(bytes: &[u8]) -> Result<Wish, Wrong> {
    let object: Result<Map<String, Value>, _> = serde_json::from_slice(bytes);
    let wish = object.and_then(|object| serde_json::from_value(Value::Object(object)));
    wish.map_err(|error| (StatusCode::BAD_REQUEST, format!("the body: {error}")))
}

/// `GET /api/v1/requests/{id}`.
pub(super) async fn state(desk: &ApiDesk, id: &str) -> Answer {
    match desk.handle.request_state(id).await {
        None => problem(StatusCode::NOT_FOUND, "there is no such request, or its answer is gone"),
        Some(RequestState::Waiting) => {
            reply(StatusCode::OK, &json!({ "id": id, "state": "waiting", "answer": null }))
        }
        Some(RequestState::Answered(answer)) => {
            let state = if answer.starts_with("refused: ") { "refused" } else { "done" };
            reply(StatusCode::OK, &json!({ "id": id, "state": state, "answer": answer }))
        }
    }
}

fn accepted(id: &str, project: &ProjectName, verb: Verb) -> Answer {
    let body = json!({ "id": id, "project": project, "action": verb.word() });
    let mut answer = reply(StatusCode::ACCEPTED, &body);
    if let Ok(place) = HeaderValue::try_from(format!("/api/v1/requests/{id}")) {
        answer.headers_mut().insert(LOCATION, place);
    }
    answer
}

/// The body, if it is JSON and no longer than it may be.
async fn read(desk: &ApiDesk, head: &Parts, body: Incoming) -> Result<Bytes, Wrong> {
    let kind = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        let why = "set the content type to application/json".to_owned();
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
    }
    let most = desk.limits().body;
    let too_large =
        || (StatusCode::PAYLOAD_TOO_LARGE, format!("the body has more than {most} bytes"));
    let length = head.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if length.and_then(|text| text.parse().ok()).is_some_and(|length: usize| length > most) {
        return Err(too_large());
    }
    match timeout(desk.limits().body_time, Limited::new(body, most).collect()).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err((StatusCode::BAD_REQUEST, "the body did not come to its end".to_owned())),
        Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "the body took too long".to_owned())),
    }
}

/// The request of a wish, if the verb knows all that it says and there is what it speaks of.
fn request(
    verb: Verb,
    wish: &Wish,
    status: &ProjectStatus,
    now: Timestamp,
) -> Result<Request, Wrong> {
    let bad = |why: String| (StatusCode::BAD_REQUEST, why);
    let said = [
        ("service", wish.service.is_some()),
        ("reason", wish.reason.is_some()),
        ("until", wish.until.is_some()),
        ("to", wish.to.is_some()),
        ("full", wish.full.is_some()),
    ];
    let known = verb.fields();
    if let Some((name, _)) = said.iter().find(|(name, is)| *is && !known.contains(name)) {
        return Err(bad(format!("`{name}` means nothing to {}", verb.word())));
    }
    let (project, service) = (status.name.clone(), service(wish, status)?);
    let until = until(wish, now).map_err(bad)?;
    Ok(match verb {
        Verb::Reconcile => Request::Reconcile { project: Some(project) },
        Verb::Suspend => {
            Request::Suspend { project, service, reason: reason(wish).map_err(bad)?, until }
        }
        Verb::Stop => Request::Stop { project, service, reason: reason(wish).map_err(bad)?, until },
        Verb::Start => Request::Start { project, service },
        Verb::Resume => Request::Resume { project, service },
        Verb::Promote => Request::Promote { project, service, full: wish.full.unwrap_or_default() },
        Verb::Rollback => Request::Rollback { project, to: revision(wish, status)? },
    })
}

fn service(wish: &Wish, status: &ProjectStatus) -> Result<Option<ServiceName>, Wrong> {
    let Some(name) = &wish.service else { return Ok(None) };
    let known = |name: &ServiceName| status.services.iter().any(|service| service.name == *name);
    match routes::service(name).filter(known) {
        Some(name) => Ok(Some(name)),
        None => {
            Err((StatusCode::NOT_FOUND, format!("project {} has no such service", status.name)))
        }
    }
}

fn revision(wish: &Wish, status: &ProjectStatus) -> Result<Option<u64>, Wrong> {
    let known = |number: u64| status.revisions.iter().any(|one| one.number == number);
    match wish.to {
        Some(number) if !known(number) => {
            Err((StatusCode::NOT_FOUND, format!("{} has no revision {number}", status.name)))
        }
        to => Ok(to),
    }
}

fn reason(wish: &Wish) -> Result<String, String> {
    let text = wish.reason.as_deref().unwrap_or_default().trim();
    let fits = !text.is_empty() && text.chars().count() <= MOST_REASON;
    if !fits || text.contains(char::is_control) {
        return Err(format!("reason: expected a line of 1 to {MOST_REASON} letters"));
    }
    Ok(text.to_owned())
}

fn until(wish: &Wish, now: Timestamp) -> Result<Option<Timestamp>, String> {
    let Some(text) = &wish.until else { return Ok(None) };
    let at = instant(text);
    let at = at.ok_or("until: expected an instant such as 2026-01-31T08:00:00Z")?;
    if at <= now { Err("until: it has passed".to_owned()) } else { Ok(Some(at)) }
}

/// An instant of RFC 3339 and nothing that only resembles one: numbers of any length would not fit into a time.
fn instant(text: &str) -> Option<Timestamp> {
    let form = |pattern: &str, text: &str| {
        let same = |(form, byte): (u8, u8)| {
            if form == b'd' { byte.is_ascii_digit() } else { form == byte }
        };
        pattern.len() == text.len() && pattern.bytes().zip(text.bytes()).all(same)
    };
    let (clock, rest) = text.split_at_checked("dddd-dd-ddTdd:dd:dd".len())?;
    let zone_at = rest.find(['Z', '+', '-'])?;
    let (fraction, zone) = rest.split_at_checked(zone_at)?;
    let digits = fraction.strip_prefix('.').unwrap_or(fraction);
    let short = digits.len() <= 9 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let fits = form("dddd-dd-ddTdd:dd:dd", clock)
        && short
        && (zone == "Z" || form("+dd:dd", zone) || form("-dd:dd", zone));
    if fits { Timestamp::parse_rfc3339(text) } else { None }
}

/// What was asked for, for the history.
fn said(verb: Verb, wish: &Wish) -> String {
    let mut text = verb.word().to_owned();
    let more = [
        wish.reason.as_ref().map(|reason| format!("reason: {reason}")),
        wish.until.as_ref().map(|until| format!("until {until}")),
        wish.to.map(|to| format!("to revision {to}")),
        wish.full.filter(|full| *full).map(|_| "past all steps".to_owned()),
    ];
    for part in more.into_iter().flatten() {
        text.push_str(", ");
        text.push_str(&part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_an_instant_is_one() {
        for good in ["2026-11-28T10:00:00Z", "2026-11-28T10:00:00.123+02:00"] {
            assert!(instant(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "tomorrow",
            "2026-11-28",
            "2026-11-28T10:00:00",
            "99999999999999999-01-01T00:00:00Z",
            "2026-11-28T99999999999999999999:00:00Z",
            "2026-11-28T10:00:00.12345678901234567890Z",
            "2026-11-28T10:00:00+99999999999999:00",
            "2026-11-28T10:00:00Zzz",
            "2026-11-28T10:00:00é",
        ] {
            assert!(instant(bad).is_none(), "{bad}");
        }
    }
}
