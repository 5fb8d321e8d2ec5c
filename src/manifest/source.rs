//! The texts that were read, and places in them. A place is small and is copied into every node; it becomes a
//! [`Location`] with its line only when a diagnostic needs one.

use std::sync::Arc;

use crate::model::diagnostic::Location;
use crate::model::path::LocalPath;

/// Longest line text that a diagnostic carries, in characters.
const SHOWN_LINE: usize = 200;

/// A range of bytes in one of the texts that were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Index into [`Sources`].
    pub(crate) source: u32,
    /// First byte.
    pub(crate) start: u32,
    /// Byte after the last one.
    pub(crate) end: u32,
}

/// One text.
#[derive(Clone, Debug)]
struct Source {
    file: LocalPath,
    text: Arc<str>,
    line_starts: Vec<usize>,
    content: Content,
}

/// Whether the lines of a text may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A manifest: its lines are shown as they are, before interpolation.
    Manifest,
    /// Variables: what stands behind the name may be a secret and is never shown (invariant 17).
    Variables,
    /// What an encrypted file says: nothing of it is shown.
    Decrypted,
}

/// Every text of one load, so that places can be turned into locations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources(Vec<Source>);

impl Sources {
    /// Keeps `text` and returns its index.
    pub(crate) fn add(&mut self, file: LocalPath, text: Arc<str>, content: Content) -> u32 {
        let line_starts =
            std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        self.0.push(Source { file, text, line_starts, content });
        u32::try_from(self.0.len() - 1).unwrap_or(u32::MAX)
    }

    /// The text of `place` as it stands in the file, before interpolation.
    pub(crate) fn raw(&self, place: Place) -> &str {
        self.get(place)
            .and_then(|source| source.text.get(place.start as usize..place.end as usize))
            .unwrap_or("")
    }

    /// `name`, unless it came out of a variable: then the words of the file, so that no value shows (invariant 17).
    pub(crate) fn shown<'a>(&'a self, name: &'a str, place: Place) -> &'a str {
        let raw = self.raw(place);
        if raw.contains('$') { raw.trim_matches(['"', '\'']) } else { name }
    }

    /// Line, column and line text of `place`.
    pub(crate) fn location(&self, place: Place) -> Option<Location> {
        let source = self.get(place)?;
        let start = place.start as usize;
        let line_index = source.line_starts.partition_point(|&at| at <= start).max(1) - 1;
        let line_start = source.line_starts.get(line_index).copied()?;
        let line = source.text.get(line_start..)?.split('\n').next()?;
        let line = line.strip_suffix('\r').unwrap_or(line);
        let before = source.text.get(line_start..start.min(line_start + line.len()));
        let column = before.map_or(0, |text| text.chars().count());
        let left = line.chars().count().saturating_sub(column);
        let wanted = self.raw(place).split('\n').next().unwrap_or("");
        let width = wanted.trim_end().chars().count().min(left).max(1);
        let shown = match source.content {
            Content::Manifest => line.to_owned(),
            Content::Variables => name_only(line),
            Content::Decrypted => "…".to_owned(),
        };
        Some(Location {
            file: source.file.clone(),
            line: narrow(line_index + 1),
            column: narrow(column + 1),
            text: shown.chars().map(visible).take(SHOWN_LINE).collect(),
            width: narrow(width),
        })
    }

    /// Each line of a text that was read, with its place; none if the file was not read, or is encrypted.
    pub(crate) fn lines_of(&self, file: &LocalPath) -> impl Iterator<Item = (Place, &str)> {
        let shown = |source: &Source| source.content != Content::Decrypted;
        let found =
            self.0.iter().zip(0_u32..).find(|(source, _)| source.file == *file && shown(source));
        found.into_iter().flat_map(|(source, index)| {
            let starts = source.line_starts.iter();
            starts.zip(source.text.split('\n')).map(move |(&start, line)| {
                let start = u32::try_from(start).unwrap_or(u32::MAX);
                let length = u32::try_from(line.len()).unwrap_or(0);
                (Place { source: index, start, end: start.saturating_add(length) }, line)
            })
        })
    }

    fn get(&self, place: Place) -> Option<&Source> {
        self.0.get(place.source as usize)
    }
}

/// A character as it may be shown on a terminal: control characters and those that turn the direction of a line, or that
/// nobody sees, become one that everybody sees. One for one, so that columns stay right.
pub(crate) fn visible(letter: char) -> char {
    match letter {
        '\t' => ' ',
        '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}' => '\u{fffd}',
        letter if letter.is_control() => '\u{fffd}',
        letter => letter,
    }
}

/// `NAME=…`; a line that does not begin with a name may be the middle of a value and is hidden whole.
fn name_only(line: &str) -> String {
    let name = line.split(['=', ':']).next().unwrap_or("");
    let is_name = name.len() < line.len()
        && name.chars().all(|symbol| symbol.is_ascii_alphanumeric() || matches!(symbol, '_' | ' '));
    if is_name { format!("{name}=…") } else { "…".to_owned() }
}

fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
