//! What `run` shows while it runs: lines for people with bars for long calls, or JSON records.

use std::io::IsTerminal;
use std::sync::Arc;

use indicatif::MultiProgress;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::cli::args::{LogFormat, LogLevel};
use crate::cli::exit::CliError;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::model::event::Event;
use crate::telemetry::{self, Console, Form, Level, Progress, Shown};

/// Where events go.
#[derive(Debug)]
pub(super) enum Sink {
    /// JSON records.
    Log(Level),
    /// Lines for people.
    Lines {
        /// Makes the lines.
        console: Console,
        /// Where they go.
        out: Output,
        /// Bars, on a terminal.
        bars: Option<Bars>,
        /// Least important level that is shown.
        level: Level,
    },
}

/// Bars, and what lines go through so that they stay below.
#[derive(Debug)]
pub(super) struct Bars {
    progress: Progress,
    all: MultiProgress,
}

impl Sink {
    /// As the settings say.
    pub(super) fn new(settings: &Settings, out: Output) -> Self {
        let level = level(settings.log_level);
        match settings.log_format {
            LogFormat::Json => Self::Log(level),
            LogFormat::Text => Self::Lines {
                console: Console::default(),
                out,
                bars: std::io::stderr().is_terminal().then(Bars::new),
                level,
            },
        }
    }

    fn take(&mut self, event: &Event) {
        match self {
            Self::Log(level) if telemetry::level_of(event) <= *level => telemetry::log(event),
            Self::Lines { console, out, bars, level } => {
                let bar = bars.as_mut().map_or(Shown::No, |bars| bars.progress.show(event));
                if bar == Shown::AsBar || telemetry::level_of(event) > *level {
                    return;
                }
                for line in console.lines(event) {
                    match bars {
                        Some(bars) => bars.all.suspend(|| out.note(&line)),
                        None => out.note(&line),
                    }
                }
            }
            Self::Log(_) => {}
        }
    }

    fn lagged(&self, missed: u64) {
        match self {
            Self::Log(_) => {
                tracing::warn!(missed, "events were lost, the log is slower than they are");
            }
            Self::Lines { out, .. } => {
                out.warn(&format!("{missed} events are not shown, output is too slow"));
            }
        }
    }
}

impl Bars {
    fn new() -> Self {
        let all = MultiProgress::new();
        Self { progress: Progress::new(all.clone()), all }
    }
}

/// Shows events until the last sender is gone.
pub(super) async fn listen(mut events: Receiver<Arc<Event>>, mut sink: Sink) {
    loop {
        match events.recv().await {
            Ok(event) => sink.take(&event),
            Err(RecvError::Lagged(missed)) => sink.lagged(missed),
            Err(RecvError::Closed) => return,
        }
    }
}

/// Installs the structured log. With lines for people it tells internal errors only, unless more was asked for.
///
/// # Errors
/// A log is installed already.
pub(super) fn install_log(settings: &Settings, out: Output) -> Result<(), CliError> {
    let (form, level) = match (settings.log_format, level(settings.log_level)) {
        (LogFormat::Json, level) => (Form::Json, level),
        (LogFormat::Text, Level::Warn | Level::Info) => (Form::Text, Level::Error),
        (LogFormat::Text, level) => (Form::Text, level),
    };
    let colors = form == Form::Text && out.colors_stderr();
    telemetry::install(form, level, colors, std::io::stderr)
        .map_err(|error| CliError::runtime(format!("the log cannot be installed: {error}")))
}

fn level(level: LogLevel) -> Level {
    match level {
        LogLevel::Error => Level::Error,
        LogLevel::Warn => Level::Warn,
        LogLevel::Info => Level::Info,
        LogLevel::Debug => Level::Debug,
        LogLevel::Trace => Level::Trace,
    }
}
