//! How lines of logs look: who wrote them, in a colour of each service's own, and nothing that moves a cursor.

use std::collections::BTreeMap;

use anstyle::{AnsiColor, Style};

use crate::cli::exit::CliError;
use crate::cli::output::{DIM, Output, append, styled};
use crate::model::log::{LogLine, rfc3339};
use crate::model::outcome::Failure;

/// Colours in turn; red is left to what is wrong.
const PALETTE: [AnsiColor; 10] = [
    AnsiColor::Cyan,
    AnsiColor::Yellow,
    AnsiColor::Green,
    AnsiColor::Magenta,
    AnsiColor::Blue,
    AnsiColor::BrightCyan,
    AnsiColor::BrightYellow,
    AnsiColor::BrightGreen,
    AnsiColor::BrightMagenta,
    AnsiColor::BrightBlue,
];
/// Text that is gathered before it is written.
const GATHERED: usize = 64 * 1024;

/// Prints lines.
#[derive(Debug)]
pub(super) struct Printer {
    out: Output,
    timestamps: bool,
    width: usize,
    colors: BTreeMap<String, Style>,
    text: String,
}

/// Who writes: the label before the line, and what its colour hangs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Writer {
    /// Before the line.
    pub(super) label: String,
    /// Replicas of one service share a colour.
    pub(super) service: String,
}

impl Printer {
    /// Prints to `out`, with the time of each line if `timestamps`.
    pub(super) fn new(out: Output, timestamps: bool) -> Self {
        Self { out, timestamps, width: 0, colors: BTreeMap::new(), text: String::new() }
    }

    /// Makes room for a label, and gives the service its colour.
    pub(super) fn meet(&mut self, writer: &Writer) {
        self.width = self.width.max(writer.label.chars().count());
        let next = self.colors.len() % PALETTE.len();
        let color = PALETTE.get(next).copied().unwrap_or(AnsiColor::Cyan);
        self.colors.entry(writer.service.clone()).or_insert_with(|| color.on_default());
    }

    /// Takes a line; some are gathered before they are written. Says whether anybody still reads.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub(super) fn line(&mut self, writer: &Writer, line: &LogLine) -> Result<bool, CliError> {
        let color = self.colors.get(&writer.service).copied().unwrap_or_default();
        let prefix = format!("{:width$} |", writer.label, width = self.width);
        append(&mut self.text, &styled(color, &prefix));
        if self.timestamps {
            append(&mut self.text, &format!(" {}", styled(DIM, &rfc3339(line.at_ns))));
        }
        append(&mut self.text, &format!(" {}\n", harmless(&line.text)));
        if self.text.len() < GATHERED { Ok(true) } else { self.flush() }
    }

    /// Says that a log cannot be read, or broke off.
    pub(super) fn complain(&self, writer: &Writer, failure: &Failure) {
        let label = &writer.label;
        self.out.warn(&format!("{label}: its log cannot be read: {}", failure.message));
    }

    /// Writes what was gathered. Says whether anybody still reads.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub(super) fn flush(&mut self) -> Result<bool, CliError> {
        if self.text.is_empty() {
            return Ok(true);
        }
        let text = std::mem::take(&mut self.text);
        self.out.result_while_read(&text)
    }
}

/// The text without colours, movements of the cursor and other control characters: what a container writes must not
/// command the terminal of who reads it.
pub(super) fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' => skip_sequence(&mut letters),
            '\t' => shown.push('\t'),
            letter if letter.is_control() => shown.push('\u{fffd}'),
            letter => shown.push(letter),
        }
    }
    shown
}

/// Skips what belongs to an escape character: `[…letter`, `]…BEL`, or one character.
fn skip_sequence(letters: &mut std::str::Chars<'_>) {
    let is_end: fn(char) -> bool = match letters.next() {
        Some('[') => |letter| ('@'..='~').contains(&letter),
        Some(']' | 'P' | '_' | '^' | 'X') => |letter| matches!(letter, '\u{7}' | '\\' | '\u{9c}'),
        Some(_) | None => return,
    };
    for letter in letters.by_ref() {
        if is_end(letter) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_commands_the_terminal() {
        let cases = [
            ("plain ä\tb", "plain ä\tb"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}after", "after"),
            ("\u{1b}]8;;http://x\u{1b}\\link", "link"),
            ("a\u{8}\u{8}b\rc", "a\u{fffd}\u{fffd}b\u{fffd}c"),
            ("\u{9b}2J", "\u{fffd}2J"),
            ("cut\u{1b}", "cut"),
            ("\u{1b}[", ""),
        ];
        for (written, shown) in cases {
            assert_eq!(harmless(written), shown, "{written:?}");
        }
    }
}
