//! A sequence on the simulated engine, with time to come to rest after every call.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use serde_json::{Map, Value};

use super::mutants::Mutant;
use super::seen::{Seen, event, hide, looks};
use super::sequence::{Names, Op, Request, SHAPE_LABEL, Shape};
use crate::sim::{AppScript, ImageSpec, ScriptKey, SimEngine, SimOptions, StartFailure};
use crate::support_real::host::IMAGE;

/// More than anything takes that was begun: the longest is a stop of 1 s.
const REST: Duration = Duration::from_secs(5);

/// What can be seen after every call, from nothing, with `mutant` wrong in the engine.
pub(super) fn simulate(sequence: &[Op], names: &Names, mutant: Option<Mutant>) -> Vec<Seen> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut side = Side::new(names, mutant);
        let mut all = Vec::new();
        for op in sequence {
            all.push(side.take(op).await);
        }
        all
    })
}

struct Side<'a> {
    engine: SimEngine,
    names: &'a Names,
    mutant: Option<Mutant>,
    told: u64,
}

impl<'a> Side<'a> {
    fn new(names: &'a Names, mutant: Option<Mutant>) -> Self {
        let engine = SimEngine::new(SimOptions::default());
        engine.add_image(IMAGE, &ImageSpec::new("busybox"));
        for shape in Shape::ALL {
            engine.script(ScriptKey::Label(SHAPE_LABEL.to_owned(), shape.word()), script(shape));
        }
        Self { engine, names, mutant, told: 0 }
    }

    async fn take(&mut self, op: &Op) -> Seen {
        let request = op.request(self.names);
        let (mut status, body) = match self.mutant {
            Some(mutant) if mutant.swallows(op) => (204, Value::Null),
            _ => self.call(&request).await,
        };
        if let Some(mutant) = self.mutant {
            status = mutant.status(status);
        }
        tokio::time::sleep(REST).await;
        let message = body["message"].as_str().unwrap_or_default();
        let message = hide(message);
        let world = self.world().await;
        Seen { status, message, world, events: self.events() }
    }

    async fn call(&self, request: &Request) -> (u16, Value) {
        let body = request.body.as_ref().map(Value::to_string).unwrap_or_default();
        let body = http_body_util::Either::Left(Full::new(Bytes::from(body)));
        let uri = format!("http://docker/v1.41{}", request.path);
        let made = http::Request::builder().method(request.method).uri(uri);
        let response = self.engine.transport()(made.body(body).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    async fn find(&self, path: String) -> Option<Value> {
        let (status, body) = self.call(&Request { method: "GET", path, body: None }).await;
        (status == 200).then_some(body)
    }

    async fn world(&self) -> Value {
        let mut world = Map::new();
        for look in looks(self.names) {
            let Some(mut found) = self.find(look.path).await else { continue };
            if let Some(mutant) = self.mutant {
                mutant.inspected(&mut found);
            }
            world.insert(look.name, (look.picture)(&found));
        }
        Value::Object(world)
    }

    /// What was told since the call before.
    fn events(&mut self) -> BTreeMap<String, Vec<String>> {
        let (lines, told) = self.engine.events_after(self.told);
        self.told = told;
        let mut events: BTreeMap<String, Vec<String>> = BTreeMap::new();
        // Others than those of the sequence, such as of its predefined networks, are not told on the real side.
        let ours = |(what, _): &(String, String)| what.contains(&self.names.0);
        for (what, text) in lines.iter().filter_map(event).filter(ours) {
            let times = self.mutant.map_or(1, |mutant| mutant.times_told(&text));
            events.entry(what).or_default().extend(std::iter::repeat_n(text, times));
        }
        events.retain(|_, told| !told.is_empty());
        events
    }
}

fn script(shape: Shape) -> AppScript {
    match shape {
        // Of the first process the kernel keeps away every signal that it does not listen to.
        Shape::Obeys => AppScript::forever(),
        Shape::Deaf => AppScript::forever().ignores_stop(),
        Shape::Ends(code) => AppScript::exits(Duration::from_millis(20), code.into()),
        Shape::Missing => {
            AppScript::forever().fails_to_start(StartFailure::CommandNotFound, u32::MAX)
        }
    }
}
