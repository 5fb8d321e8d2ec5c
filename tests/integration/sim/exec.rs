//! Commands run inside containers.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::container::Phase;
use super::engine::SimEngine;
use super::health;
use super::latency::Op;
use super::request::{ApiError, Call, Outcome, Piece, Reply};
use super::script::{ExecOutcome, LogStream, Verdict};
use super::world::{World, string_list};

/// Where an exec is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Made,
    Running,
    Ended(i64),
}

/// A command inside a container.
#[derive(Debug, Clone)]
pub(crate) struct Exec {
    /// Id of the container.
    pub(crate) container: String,
    words: Vec<String>,
    stage: Stage,
    tty: bool,
    pid: u64,
}

/// A frame of the multiplexed stream: type, three zeros, length, text.
pub(crate) fn frame(stream: LogStream, text: &str) -> Bytes {
    let mut bytes = BytesMut::with_capacity(8 + text.len());
    bytes.put_u8(if stream == LogStream::Stdout { 1 } else { 2 });
    bytes.put_slice(&[0, 0, 0]);
    bytes.put_u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
    bytes.put_slice(text.as_bytes());
    bytes.freeze()
}

impl World {
    fn may_exec(&self, reference: &str) -> Result<String, ApiError> {
        let container = self.container(reference)?;
        let id = container.id.clone();
        match container.phase {
            Phase::Running => Ok(id),
            Phase::Paused => {
                let text =
                    format!("Container {reference} is paused, unpause the container before exec");
                Err(ApiError::new(409, text))
            }
            Phase::Restarting => {
                let text =
                    format!("Container {id} is restarting, wait until the container is running");
                Err(ApiError::new(409, text))
            }
            _ => Err(ApiError::new(409, format!("Container {id} is not running"))),
        }
    }

    /// What a command does: by script; the health command as the application feels; else 0.
    fn exec_outcome(&self, exec: &Exec) -> ExecOutcome {
        let Some(container) = self.containers.get(&exec.container) else {
            return ExecOutcome::exit(137, "");
        };
        let script = self.scripts.of(container);
        if let Some(outcome) = script.exec_outcome(&exec.words.join(" ")) {
            return outcome;
        }
        if health::test_command(container).as_ref() != Some(&exec.words) {
            return ExecOutcome::exit(0, "");
        }
        let takes = Some(script.probe_takes);
        match self.verdict(&exec.container) {
            Verdict::Pass => ExecOutcome { takes, ..ExecOutcome::exit(0, "") },
            Verdict::Fail(code, output) => {
                ExecOutcome { takes, ..ExecOutcome::exit(code, &output) }
            }
            Verdict::Hang => ExecOutcome::hang(),
        }
    }
}

/// `POST /containers/{id}/exec`
pub(crate) async fn create(engine: &SimEngine, call: &Call, reference: &str) -> Outcome {
    let body = call.json()?;
    engine.latency(Op::Other).await;
    let words = string_list(body.get("Cmd"));
    if words.is_empty() {
        return Err(ApiError::new(400, "No exec command specified"));
    }
    let tty = body.get("Tty").and_then(Value::as_bool).unwrap_or(false);
    let id = engine.with(|world| {
        let container = world.may_exec(reference)?;
        let id = world.ids.fresh("exec");
        let action = format!("exec_create: {}", words.join(" "));
        world.container_event(&container, &action, &[("execID", id.clone())]);
        let exec = Exec { container, words, stage: Stage::Made, tty, pid: 0 };
        world.execs.insert(id.clone(), exec);
        Ok(id)
    })?;
    Ok(Reply::json(201, &json!({"Id": id})))
}

/// `POST /exec/{id}/start`
pub(crate) async fn start(engine: &SimEngine, call: &Call, id: &str) -> Outcome {
    let body = call.json()?;
    let detach = body.get("Detach").and_then(Value::as_bool).unwrap_or(false);
    engine.latency(Op::Other).await;
    let (exec, outcome) = engine.with(|world| begin(world, id))?;
    let (sender, receiver) = mpsc::channel(16);
    let work = run(engine.clone(), id.to_owned(), exec, outcome, sender);
    drop(tokio::spawn(work));
    if detach {
        return Ok(Reply::empty(200));
    }
    if call.headers.contains_key(http::header::UPGRADE) {
        return Ok(Reply::Upgraded(receiver));
    }
    Ok(Reply::Stream("application/vnd.docker.raw-stream", receiver))
}

fn begin(world: &mut World, id: &str) -> Result<(Exec, ExecOutcome), ApiError> {
    let missing = || ApiError::new(404, format!("No such exec instance: {id}"));
    let exec = world.execs.get(id).cloned().ok_or_else(missing)?;
    world.may_exec(&exec.container)?;
    if exec.stage != Stage::Made {
        let text = format!("Error: Exec command {id} has already run");
        return Err(ApiError::new(409, text));
    }
    let outcome = world.exec_outcome(&exec);
    world.next_pid += 1;
    let pid = world.next_pid;
    if let Some(stored) = world.execs.get_mut(id) {
        stored.stage = Stage::Running;
        stored.pid = pid;
    }
    let action = format!("exec_start: {}", exec.words.join(" "));
    world.container_event(&exec.container, &action, &[("execID", id.to_owned())]);
    Ok((exec, outcome))
}

/// Runs to the end, or until the container's process ends and takes the command with it.
async fn run(
    engine: SimEngine,
    id: String,
    exec: Exec,
    outcome: ExecOutcome,
    out: mpsc::Sender<Piece>,
) {
    let killed = async {
        let followed = engine.with(|world| {
            let container = world.containers.get(&exec.container)?;
            Some((container.run, container.changed.subscribe()))
        });
        let Some((run, mut changed)) = followed else {
            return;
        };
        let alive = || {
            engine.with(|world| {
                let container = world.containers.get(&exec.container);
                container.is_some_and(|it| it.run == run && it.phase.has_process())
            })
        };
        while alive() && changed.changed().await.is_ok() {}
    };
    let ended = tokio::select! {
        biased;
        () = killed => None,
        () = sleep_or_for_ever(outcome.takes) => Some(outcome.code),
    };
    for (stream, text) in
        [(LogStream::Stdout, &outcome.stdout), (LogStream::Stderr, &outcome.stderr)]
    {
        if ended.is_some() && !text.is_empty() {
            let bytes = if exec.tty { Bytes::from(text.clone()) } else { frame(stream, text) };
            // Nobody may be listening: a detached exec.
            drop(out.try_send(Piece::Data(bytes)));
        }
    }
    engine.awake().await;
    engine.with(|world| {
        let code = ended.unwrap_or(137);
        if let Some(stored) = world.execs.get_mut(&id) {
            stored.stage = Stage::Ended(code);
        }
        let extra = [("execID", id.clone()), ("exitCode", code.to_string())];
        world.container_event(&exec.container, "exec_die", &extra);
    });
}

async fn sleep_or_for_ever(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

/// `GET /exec/{id}/json`
pub(crate) fn inspect(engine: &SimEngine, id: &str) -> Outcome {
    let missing = || ApiError::new(404, format!("No such exec instance: {id}"));
    let exec = engine.with(|world| world.execs.get(id).cloned()).ok_or_else(missing)?;
    let code = match exec.stage {
        Stage::Ended(code) => Some(code),
        Stage::Made | Stage::Running => None,
    };
    let (entry, arguments) = exec
        .words
        .split_first()
        .map_or(("", Vec::new()), |(head, tail)| (head.as_str(), tail.to_vec()));
    let answer = json!({
        "ID": id,
        "Running": exec.stage == Stage::Running,
        "ExitCode": code,
        "ProcessConfig": {
            "tty": exec.tty, "entrypoint": entry, "arguments": arguments, "privileged": false,
        },
        "OpenStdin": false,
        "OpenStderr": true,
        "OpenStdout": true,
        "CanRemove": false,
        "ContainerID": exec.container,
        "DetachKeys": "",
        "Pid": exec.pid,
    });
    Ok(Reply::json(200, &answer))
}
