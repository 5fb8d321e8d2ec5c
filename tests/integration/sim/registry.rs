//! The registry behind pulls, by script.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use composelet::model::outcome::{Failure, FailureClass};
use composelet::model::time::Timestamp;
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::engine::SimEngine;
use super::images::{ImageSpec, familiar, repository};
use super::request::{ApiError, Call, Outcome, Piece, Reply};
use super::world::World;

/// What the registry does when asked for one reference.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Offer {
    /// The image.
    Image(ImageSpec),
    /// The image, for this user and password only; everybody else gets 404 "denied".
    Private(ImageSpec, String, String),
    /// 404: the repository is there, the tag is not.
    NoManifest,
    /// An error with this status before the stream begins, such as 500 for an unreachable host.
    Error(u16, String),
    /// The stream begins with status 200, and an error comes in it.
    ErrorInStream(String),
    /// The stream begins and stands still for ever.
    Stall,
}

/// All scripted references. What is not here is 404 "denied", as Docker Hub answers.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    offers: BTreeMap<String, (Offer, Duration)>,
    /// When the image of a digest was made.
    made: BTreeMap<String, Timestamp>,
    unreachable: bool,
    pulls: BTreeMap<String, u64>,
}

impl Registry {
    /// Sets what a reference gives, and how long that takes.
    pub(crate) fn offer(&mut self, reference: &str, offer: Offer, takes: Duration) {
        if let Offer::Image(spec) = &offer {
            // What was pushed once stays under its digest, whatever its tag means later.
            let by_digest = format!("{}@{}", repository(reference), spec.digest());
            self.offers.insert(familiar(&by_digest), (offer.clone(), takes));
        }
        self.offers.insert(familiar(reference), (offer, takes));
    }

    /// Sets when an image was made.
    pub(crate) fn made(&mut self, spec: &ImageSpec, at: Timestamp) {
        self.made.insert(spec.digest(), at);
    }

    /// Cuts the network to all registries, or mends it.
    pub(crate) fn set_unreachable(&mut self, unreachable: bool) {
        self.unreachable = unreachable;
    }

    /// How often a reference was pulled or tried.
    pub(crate) fn pulls(&self, reference: &str) -> u64 {
        self.pulls.get(&familiar(reference)).copied().unwrap_or(0)
    }

    fn look_up(&self, reference: &str, call: &Call) -> Result<(Offer, Duration), ApiError> {
        if self.unreachable {
            let text = "Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host";
            return Err(ApiError::new(500, text));
        }
        let denied = || {
            let name = repository(reference);
            let text = format!(
                "pull access denied for {name}, repository does not exist or may require 'docker login': denied: requested access to the resource is denied"
            );
            ApiError::new(404, text)
        };
        let (offer, takes) = self.offers.get(reference).cloned().ok_or_else(denied)?;
        match offer {
            Offer::Private(image, user, password) => {
                let login = credentials(call);
                let known = login == Some((user, password));
                if known { Ok((Offer::Image(image), takes)) } else { Err(denied()) }
            }
            Offer::NoManifest => {
                let text = format!(
                    "manifest for {reference} not found: manifest unknown: manifest unknown"
                );
                Err(ApiError::new(404, text))
            }
            Offer::Error(status, text) => Err(ApiError::new(status, text)),
            other => Ok((other, takes)),
        }
    }
}

/// User and password from `X-Registry-Auth`. As engine 20.10, only the URL-safe alphabet is read;
/// anything else counts as no login.
fn credentials(call: &Call) -> Option<(String, String)> {
    let header = call.headers.get("x-registry-auth")?.to_str().ok()?;
    let login: Value = serde_json::from_slice(&base64_url(header)?).ok()?;
    let text = |key: &str| login.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
    Some((text("username"), text("password")))
}

fn base64_url(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = Vec::new();
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in text.trim_end_matches('=').bytes() {
        let value = ALPHABET.iter().position(|known| *known == byte)?;
        bits = (bits << 6) | u32::try_from(value).ok()?;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from((bits >> held) & 0xff).ok()?);
        }
    }
    Some(out)
}

/// A JSON line of a stream.
pub(crate) fn line(value: &Value) -> Piece {
    Piece::Data(Bytes::from(format!("{value}\r\n")))
}

/// An error inside a stream.
pub(crate) fn error_line(code: i64, text: &str) -> Piece {
    line(&json!({"errorDetail": {"code": code, "message": text}, "error": text}))
}

/// `POST /images/create`
pub(crate) fn pull(engine: &SimEngine, call: &Call) -> Outcome {
    let image = call.param("fromImage");
    if image.is_empty() {
        return Err(ApiError::new(500, "the simulated engine imports no tar files"));
    }
    let reference = match call.param("tag") {
        "" => image.to_owned(),
        digest if digest.contains(':') => format!("{image}@{digest}"),
        tag => format!("{image}:{tag}"),
    };
    let reference = familiar(&reference);
    let (offer, takes) = engine.with(|world| {
        *world.registry.pulls.entry(reference.clone()).or_default() += 1;
        world.registry.look_up(&reference, call)
    })?;
    let (sender, receiver) = mpsc::channel(64);
    let work = pull_stream(engine.clone(), reference, offer, takes, sender.clone());
    let born = engine.life().borrow().incarnation;
    let work = engine.while_alive(born, work);
    drop(tokio::spawn(async move {
        // A pull is given up when the client leaves.
        tokio::select! {
            biased;
            () = sender.closed() => {}
            _ = work => {}
        }
    }));
    Ok(Reply::Stream("application/json", receiver))
}

async fn pull_stream(
    engine: SimEngine,
    reference: String,
    offer: Offer,
    takes: Duration,
    out: mpsc::Sender<Piece>,
) {
    let tag = reference.rsplit(':').next().unwrap_or("latest").to_owned();
    let name = repository(&reference);
    let first = json!({"status": format!("Pulling from {name}"), "id": tag});
    // The reader's going away ends this task from outside.
    drop(out.send(line(&first)).await);
    let spec = match offer {
        Offer::Image(spec) => spec,
        Offer::Stall => std::future::pending().await,
        Offer::ErrorInStream(text) => {
            tokio::time::sleep(takes).await;
            drop(out.send(error_line(0, &text)).await);
            return;
        }
        _ => return,
    };
    let layer = spec.digest().get(7..19).unwrap_or("").to_owned();
    let begin = json!({"status": "Pulling fs layer", "progressDetail": {}, "id": layer});
    drop(out.send(line(&begin)).await);
    tokio::time::sleep(takes).await;
    engine.awake().await;
    let done = json!({"status": "Pull complete", "progressDetail": {}, "id": layer});
    drop(out.send(line(&done)).await);
    let known = engine.with(|world| world.take_image(&reference, &spec));
    let word = if known { "Image is up to date" } else { "Downloaded newer image" };
    let digest = json!({"status": format!("Digest: {}", spec.digest())});
    drop(out.send(line(&digest)).await);
    let status = json!({"status": format!("Status: {word} for {reference}")});
    drop(out.send(line(&status)).await);
}

impl World {
    /// Stores a pulled image. Returns whether the tag pointed at it already.
    fn take_image(&mut self, reference: &str, spec: &ImageSpec) -> bool {
        let known = self.images.find(reference).is_some_and(|image| image.id == spec.id());
        let created = self.clock.stamp();
        self.images.store(spec, created);
        if !reference.contains('@') {
            self.images.tag(reference, &spec.id());
        }
        self.images.remember_digest(reference, spec);
        self.image_event("pull", reference, &repository(reference));
        known
    }
}

impl Registry {
    fn is_reachable(&self) -> Result<(), Failure> {
        let message = "Get \"https://reg.test/v2/\": dial tcp: no such host".to_owned();
        if self.unreachable {
            return Err(Failure { class: FailureClass::Unreachable, message });
        }
        Ok(())
    }

    fn tags_of(&self, name: &str) -> Vec<String> {
        let own = self.offers.keys().filter_map(|known| known.strip_prefix(name));
        own.filter_map(|rest| rest.strip_prefix(':').map(str::to_owned)).collect()
    }
}

impl composelet::engine::Registry for SimEngine {
    fn tags<'a>(&'a self, repository: &'a str) -> BoxFuture<'a, Result<Vec<String>, Failure>> {
        let found = self.with(|world| {
            let registry = &world.registry;
            registry.is_reachable().map(|()| registry.tags_of(repository))
        });
        ready(found).boxed()
    }

    fn created<'a>(
        &'a self,
        _repository: &'a str,
        digest: &'a str,
        _platform: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Option<Timestamp>, Failure>> {
        let found = self.with(|world| {
            let registry = &world.registry;
            registry.is_reachable().map(|()| registry.made.get(digest).copied())
        });
        ready(found).boxed()
    }
}

/// `GET /distribution/{name}/json`
pub(crate) async fn distribution(engine: &SimEngine, call: &Call, name: &str) -> Outcome {
    let reference = familiar(name);
    let (offer, takes) = engine.with(|world| world.registry.look_up(&reference, call))?;
    tokio::time::sleep(takes).await;
    let Offer::Image(spec) = offer else {
        return Err(ApiError::new(500, "the registry gave no manifest"));
    };
    let media = "application/vnd.docker.distribution.manifest.v2+json";
    let answer = json!({
        "Descriptor": {"mediaType": media, "digest": spec.digest(), "size": 1000},
        "Platforms": [{"architecture": "amd64", "os": "linux"}],
    });
    Ok(Reply::json(200, &answer))
}
