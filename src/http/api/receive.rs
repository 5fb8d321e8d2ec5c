//! One request: who sends it, what it is, whether they may; only then is it answered.

use std::sync::Arc;

use http::request::Parts;
use http::{Request, StatusCode};
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;

use crate::http::api::answer::{Answer, hardened, later, problem, unauthorized, wrong_method};
use crate::http::api::authority::{Caller, Peer, Refusal};
use crate::http::api::desk::ApiDesk;
use crate::http::api::origin::{Misdirected, check_host, comes_from_a_page};
use crate::http::api::query::Query;
use crate::http::api::routes::Route;
use crate::http::api::{health, metrics, reading, stream, writing};
use crate::http::connection::BUFFER;
use crate::http::receive::length_of;

/// A request that may be answered.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) route: Route,
    pub(super) query: Query,
    pub(super) caller: Caller,
}

/// Answers one request. `cancel` ends what goes on.
pub(super) async fn receive(
    desk: &Arc<ApiDesk>,
    peer: Peer,
    request: Request<Incoming>,
    cancel: CancellationToken,
) -> Answer {
    let (head, body) = request.into_parts();
    let route = Route::find(head.uri.path()).map_or("", |route| route.template());
    let answer = match admit(desk, peer, &head) {
        Ok(Admitted { route: Route::Act(project, verb), caller, .. }) => {
            writing::act(desk, (&project, verb), &caller, (&head, body)).await
        }
        Ok(admitted) => answer(desk, admitted, cancel).await,
        Err(refusal) => *refusal,
    };
    desk.count_answer(route, answer.status());
    hardened(answer)
}

/// Everything that needs no byte of a body.
fn admit(desk: &ApiDesk, peer: Peer, head: &Parts) -> Result<Admitted, Box<Answer>> {
    if length_of(head) > BUFFER {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Err(Box::new(problem(status, "the head of the request is too large")));
    }
    directed(desk, peer, head).map_err(|why| Box::new(misdirected(why)))?;
    let Some(route) = Route::find(head.uri.path()) else {
        return Err(Box::new(problem(StatusCode::NOT_FOUND, "there is no such path")));
    };
    if head.method != route.method() {
        return Err(Box::new(wrong_method(&route.method())));
    }
    desk.pace(peer, route.access()).map_err(|after| {
        let why = "too many requests from this address";
        Box::new(later(StatusCode::TOO_MANY_REQUESTS, why, after))
    })?;
    let caller = desk.settings.tokens.grant(peer, &head.headers, route.access());
    let caller = caller.map_err(|refusal| {
        desk.count_failure(peer);
        Box::new(match refusal {
            Refusal::Unknown(why) => unauthorized(why),
            Refusal::Forbidden(why) => problem(StatusCode::FORBIDDEN, why),
        })
    })?;
    let query = Query::parse(head.uri.query(), route.parameters());
    let query = query.map_err(|why| Box::new(problem(StatusCode::BAD_REQUEST, &why)))?;
    Ok(Admitted { route, query, caller })
}

fn directed(desk: &ApiDesk, peer: Peer, head: &Parts) -> Result<(), Misdirected> {
    if comes_from_a_page(head) {
        return Err(Misdirected::Page);
    }
    match peer {
        Peer::Socket(_) => Ok(()),
        Peer::Tcp(_) => check_host(head, desk.hosts()),
    }
}

fn misdirected(why: Misdirected) -> Answer {
    match why {
        Misdirected::Host => problem(StatusCode::BAD_REQUEST, "one Host is expected"),
        Misdirected::Name => problem(
            StatusCode::MISDIRECTED_REQUEST,
            "this host is not known by that name; api.hosts of the settings lists its names",
        ),
        Misdirected::Page => problem(StatusCode::FORBIDDEN, "pages of browsers are not answered"),
    }
}

async fn answer(desk: &Arc<ApiDesk>, asked: Admitted, cancel: CancellationToken) -> Answer {
    let answered = match &asked.route {
        Route::Livez => health::livez(desk, &asked),
        Route::Readyz => health::readyz(desk, &asked),
        Route::Events => stream::events(desk, &asked, cancel),
        Route::History(name) => reading::history(desk, name, &asked.query).await,
        Route::Metrics => Ok(metrics::metrics(desk).await),
        Route::Document => Ok(reading::document()),
        Route::Version => Ok(reading::version(desk)),
        Route::Projects => Ok(reading::projects(desk)),
        Route::Project(name) => Ok(reading::project(desk, name)),
        Route::Asked(id) => Ok(writing::state(desk, id).await),
        Route::Act(..) => Err("it is sent by POST".to_owned()),
        Route::Service(project, service) => Ok(reading::service(desk, project, service)),
    };
    answered.unwrap_or_else(|why| problem(StatusCode::BAD_REQUEST, &why))
}
