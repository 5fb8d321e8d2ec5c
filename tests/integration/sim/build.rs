//! `POST /build`: the classic builder, without running anything.
//!
//! An image's id follows from the files of the context, the Dockerfile, the arguments, the target
//! and the labels: the same context gives the same image.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::dockerfile::{Instruction, configure, has_stage, parse, shell_words};
use super::engine::SimEngine;
use super::faults::glob;
use super::images::{ImageSpec, empty_config, familiar, member};
use super::random::{sha256_hex, short};
use super::registry::{error_line, line};
use super::request::{ApiError, Call, Outcome, Piece, Reply};
use super::world::{string_list, string_map};

/// What builds with a tag do beyond the ordinary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BuildScript {
    /// Takes this long.
    Takes(Duration),
    /// A `RUN` fails inside the 200 stream with this code after this time.
    RunFails(i64, Duration),
    /// The stream begins and stands still for ever.
    Stall,
}

/// Scripts by tag pattern, and a count.
#[derive(Debug, Default)]
pub(crate) struct Builds {
    scripts: Vec<(String, BuildScript)>,
    count: u64,
    /// Bytes of the cache.
    cache: u64,
}

impl Builds {
    /// Sets what builds do whose tag fits the pattern (`*` for any characters). The latest wins.
    pub(crate) fn script(&mut self, tag: &str, script: BuildScript) {
        self.scripts.insert(0, (tag.to_owned(), script));
    }

    /// Sets the size of the cache in bytes.
    pub(crate) fn set_cache(&mut self, bytes: u64) {
        self.cache = bytes;
    }

    /// Its size.
    pub(crate) fn cache(&self) -> u64 {
        self.cache
    }

    /// Builds begun so far.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    fn of(&self, tags: &[String]) -> BuildScript {
        let fits = |pattern: &str| tags.iter().any(|tag| glob(pattern, tag));
        let found = self.scripts.iter().find(|(pattern, _)| fits(pattern));
        found.map_or(BuildScript::Takes(Duration::ZERO), |(_, script)| script.clone())
    }
}

/// `POST /build/prune`
#[expect(clippy::unnecessary_wraps, reason = "as every route")]
pub(crate) fn prune(engine: &SimEngine, call: &Call) -> Outcome {
    let keep: u64 = call.param("keep-storage").parse().unwrap_or_default();
    let freed = engine.with(|world| {
        let before = world.builds.cache;
        world.builds.cache = before.min(keep);
        before - world.builds.cache
    });
    Ok(Reply::json(200, &json!({ "CachesDeleted": [], "SpaceReclaimed": freed })))
}

/// The files of a context: path to mode and content.
type Context = BTreeMap<String, (u32, Vec<u8>)>;

fn read_context(tar: &[u8]) -> Result<Context, ApiError> {
    let broken =
        |error: std::io::Error| ApiError::new(500, format!("Error processing tar file: {error}"));
    let mut files = Context::new();
    for entry in tar::Archive::new(tar).entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let path = entry.path().map_err(broken)?.to_string_lossy().into_owned();
        let path = path.trim_start_matches("./").trim_end_matches('/').to_owned();
        let mode = entry.header().mode().map_err(broken)?;
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(broken)?;
        if !path.is_empty() {
            files.insert(path, (mode, content));
        }
    }
    Ok(files)
}

/// What a request asks for.
struct Order {
    instructions: Vec<Instruction>,
    arguments: BTreeMap<String, String>,
    target: String,
    tags: Vec<String>,
    labels: Value,
    digest: String,
}

impl Order {
    fn read(call: &Call) -> Result<Self, ApiError> {
        let context = read_context(&call.body)?;
        let name = match call.param("dockerfile") {
            "" => "Dockerfile",
            name => name.trim_start_matches("./"),
        };
        let Some((_, text)) = context.get(name) else {
            let text = format!("Cannot locate specified Dockerfile: {name}");
            return Err(ApiError::new(500, text));
        };
        let text = String::from_utf8_lossy(text).into_owned();
        let parameter =
            |key: &str| serde_json::from_str::<Value>(call.param(key)).unwrap_or(Value::Null);
        let arguments = string_map(Some(&parameter("buildargs")));
        let target = call.param("target").to_owned();
        let mut parts: Vec<Vec<u8>> = vec![target.clone().into_bytes()];
        for (path, (mode, content)) in &context {
            parts.push(path.clone().into_bytes());
            parts.push(mode.to_be_bytes().to_vec());
            parts.push(content.clone());
        }
        parts.extend(arguments.iter().map(|(key, value)| format!("{key}={value}").into_bytes()));
        let digest = sha256_hex(parts.iter().map(Vec::as_slice));
        let tags = call.query.get("t").cloned().unwrap_or_default();
        let tags = tags.iter().filter(|tag| !tag.is_empty()).map(|tag| familiar(tag)).collect();
        let instructions = parse(&text).map_err(|error| ApiError::new(400, error))?;
        if !target.is_empty() && !has_stage(&instructions, &target) {
            let text = format!("failed to reach build target {target} in Dockerfile");
            return Err(ApiError::new(400, text));
        }
        let labels = parameter("labels");
        Ok(Self { instructions, arguments, target, tags, labels, digest })
    }
}

/// Builds an image from a tar of the context.
pub(crate) fn build(engine: &SimEngine, call: &Call) -> Outcome {
    let order = Order::read(call)?;
    let script = engine.with(|world| {
        world.builds.count += 1;
        world.builds.of(&order.tags)
    });
    let (sender, receiver) = mpsc::channel(256);
    let born = engine.life().borrow().incarnation;
    let work = engine.while_alive(born, run(engine.clone(), order, script, sender.clone()));
    drop(tokio::spawn(async move {
        // A build is given up when the client leaves.
        tokio::select! {
            biased;
            () = sender.closed() => {}
            _ = work => {}
        }
    }));
    Ok(Reply::Stream("application/json", receiver))
}

/// The reader's going away ends the task from outside, so a failed send needs no care here.
async fn say(out: &mpsc::Sender<Piece>, text: &str) {
    drop(out.send(line(&json!({"stream": text}))).await);
}

async fn run(engine: SimEngine, order: Order, script: BuildScript, out: mpsc::Sender<Piece>) {
    let steps = order.instructions.len();
    for (index, step) in order.instructions.iter().enumerate() {
        say(&out, &format!("Step {}/{steps} : {}", index + 1, step.text)).await;
        say(&out, "\n").await;
    }
    match script {
        BuildScript::Takes(time) => tokio::time::sleep(time).await,
        BuildScript::Stall => std::future::pending().await,
        BuildScript::RunFails(code, time) => {
            tokio::time::sleep(time).await;
            let command = order.instructions.iter().find(|step| step.word == "RUN");
            let words = command.map_or(json!(["/bin/sh"]), |step| shell_words(&step.rest));
            let words = string_list(Some(&words)).join(" ");
            let text = format!("The command '{words}' returned a non-zero code: {code}");
            drop(out.send(error_line(code, &text)).await);
            return;
        }
    }
    engine.awake().await;
    match finish(&engine, &order) {
        Ok(id) => {
            drop(out.send(line(&json!({"aux": {"ID": id}}))).await);
            let digits = short(id.strip_prefix("sha256:").unwrap_or(&id));
            say(&out, &format!("Successfully built {digits}\n")).await;
            for tag in &order.tags {
                say(&out, &format!("Successfully tagged {tag}\n")).await;
            }
        }
        Err(text) => {
            drop(out.send(error_line(1, &text)).await);
        }
    }
}

/// Works out the configuration, stores and tags the image.
fn finish(engine: &SimEngine, order: &Order) -> Result<String, String> {
    engine.with(|world| {
        if world.host.disk_full {
            return Err("write /var/lib/docker/tmp: no space left on device".to_owned());
        }
        let base = |reference: &str| match reference {
            "scratch" => Some(empty_config()),
            other => world.images.find(other).map(|image| image.config.clone()),
        };
        let mut config = configure(&order.instructions, &order.arguments, &order.target, base)?;
        for (key, value) in order.labels.as_object().into_iter().flatten() {
            member(&mut config, "Labels", key, value.clone());
        }
        let spec = ImageSpec::with_config(&order.digest, config);
        let created = world.clock.stamp();
        world.images.store(&spec, created);
        for tag in &order.tags {
            world.images.tag(tag, &spec.id());
            world.image_event("tag", &spec.id(), tag);
        }
        Ok(spec.id())
    })
}
