//! What one load may cost. The parser holds the values of one file within bounds; here are those of a whole project, for
//! whatever makes much out of little: services that extend a wide base, one env file for all of them, ranges of ports.

use crate::manifest::report::{Finding, Report};
use crate::manifest::source::Place;

/// Most values of a project, over all of its files and what is copied.
pub(crate) const MOST_VALUES: usize = 300_000;
/// What a service counts beyond its own values: what is made for it, whatever it says.
pub(crate) const SERVICE_VALUES: usize = 64;
/// What a published port counts: the mapping that its long form is, and the binding that comes of it.
pub(crate) const PORT_VALUES: usize = 20;
/// What a word of a line counts.
pub(crate) const WORD_VALUES: usize = 2;
/// Most bytes of files of variables that are read; a file that is named twice is read twice.
pub(crate) const MOST_BYTES: usize = 32 << 20;

/// What was spent so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Budget {
    values: usize,
    bytes: usize,
    told: bool,
}

impl Report {
    /// Takes values from the budget of the project. `false` if it is spent, which is an error of `place`, told once.
    pub(crate) fn spend_values(&mut self, count: usize, place: Option<Place>) -> bool {
        let budget = self.budget();
        budget.values = budget.values.saturating_add(count);
        let within = budget.values <= MOST_VALUES;
        within || self.spent(place, "the project holds too many values")
    }

    /// The same for bytes of files of variables.
    pub(crate) fn spend_bytes(&mut self, count: usize, place: Option<Place>) -> bool {
        // Each reading costs something, also that of an empty file.
        const READING: usize = 256;
        let budget = self.budget();
        budget.bytes = budget.bytes.saturating_add(count).saturating_add(READING);
        let within = budget.bytes <= MOST_BYTES;
        within || self.spent(place, "the project reads files of variables too often")
    }

    fn spent(&mut self, place: Option<Place>, message: &str) -> bool {
        if !std::mem::replace(&mut self.budget().told, true) {
            let finding = Finding::error("too-large", "", message).help(format!(
                "at most {MOST_VALUES} values after extends, include, env files and ranges of ports, where a service \
                 counts {SERVICE_VALUES} more, a port of a range {PORT_VALUES} and a word of a line {WORD_VALUES}; and {} MiB of env files",
                MOST_BYTES >> 20
            ));
            self.add(match place {
                Some(place) => finding.at(place),
                None => finding,
            });
        }
        false
    }
}
