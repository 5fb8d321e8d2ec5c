//! The structured log goes to standard error, as lines or as JSON.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Directive;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// Crates whose details are never ours to log: the HTTP client writes request bodies, and with them secrets, at debug.
const CAPPED: [&str; 6] = ["bollard", "hyper", "hyper_util", "h2", "notify", "mio"];

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Lines.
    Text,
    /// One JSON object per line.
    Json,
}

/// Least important level that is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Failures.
    Error,
    /// And what needs a look.
    Warn,
    /// And what is done.
    Info,
    /// And why.
    Debug,
    /// Everything.
    Trace,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// Installs the log for this process.
///
/// # Errors
/// One is installed already.
pub fn install<W>(form: Form, level: Level, colors: bool, writer: W) -> Result<(), TryInitError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(level))
        .with_writer(writer)
        .with_ansi(colors);
    match form {
        Form::Text => builder.with_target(false).finish().try_init(),
        Form::Json => builder.json().flatten_event(true).finish().try_init(),
    }
}

/// The level for our own crate; others at `info` at most.
fn filter(level: Level) -> EnvFilter {
    let own: Directive = level_filter(level).into();
    let capped = level.min(Level::Info).word();
    CAPPED
        .iter()
        .filter_map(|name| format!("{name}={capped}").parse().ok())
        .fold(EnvFilter::default().add_directive(own), EnvFilter::add_directive)
}

fn level_filter(level: Level) -> tracing::level_filters::LevelFilter {
    match level {
        Level::Error => tracing::level_filters::LevelFilter::ERROR,
        Level::Warn => tracing::level_filters::LevelFilter::WARN,
        Level::Info => tracing::level_filters::LevelFilter::INFO,
        Level::Debug => tracing::level_filters::LevelFilter::DEBUG,
        Level::Trace => tracing::level_filters::LevelFilter::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_http_client_and_the_watcher_are_capped() {
        let trace = filter(Level::Trace).to_string();
        assert!(trace.contains("bollard=info") && trace.contains("hyper=info"), "{trace}");
        // A log file beside the watched directory would otherwise wake the watcher that writes it.
        assert!(trace.contains("notify=info"), "{trace}");
        assert!(trace.contains("trace"), "{trace}");
        let error = filter(Level::Error).to_string();
        assert!(error.contains("bollard=error"), "{error}");
    }
}
