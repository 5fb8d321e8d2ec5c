//! Sinks of the one typed event stream: the structured log, lines for people, bars for long calls.

mod console;
mod log;
mod progress;
mod setup;

pub use console::Console;
pub use log::log;
pub use progress::{Progress, Shown};
pub use setup::{Form, Level, install};
