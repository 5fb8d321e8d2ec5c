//! A bar on the terminal for each long call that runs.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::model::event::{Event, EventKind};
use crate::model::operation::OperationSubject;
use crate::telemetry::log::subject_text;

/// How often a bar moves although nothing is reported.
const TICK: Duration = Duration::from_millis(120);

/// The bars. They are drawn on standard error, and not at all when that is no terminal.
#[derive(Debug)]
pub struct Progress {
    all: MultiProgress,
    bars: BTreeMap<OperationSubject, ProgressBar>,
}

impl Progress {
    /// No bars yet; they are drawn below whatever goes through `all`.
    pub fn new(all: MultiProgress) -> Self {
        Self { all, bars: BTreeMap::new() }
    }

    /// Moves the bar that the event is about. Other events are let pass.
    pub fn show(&mut self, event: &Event) -> Shown {
        match &event.kind {
            EventKind::Progress { subject, kind, line } => {
                let bar = self.bars.entry(subject.clone());
                let bar = bar.or_insert_with(|| self.all.add(spinner(kind, subject)));
                bar.set_message(line.clone());
                Shown::AsBar
            }
            EventKind::OperationEnded { subject, .. } => {
                if let Some(bar) = self.bars.remove(subject) {
                    bar.finish_and_clear();
                }
                Shown::No
            }
            _ => Shown::No,
        }
    }
}

/// Whether an event was shown as a bar, so that it needs no line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// It was.
    AsBar,
    /// It was not.
    No,
}

fn spinner(kind: &str, subject: &OperationSubject) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {prefix} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = ProgressBar::new_spinner().with_style(style);
    bar.set_prefix(format!("{kind} {}", subject_text(subject)));
    bar.enable_steady_tick(TICK);
    bar
}
