//! Logs, files put in, and the calls about a running process.

use bytes::Bytes;
use serde_json::json;
use tokio::sync::mpsc;

use crate::sim::container::LogEntry;
use crate::sim::engine::SimEngine;
use crate::sim::exec::frame;
use crate::sim::latency::Op;
use crate::sim::request::{ApiError, Call, Outcome, Piece, Reply};
use crate::sim::script::LogStream;

/// What of a log is wanted.
#[derive(Debug, Clone)]
struct Wanted {
    stdout: bool,
    stderr: bool,
    timestamps: Timestamps,
    since: u64,
    tty: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Timestamps {
    Shown,
    Hidden,
}

impl Wanted {
    fn wants(&self, entry: &LogEntry) -> bool {
        let stream = match entry.stream {
            LogStream::Stdout => self.stdout,
            LogStream::Stderr => self.stderr,
        };
        stream && entry.stamp.seconds() >= self.since
    }

    fn bytes(&self, entry: &LogEntry) -> Bytes {
        let text = match self.timestamps {
            Timestamps::Shown => format!("{} {}\n", entry.stamp.rfc3339(), entry.text),
            Timestamps::Hidden => format!("{}\n", entry.text),
        };
        if self.tty { Bytes::from(text) } else { frame(entry.stream, &text) }
    }
}

/// `GET /containers/{id}/logs`
pub(crate) fn logs(engine: &SimEngine, call: &Call, reference: &str) -> Outcome {
    let (id, tty) = engine.with(|world| {
        let container = world.container(reference)?;
        let tty = container.config.get("Tty").and_then(serde_json::Value::as_bool);
        Ok((container.id.clone(), tty.unwrap_or(false)))
    })?;
    let wanted = Wanted {
        stdout: call.flag("stdout"),
        stderr: call.flag("stderr"),
        timestamps: if call.flag("timestamps") { Timestamps::Shown } else { Timestamps::Hidden },
        since: call.param("since").split('.').next().unwrap_or("").parse().unwrap_or(0),
        tty,
    };
    if !wanted.stdout && !wanted.stderr {
        let text = "Bad parameters: you must choose at least one stream";
        return Err(ApiError::new(400, text));
    }
    let tail: Option<usize> = call.param("tail").parse().ok();
    let (old, seen, changed) = engine.with(|world| {
        let container = world.container(&id)?;
        let old: Vec<Bytes> = container
            .log
            .iter()
            .filter(|entry| wanted.wants(entry))
            .map(|entry| wanted.bytes(entry))
            .collect();
        Ok((old, container.log.len(), container.changed.subscribe()))
    })?;
    let skipped = tail.map_or(0, |tail| old.len().saturating_sub(tail));
    let follow = call.flag("follow");
    let (sender, receiver) = mpsc::channel(64);
    let engine = engine.clone();
    drop(tokio::spawn(async move {
        for bytes in old.into_iter().skip(skipped) {
            if sender.send(Piece::Data(bytes)).await.is_err() {
                return;
            }
        }
        if follow {
            follow_log(engine, id, wanted, (seen, changed), sender).await;
        }
    }));
    Ok(Reply::Stream("application/vnd.docker.raw-stream", receiver))
}

async fn follow_log(
    engine: SimEngine,
    id: String,
    wanted: Wanted,
    (mut seen, mut changed): (usize, tokio::sync::watch::Receiver<u64>),
    sender: mpsc::Sender<Piece>,
) {
    loop {
        let found = engine.with(|world| {
            let container = world.containers.get(&id)?;
            let fresh = container.log.iter().skip(seen).filter(|entry| wanted.wants(entry));
            let fresh: Vec<Bytes> = fresh.map(|entry| wanted.bytes(entry)).collect();
            Some((fresh, container.log.len(), container.phase.is_running()))
        });
        let Some((fresh, length, running)) = found else {
            return;
        };
        seen = length;
        for bytes in fresh {
            if sender.send(Piece::Data(bytes)).await.is_err() {
                return;
            }
        }
        if !running {
            return;
        }
        tokio::select! {
            biased;
            () = sender.closed() => return,
            more = changed.changed() => if more.is_err() { return },
        }
    }
}

/// `PUT /containers/{id}/archive`: kept as it came; see `SimEngine::archives`.
pub(crate) async fn put_archive(engine: &SimEngine, call: &Call, reference: &str) -> Outcome {
    engine.latency(Op::Other).await;
    let path = call.param("path").to_owned();
    if path.is_empty() {
        return Err(ApiError::new(400, "Bad parameters: path cannot be empty"));
    }
    engine.with(|world| {
        let container = world.container_mut(reference)?;
        container.archives.push((path, call.body.to_vec()));
        Ok(Reply::empty(200))
    })
}

/// `GET /containers/{id}/top`
pub(crate) fn top(engine: &SimEngine, reference: &str) -> Outcome {
    let container = engine.with(|world| {
        let container = world.container(reference)?;
        Ok((container.id.clone(), container.pid, container.words().join(" ")))
    });
    let (id, pid, command) = container?;
    if pid == 0 {
        return Err(ApiError::new(409, format!("Container {id} is not running")));
    }
    let answer = json!({"Titles": ["PID", "CMD"], "Processes": [[pid.to_string(), command]]});
    Ok(Reply::json(200, &answer))
}

/// `GET /containers/{id}/stats`: one sample with plausible constants, whether streamed or not.
pub(crate) fn stats(engine: &SimEngine, _call: &Call, reference: &str) -> Outcome {
    let answer = engine.with(|world| {
        let container = world.container(reference)?;
        let limit = container.host_config.get("Memory").and_then(serde_json::Value::as_u64);
        let limit = limit.filter(|limit| *limit > 0).unwrap_or(8_589_934_592);
        Ok(json!({
            "read": world.clock.now().rfc3339(),
            "preread": world.clock.now().rfc3339(),
            "name": format!("/{}", container.name),
            "id": container.id,
            "memory_stats": {"usage": 16_777_216, "limit": limit},
            "pids_stats": {"current": i32::from(container.pid != 0)},
        }))
    })?;
    Ok(Reply::json(200, &answer))
}
