//! Sinks of the one typed event stream: the structured log, lines for people, bars for long calls, counters for metrics.

mod console;
mod counters;
mod level;
mod log;
mod progress;
mod setup;

pub use console::Console;
pub use counters::{Counters, Series};
pub use level::level_of;
pub use log::{log, subject_text};
pub use progress::{Progress, Shown};
pub use setup::{Form, Level, install};
