//! Where the floors of the loader put what they find.

use std::collections::BTreeSet;

use crate::manifest::budget::Budget;
use crate::manifest::source::{Place, Sources, visible};
use crate::model::diagnostic::{Diagnostic, Location, Severity};
use crate::model::path::{LocalPath, PathMap};
use crate::model::secret::Secret;

/// Most diagnostics of one load; what comes after is only counted.
const MOST: usize = 200;
/// Longest text of a diagnostic, in characters: what a file says may be echoed, but not a megabyte of it.
const LONGEST: usize = 400;

/// One finding, before its place has become a location.
#[derive(Debug)]
pub(crate) struct Finding {
    severity: Severity,
    code: &'static str,
    place: Option<Place>,
    shown: Option<String>,
    field: String,
    message: String,
    help: Option<String>,
    related: Vec<(Place, String)>,
}

impl Finding {
    /// A finding that holds the project at its last good version.
    pub(crate) fn error(code: &'static str, field: &str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, field, message.into())
    }

    /// A finding that lets the project run.
    pub(crate) fn warning(code: &'static str, field: &str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, field, message.into())
    }

    /// Something good to know.
    pub(crate) fn note(code: &'static str, field: &str, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, field, message.into())
    }

    fn new(severity: Severity, code: &'static str, field: &str, message: String) -> Self {
        Self {
            severity,
            code,
            place: None,
            shown: None,
            field: field.to_owned(),
            message,
            help: None,
            related: Vec::new(),
        }
    }

    /// Where it stands.
    pub(crate) fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// What stands in place of the line of the file, because that line holds a secret (invariant 17).
    pub(crate) fn hiding(mut self, shown: impl Into<String>) -> Self {
        self.shown = Some(shown.into());
        self
    }

    /// The code, and the source and first byte of the place.
    pub(crate) fn spot(&self) -> (&'static str, Option<(u32, u32)>) {
        (self.code, self.place.map(|place| (place.source, place.start)))
    }

    /// What is allowed, or what to do.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// A second place that belongs to it.
    pub(crate) fn related(mut self, place: Place, text: impl Into<String>) -> Self {
        self.related.push((place, text.into()));
        self
    }
}

/// The findings of one load and the texts they point into.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    /// The texts.
    pub(crate) sources: Sources,
    /// Values of encrypted files.
    pub(crate) decrypted: BTreeSet<Secret>,
    found: Vec<Diagnostic>,
    errors: usize,
    budget: Budget,
    /// What is on the engine's host of all that this process sees.
    seen: PathMap,
}

impl Report {
    /// One that knows what is on the engine's host.
    pub(crate) fn seeing(paths: &PathMap) -> Self {
        Self { seen: paths.clone(), ..Self::default() }
    }

    /// Whether a path is on the engine's host.
    pub(crate) fn shows(&self, path: &LocalPath) -> bool {
        self.seen.shows(path)
    }

    /// Adds a finding; the same one twice counts once.
    pub(crate) fn add(&mut self, finding: Finding) {
        let is_error = finding.severity == Severity::Error;
        if is_error {
            self.errors += 1;
        }
        // Before the place is looked up, which takes time on a long line. Why a project is refused must never be lost
        // among warnings.
        let full = self.found.len() >= MOST;
        let lesser = |found: &Diagnostic| found.severity != Severity::Error;
        let room =
            if full { self.found.iter().rposition(lesser).filter(|_| is_error) } else { None };
        if full && room.is_none() {
            return;
        }
        let diagnostic = self.locate(finding);
        // One note for one place: ports are looked at twice, before and after the expansion of ranges.
        let said = |other: &Diagnostic| {
            *other == diagnostic
                || (diagnostic.severity == Severity::Note
                    && other.code == diagnostic.code
                    && other.location == diagnostic.location)
        };
        if self.found.iter().any(said) {
            return;
        }
        if let Some(at) = room {
            self.found.remove(at);
        }
        self.found.push(diagnostic);
    }

    /// What the load has cost so far.
    pub(crate) fn budget(&mut self) -> &mut Budget {
        &mut self.budget
    }

    /// How many errors were added so far.
    pub(crate) fn errors(&self) -> usize {
        self.errors
    }

    /// The diagnostics: errors first, each severity in the order of finding.
    pub(crate) fn into_diagnostics(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|diagnostic| std::cmp::Reverse(diagnostic.severity));
        self.found
    }

    fn locate(&self, finding: Finding) -> Diagnostic {
        let meanwhile = (finding.severity == Severity::Error).then(|| {
            "the project stays at its last good version; nothing of it is changed".to_owned()
        });
        let related = finding
            .related
            .into_iter()
            .filter_map(|(place, text)| Some((self.sources.location(place)?, presentable(&text))))
            .collect();
        Diagnostic {
            severity: finding.severity,
            code: finding.code.to_owned(),
            location: finding
                .place
                .and_then(|place| self.sources.location(place))
                .map(|location| hide(location, finding.shown.as_deref())),
            field: presentable(&finding.field),
            message: presentable(&finding.message),
            help: finding.help.as_deref().map(presentable),
            meanwhile,
            related,
        }
    }
}

/// A text of a diagnostic as it may be shown anywhere: cut, and without what moves a terminal's cursor or turns its line.
fn presentable(text: &str) -> String {
    let mut shown: String = text.chars().map(visible).take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// The location with `shown` in place of its line, at the same column.
fn hide(location: Location, shown: Option<&str>) -> Location {
    let Some(shown) = shown else {
        return location;
    };
    let before = " ".repeat(location.column.saturating_sub(1) as usize);
    let width = u32::try_from(shown.chars().count()).unwrap_or(1).max(1);
    Location { text: format!("{before}{shown} …"), width, ..location }
}
