//! `logs --follow`: what is written from now on, also by containers that are replaced or come later.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::StreamExt;
use tokio::sync::mpsc::{Sender, channel};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::cli::exit::{CliError, Outcome};
use crate::cli::log_merge::Window;
use crate::cli::log_print::{Printer, Writer};
use crate::cli::logs::{Read, Selection};
use crate::engine::{Engine, EngineEvent};
use crate::model::id::ContainerId;
use crate::model::log::{ListedContainer, LogLine, LogQuery};
use crate::model::outcome::{Failure, FailureClass};

/// How often lines are let out.
const TICK: Duration = Duration::from_millis(50);
/// Least time between two lists: a container that ends at once must not make many.
const LIST_EVERY: Duration = Duration::from_millis(300);
/// Lines on their way from the readers; beyond it they wait, and the engine with them.
const BUFFER: usize = 1024;

/// What a reader tells.
enum Heard {
    Line(LogLine),
    Ended(Option<Failure>),
}

/// Follows the logs of a selection.
pub(super) struct Follower {
    engine: Engine,
    selection: Selection,
    since_ns: Option<i64>,
    read: Read,
    attached: BTreeSet<ContainerId>,
    writers: BTreeMap<ContainerId, Writer>,
    window: Window<ContainerId>,
    begun: Instant,
}

impl Follower {
    /// Goes on after what was read. Of a container that wrote nothing yet, nothing before `since_ns`.
    pub(super) fn new(
        engine: &Engine,
        selection: Selection,
        since_ns: Option<i64>,
        read: Read,
    ) -> Self {
        Self {
            engine: engine.clone(),
            selection,
            since_ns,
            read,
            attached: BTreeSet::new(),
            writers: BTreeMap::new(),
            window: Window::default(),
            begun: Instant::now(),
        }
    }

    /// Prints until nobody reads any more.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub(super) async fn run(mut self, printer: &mut Printer) -> Result<Outcome, CliError> {
        let (sender, mut heard) = channel(BUFFER);
        // Its first word is that everything must be listed.
        let mut events = self.engine.events();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut look_at: Option<Instant> = None;
        let mut looked = self.begun.checked_sub(LIST_EVERY).unwrap_or(self.begun);
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(event) if self.matters(&event) => look_at = look_at.or(Some(looked + LIST_EVERY)),
                    Some(_) => {}
                    None => return Ok(Outcome::Done),
                },
                told = heard.recv() => if self.hear(told, printer) {
                    look_at = look_at.or(Some(looked + LIST_EVERY));
                },
                _ = ticks.tick() => {
                    if !self.print(printer)? {
                        return Ok(Outcome::Done);
                    }
                    if look_at.is_some_and(|at| at <= Instant::now()) {
                        (look_at, looked) = (None, Instant::now());
                        self.attach(&sender, printer).await;
                    }
                }
            }
        }
    }

    /// Whether there may be a log that is not followed yet.
    fn matters(&self, event: &EngineEvent) -> bool {
        match event {
            EngineEvent::Gap => true,
            EngineEvent::Container { id, action, .. } => {
                action == "start" || (action == "create" && !self.read.last_ns.contains_key(id))
            }
            EngineEvent::Other { .. } | EngineEvent::Lost(_) => false,
        }
    }

    /// Follows what is meant and not followed yet.
    async fn attach(&mut self, sender: &Sender<(ContainerId, Heard)>, printer: &mut Printer) {
        // The stream of events says when the engine is back.
        let Ok(listed) = self.engine.listed().await else { return };
        let meant = |one: &&ListedContainer| self.selection.takes(one);
        let meant: Vec<ListedContainer> = listed.iter().filter(meant).cloned().collect();
        for one in &meant {
            let idle = self.read.last_ns.contains_key(&one.id) && !one.alive;
            if idle || self.attached.contains(&one.id) || self.read.unreadable.contains(&one.id) {
                continue;
            }
            self.follow(one, sender, printer);
        }
    }

    fn follow(
        &mut self,
        one: &ListedContainer,
        sender: &Sender<(ContainerId, Heard)>,
        printer: &mut Printer,
    ) {
        let writer = self.selection.writer(one);
        printer.meet(&writer);
        self.writers.insert(one.id.clone(), writer);
        self.attached.insert(one.id.clone());
        let since_ns = match self.read.last_ns.get(&one.id) {
            Some(Some(last_ns)) => Some(last_ns.saturating_add(1)),
            Some(None) => self.since_ns,
            None => None,
        };
        self.read.last_ns.entry(one.id.clone()).or_insert(None);
        let query = LogQuery { follow: true, since_ns, until_ns: None, tail: None };
        let (engine, id, sender) = (self.engine.clone(), one.id.clone(), sender.clone());
        tokio::spawn(async move { read(&engine, id, query, &sender).await });
    }

    /// Takes what a reader tells; says whether its log may go on.
    fn hear(&mut self, told: Option<(ContainerId, Heard)>, printer: &mut Printer) -> bool {
        match told {
            Some((id, Heard::Line(line))) => {
                self.read.last_ns.insert(id.clone(), Some(line.at_ns));
                self.window.push(self.begun.elapsed(), id, line);
                false
            }
            Some((id, Heard::Ended(failure))) => {
                self.attached.remove(&id);
                let readable = failure.as_ref().is_none_or(|failure| {
                    matches!(failure.class, FailureClass::NotFound | FailureClass::Unreachable)
                });
                if let (false, Some(failure), Some(writer)) =
                    (readable, &failure, self.writers.get(&id))
                {
                    printer.complain(writer, failure);
                    self.read.unreadable.insert(id);
                }
                readable
            }
            None => false,
        }
    }

    fn print(&mut self, printer: &mut Printer) -> Result<bool, CliError> {
        for (id, line) in self.window.ripe(self.begun.elapsed()) {
            if let Some(writer) = self.writers.get(&id)
                && !printer.line(writer, &line)?
            {
                return Ok(false);
            }
        }
        printer.flush()
    }
}

/// Reads one log until its end.
async fn read(
    engine: &Engine,
    id: ContainerId,
    query: LogQuery,
    sender: &Sender<(ContainerId, Heard)>,
) {
    let failure = match engine.logs(&id, &query).await {
        Err(failure) => Some(failure),
        Ok(mut lines) => loop {
            let heard = match lines.next().await {
                None => break None,
                Some(Err(failure)) => break Some(failure),
                Some(Ok(line)) => Heard::Line(line),
            };
            if sender.send((id.clone(), heard)).await.is_err() {
                return;
            }
        },
    };
    drop(sender.send((id, Heard::Ended(failure))).await);
}
