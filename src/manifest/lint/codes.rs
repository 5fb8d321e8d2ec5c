//! Every warning and note that loading can give.

use crate::model::diagnostic::Severity;

/// A warning or a note of the loader, with a section of its own in `docs/lints.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lint {
    /// Stable short name; `validate --allow` takes it.
    pub code: &'static str,
    /// How bad it is; never an error.
    pub severity: Severity,
    /// Who finds it.
    pub teller: Teller,
}

/// Who finds something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Teller {
    /// Reading, checking and merging the files.
    Loader,
    /// A look at what the finished project will do.
    Lints,
}

/// Every warning and note, by name.
pub const LINTS: &[Lint] = &[
    lints("autoheal-label").note(),
    lints("autoheal-timeout"),
    lints("bind-owned-by-root"),
    lints("compose-variable").note(),
    lints("curl-redirect").note(),
    lints("curl-without-fail"),
    loader("extension-name"),
    lints("floating-tag"),
    lints("health-cannot-fail"),
    lints("health-without-password"),
    loader("host-ports"),
    lints("interactive-command"),
    lints("limits-conflict"),
    lints("missing-bind-file"),
    loader("no-effect").note(),
    loader("no-health-check"),
    lints("no-restart").note(),
    loader("no-shell"),
    loader("not-run"),
    loader("obsolete-version"),
    loader("ofelia-label"),
    loader("old-boolean"),
    loader("old-external"),
    loader("one-letter-volume"),
    lints("override-removes-nothing"),
    lints("override-widens-networks"),
    lints("published-database-port"),
    lints("replicas-share-port"),
    lints("restart-twice"),
    lints("restart-without-condition"),
    lints("same-host-port"),
    lints("secret-in-manifest"),
    loader("security-option"),
    loader("several-files"),
    loader("short-grace"),
    lints("started-only").note(),
    loader("unknown-option"),
    loader("unknown-tag"),
    lints("unloaded-env-file"),
    loader("unset-variable"),
    lints("unused-resource"),
    loader("variant-file").note(),
];

const fn lints(code: &'static str) -> Lint {
    Lint { code, severity: Severity::Warning, teller: Teller::Lints }
}

const fn loader(code: &'static str) -> Lint {
    Lint { code, severity: Severity::Warning, teller: Teller::Loader }
}

impl Lint {
    const fn note(mut self) -> Self {
        self.severity = Severity::Note;
        self
    }
}
