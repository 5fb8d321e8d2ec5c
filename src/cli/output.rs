//! The only place that prints. Results go to standard output, everything said about the work to standard error, so
//! that a pipe gets nothing but results.

use std::io::{self, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::cli::exit::CliError;

/// Good.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Not yet, or worth a look.
pub const WARN: Style = AnsiColor::Yellow.on_default();
/// Wrong.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// Less important.
pub const DIM: Style = Style::new().dimmed();
/// A heading.
pub const BOLD: Style = Style::new().bold();

/// Puts `text` into `style`.
pub fn styled(style: Style, text: &str) -> String {
    if text.is_empty() || style == Style::new() {
        return text.to_owned();
    }
    format!("{style}{text}{style:#}")
}

/// Adds a piece to a text.
pub fn append(text: &mut String, piece: &str) {
    text.push_str(piece);
}

/// When colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Which stream bytes are passed on to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// Where a command says what it has to say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Output {
    color: Color,
}

impl Output {
    /// Colours as told. With `auto`, terminal and `NO_COLOR` decide, for each stream by itself.
    pub const fn new(color: Color) -> Self {
        Self { color }
    }

    /// Writes a result. A reader that went away (`| head`) is no failure.
    ///
    /// # Errors
    /// Standard output cannot be written for another reason.
    pub fn result(&self, text: &str) -> Result<(), CliError> {
        self.result_while_read(text).map(|_| ())
    }

    /// As [`Output::result`], and says whether the reader is still there: what goes on for ever ends when it is not.
    ///
    /// # Errors
    /// As [`Output::result`].
    pub fn result_while_read(&self, text: &str) -> Result<bool, CliError> {
        let mut stream = AutoStream::new(io::stdout(), self.choice());
        match stream.write_all(text.as_bytes()).and_then(|()| stream.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            other => other.map(|()| true).map_err(CliError::from),
        }
    }

    /// Passes bytes of somebody else on as they are: nothing is made harmless, which is what an interactive program needs.
    ///
    /// # Errors
    /// As [`Output::result`].
    pub fn pass_on(&self, channel: Channel, bytes: &[u8]) -> Result<(), CliError> {
        let written = match channel {
            Channel::Out => {
                let mut stream = io::stdout().lock();
                stream.write_all(bytes).and_then(|()| stream.flush())
            }
            Channel::Err => io::stderr().write_all(bytes),
        };
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other.map_err(CliError::from),
        }
    }

    /// Writes a result as indented JSON.
    ///
    /// # Errors
    /// As [`Output::result`].
    pub fn json(&self, value: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| CliError::runtime(format!("cannot be written as JSON: {error}")))?;
        self.result(&format!("{text}\n"))
    }

    /// Writes a result as YAML.
    ///
    /// # Errors
    /// As [`Output::result`].
    pub fn yaml(&self, value: &impl Serialize) -> Result<(), CliError> {
        let text = serde_yaml::to_string(value)
            .map_err(|error| CliError::runtime(format!("cannot be written as YAML: {error}")))?;
        self.result(&text)
    }

    /// Says something about the work. Losing it is not worth a failure.
    pub fn note(&self, text: &str) {
        let mut stream = AutoStream::new(io::stderr(), self.choice());
        drop(writeln!(stream, "{text}"));
    }

    /// Warns.
    pub fn warn(&self, text: &str) {
        self.note(&format!("{}: {text}", styled(WARN, "warning")));
    }

    /// Tells a failure and what to do about it.
    pub fn error(&self, error: &CliError) {
        self.note(&format!("{}: {}", styled(BAD, "error"), error.message));
        if let Some(hint) = &error.hint {
            self.note(&format!("  {} {hint}", styled(DIM, "help:")));
        }
    }

    /// Whether colours are shown on standard error.
    pub fn colors_stderr(&self) -> bool {
        AutoStream::new(io::stderr(), self.choice()).current_choice() != ColorChoice::Never
    }

    fn choice(self) -> ColorChoice {
        match self.color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        }
    }
}

/// Prints what clap has to say: help and version to standard output, mistakes to standard error.
pub fn clap_says(error: &clap::Error) {
    drop(error.print());
}
