//! One delivery: what may be refused is refused before its body is read, and what it says is looked at last.

use std::net::IpAddr;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::http::client::client;
use crate::http::connection::BUFFER;
use crate::http::desk::Desk;
use crate::http::verdict::{Answer, Verdict, answer, post_only};
use crate::model::hint::DeliveryOutcome;
use crate::webhook::{Check, Hook, Presented};

/// Answers one request.
pub(super) async fn receive(desk: &Desk, peer: IpAddr, request: Request<Incoming>) -> Answer {
    let Some((hook, token)) = desk.hook(request.uri().path()) else {
        return answer(404, "no hook is here\n");
    };
    if request.method() != Method::POST {
        return post_only();
    }
    let from = client(peer, request.headers(), &desk.settings.trusted_proxies);
    let (head, body) = request.into_parts();
    if length_of(&head) > BUFFER {
        return answer(431, "the head of the request is too large\n");
    }
    let verdict = match check(desk, (hook, token), from, &head) {
        Ok(check) => take(desk, hook, check, body).await,
        Err(verdict) => verdict,
    };
    desk.conclude(hook, from, &verdict);
    verdict.answer()
}

/// Bytes of the head of a request. What comes in one piece the reader bounds by itself; what comes in several may grow to
/// twice its buffer.
pub(super) fn length_of(head: &Parts) -> usize {
    let path = head.uri.path_and_query().map_or(0, |path| path.as_str().len());
    let headers = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    path + headers.sum::<usize>()
}

/// Everything that needs no byte of the body.
fn check(
    desk: &Desk,
    (hook, token): (&Hook, Option<String>),
    from: IpAddr,
    head: &Parts,
) -> Result<Check, Verdict> {
    desk.admit(from).map_err(|after| {
        let why = "too many deliveries from this address were refused";
        Verdict::new(DeliveryOutcome::RateLimited, &why).after(after)
    })?;
    if !is_json(&head.headers) {
        return Err(Verdict::new(DeliveryOutcome::Unsupported, "it is not application/json"));
    }
    let length = head.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if length
        .and_then(|text| text.parse::<u64>().ok())
        .is_some_and(|length| length > desk.limits().body)
    {
        return Err(too_large(desk));
    }
    let wall = desk.outlets.clock.wall();
    let presented = Presented { headers: &head.headers, token: token.as_deref(), wall };
    Check::begin(hook, &presented)
        .map_err(|refusal| Verdict::new(DeliveryOutcome::Refused, &refusal))
}

/// `application/json`, or another type that is JSON (RFC 6839).
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

fn too_large(desk: &Desk) -> Verdict {
    let why = format!("its body has more than {} bytes", desk.limits().body);
    Verdict::new(DeliveryOutcome::TooLarge, &why)
}

async fn take(desk: &Desk, hook: &Hook, check: Check, body: Incoming) -> Verdict {
    let time = desk.limits().body_time;
    let Ok(Ok(_slot)) = timeout(time, desk.in_flight.acquire()).await else {
        let why = "too many deliveries at once";
        return Verdict::new(DeliveryOutcome::Busy, &why).after(time);
    };
    let Ok(read) = timeout(time, stream(desk, check, body)).await else {
        let why = format!("its body took more than {} s", time.as_secs_f32());
        return Verdict::new(DeliveryOutcome::TimedOut, &why);
    };
    match read.map(Check::finish) {
        Ok(Ok(authentic)) => desk.take(hook, &authentic),
        Ok(Err(refusal)) => Verdict::new(DeliveryOutcome::Refused, &refusal),
        Err(verdict) => verdict,
    }
}

/// Feeds the body to the check, piece by piece: each is dropped before the next one is read.
async fn stream(desk: &Desk, mut check: Check, mut body: Incoming) -> Result<Check, Verdict> {
    let mut length = 0_u64;
    while let Some(frame) = body.frame().await {
        let cut = |_| Verdict::new(DeliveryOutcome::Refused, "its body did not come to its end");
        let frame = frame.map_err(cut)?;
        let Some(data) = frame.data_ref() else { continue };
        length = length.saturating_add(data.len() as u64);
        if length > desk.limits().body {
            return Err(too_large(desk));
        }
        check.update(data);
    }
    Ok(check)
}
