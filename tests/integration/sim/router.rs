//! From a call to its handler, through the faults.

use std::future::pending;
use std::time::Duration;

use bytes::Bytes;

use super::engine::SimEngine;
use super::faults::FaultAction;
use super::request::{ApiError, Call, Outcome, Reply};
use super::world::parse_version;
use super::{build, containers, events, exec, images, journal, networks, system, trace, volumes};

/// Answers one call: waits for a frozen daemon, writes the trace, injects the fault, does the work.
pub(crate) async fn handle(engine: SimEngine, call: Call) -> Reply {
    engine.awake().await;
    if let Err(refused) = check_version(&engine, &call) {
        return refused.into();
    }
    let (index, path, fault) = engine.with(|world| {
        let (index, number) = trace::begin(world, &call);
        let path = world.trace.calls().get(index).map(|call| call.path.clone());
        let path = path.unwrap_or_default();
        let fault = world.faults.pick(&call, &path, number);
        if let Some(fault) = &fault {
            *world.journal.strikes.entry((journal::verb(&call), fault.word())).or_default() += 1;
        }
        (index, path, fault)
    });
    if engine.with(|world| world.faults.is_flooded()) {
        // Whoever asks so much asks without end, perhaps without any time passing: let it pass.
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let reply = with_fault(&engine, (&call, &path), fault).await;
    engine.awake().await;
    engine.with(|world| world.trace.finish(index, reply.status()));
    reply
}

fn check_version(engine: &SimEngine, call: &Call) -> Result<(), ApiError> {
    let Some(asked) = &call.version else {
        return Ok(());
    };
    let newest = engine.api_version();
    match (parse_version(asked), parse_version(&newest)) {
        (Some(number), Some(known)) if number <= known && number >= (1, 12) => Ok(()),
        (Some(number), Some(_)) if number < (1, 12) => {
            let text = format!(
                "client version {asked} is too old. Minimum supported API version is 1.12, please upgrade your client to a newer version"
            );
            Err(ApiError::new(400, text))
        }
        (None, _) => Err(ApiError::new(404, "page not found")),
        _ => {
            let text = format!(
                "client version {asked} is too new. Maximum supported API version is {newest}"
            );
            Err(ApiError::new(400, text))
        }
    }
}

async fn with_fault(
    engine: &SimEngine,
    (call, path): (&Call, &str),
    fault: Option<FaultAction>,
) -> Reply {
    let Some(fault) = fault else {
        return work(engine, call, path).await;
    };
    match fault {
        FaultAction::ErrorBefore(status, text) => ApiError::new(status, text).into(),
        FaultAction::HangUpBefore => Reply::HangUp,
        FaultAction::HangBefore => pending().await,
        FaultAction::ClientDiesBefore => client_dies(engine, call).await,
        FaultAction::DaemonDiesBefore(down) => die(engine, down).await,
        FaultAction::DelayBefore(time) => {
            tokio::time::sleep(time).await;
            work(engine, call, path).await
        }
        FaultAction::CloseEventStream => {
            engine.close_event_streams();
            work(engine, call, path).await
        }
        after => {
            let reply = work(engine, call, path).await;
            if after == FaultAction::ClientDiesAfter {
                return client_dies(engine, call).await;
            }
            after_effect(engine, after, reply).await
        }
    }
}

/// The half of the faults that let the effect happen.
async fn after_effect(engine: &SimEngine, fault: FaultAction, reply: Reply) -> Reply {
    match fault {
        FaultAction::EffectThenError(status, text) => ApiError::new(status, text).into(),
        FaultAction::EffectThenHangUp => Reply::HangUp,
        FaultAction::HangAfter => pending().await,
        FaultAction::DelayAfter(time) => {
            tokio::time::sleep(time).await;
            reply
        }
        FaultAction::Garbage => Reply::text(200, "<html>not what you asked for"),
        FaultAction::Truncated => match reply {
            Reply::Whole(status, kind, body) => {
                Reply::Whole(status, kind, body.slice(..body.len() / 2))
            }
            other => other,
        },
        FaultAction::DaemonDiesAfter(down) => die(engine, down).await,
        _ => reply,
    }
}

/// The daemon dies: this task belongs to it and ends here.
async fn die(engine: &SimEngine, down: Duration) -> Reply {
    engine.crash_daemon(down);
    pending().await
}

/// The process of the controller ends: it hears nothing any more.
async fn client_dies(engine: &SimEngine, call: &Call) -> Reply {
    engine.client_dies(journal::client(call));
    pending().await
}

async fn work(engine: &SimEngine, call: &Call, path: &str) -> Reply {
    let place = engine.with(|world| journal::begin(world, call, path));
    let reply = done(engine, call).await;
    engine.with(|world| journal::end(world, call, place, reply.status()));
    reply
}

async fn done(engine: &SimEngine, call: &Call) -> Reply {
    let segments: Vec<&str> = call.path.trim_matches('/').split('/').collect();
    let outcome = match segments.as_slice() {
        ["containers", rest @ ..] => container_route(engine, call, rest).await,
        ["exec", id, verb] => exec_route(engine, call, id, verb).await,
        ["images", rest @ ..] => image_route(engine, call, rest).await,
        ["build"] if call.method == "POST" => build::build(engine, call),
        ["build", "prune"] if call.method == "POST" => build::prune(engine, call),
        ["networks", rest @ ..] => network_route(engine, call, rest).await,
        ["volumes", rest @ ..] => volume_route(engine, call, rest).await,
        ["events"] => events::stream(engine, call),
        rest => system_route(engine, call, rest).await,
    };
    match outcome {
        Ok(Reply::Whole(status, kind, _)) if call.method == "HEAD" => {
            Reply::Whole(status, kind, Bytes::new())
        }
        Ok(reply) => reply,
        Err(error) => error.into(),
    }
}

fn not_found() -> Outcome {
    Err(ApiError::new(404, "page not found"))
}

async fn system_route(engine: &SimEngine, call: &Call, path: &[&str]) -> Outcome {
    match (call.method.as_str(), path) {
        ("GET" | "HEAD", ["_ping"]) => Ok(Reply::text(200, "OK")),
        ("GET", ["version"]) => Ok(system::version(engine)),
        ("GET", ["info"]) => Ok(system::info(engine)),
        ("GET", ["system", "df"]) => Ok(system::disk_usage(engine)),
        ("GET", ["distribution", name @ .., "json"]) => {
            images::distribution(engine, call, &name.join("/")).await
        }
        _ => not_found(),
    }
}

async fn container_route(engine: &SimEngine, call: &Call, path: &[&str]) -> Outcome {
    match (call.method.as_str(), path) {
        ("GET", ["json"]) => containers::list(engine, call).await,
        ("POST", ["create"]) => containers::create(engine, call).await,
        ("POST", ["prune"]) => Ok(containers::prune(engine)),
        (_, [reference]) if call.method == "DELETE" => {
            engine.unless_wedged(reference).await;
            containers::remove(engine, call, reference).await
        }
        (_, [reference, verb]) => {
            engine.unless_wedged(reference).await;
            container_verb(engine, call, reference, verb).await
        }
        _ => not_found(),
    }
}

async fn container_verb(engine: &SimEngine, call: &Call, reference: &str, verb: &str) -> Outcome {
    match (call.method.as_str(), verb) {
        ("GET", "json") => containers::inspect(engine, reference).await,
        ("GET", "logs") => containers::logs(engine, call, reference),
        ("GET", "top") => containers::top(engine, reference),
        ("GET", "stats") => containers::stats(engine, call, reference),
        ("POST", "start") => containers::start(engine, reference).await,
        ("POST", "stop") => containers::stop(engine, call, reference).await,
        ("POST", "restart") => containers::restart(engine, call, reference).await,
        ("POST", "kill") => containers::kill(engine, call, reference).await,
        ("POST", "pause") => containers::pause(engine, reference).await,
        ("POST", "unpause") => containers::unpause(engine, reference).await,
        ("POST", "rename") => containers::rename(engine, call, reference).await,
        ("POST", "update") => containers::update(engine, call, reference).await,
        ("POST", "wait") => containers::wait(engine, call, reference),
        ("POST", "exec") => exec::create(engine, call, reference).await,
        ("PUT", "archive") => containers::put_archive(engine, call, reference).await,
        _ => not_found(),
    }
}

async fn exec_route(engine: &SimEngine, call: &Call, id: &str, verb: &str) -> Outcome {
    match (call.method.as_str(), verb) {
        ("POST", "start") => exec::start(engine, call, id).await,
        ("POST", "resize") => Ok(Reply::empty(200)),
        ("GET", "json") => exec::inspect(engine, id),
        _ => not_found(),
    }
}

async fn image_route(engine: &SimEngine, call: &Call, path: &[&str]) -> Outcome {
    match (call.method.as_str(), path) {
        ("GET", ["json"]) => images::list(engine, call).await,
        ("POST", ["create"]) => images::pull(engine, call),
        ("GET", [name @ .., "json"]) => images::inspect(engine, &name.join("/")).await,
        ("POST", [name @ .., "tag"]) => images::tag(engine, call, &name.join("/")),
        ("DELETE", name) => images::remove(engine, call, &name.join("/")).await,
        _ => not_found(),
    }
}

async fn network_route(engine: &SimEngine, call: &Call, path: &[&str]) -> Outcome {
    match (call.method.as_str(), path) {
        ("GET", [] | [""]) => networks::list(engine, call).await,
        ("POST", ["create"]) => networks::create(engine, call).await,
        ("GET", [reference]) => networks::inspect(engine, reference).await,
        ("DELETE", [reference]) => networks::remove(engine, reference).await,
        ("POST", [reference, "connect"]) => networks::connect(engine, call, reference).await,
        ("POST", [reference, "disconnect"]) => networks::disconnect(engine, call, reference).await,
        _ => not_found(),
    }
}

async fn volume_route(engine: &SimEngine, call: &Call, path: &[&str]) -> Outcome {
    match (call.method.as_str(), path) {
        ("GET", [] | [""]) => volumes::list(engine, call).await,
        ("POST", ["create"]) => volumes::create(engine, call).await,
        ("GET", [name]) => volumes::inspect(engine, name),
        ("DELETE", [name]) => volumes::remove(engine, call, name).await,
        _ => not_found(),
    }
}
