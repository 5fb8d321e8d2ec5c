//! Which invariants are checked, and where.

/// Whether an invariant is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// In every run.
    Checked(&'static str),
    /// By a property over plans, because no scenario asks for what it speaks of.
    ByProperty(&'static str),
}

/// All of them.
pub(crate) const INVARIANTS: &[(&str, Standing)] = &[
    ("S1", Standing::Checked("no mutating call meets what is not ours; all name objects by id")),
    ("S2", Standing::Checked("no volume is deleted, no container with its volumes")),
    ("S3", Standing::Checked("at most one container of a replica is started or runs by our hand")),
    (
        "S4",
        Standing::Checked("no more replicas are taken down, or stand beside, than the update says"),
    ),
    (
        "S5",
        Standing::Checked("while a file is broken nothing is created that its last version lacks"),
    ),
    ("S6", Standing::Checked("no mass removal without a person")),
    ("S7", Standing::ByProperty("no version replaces another without the backup it asked for")),
    ("S8", Standing::Checked("what is gone back to has held; what failed is not made again")),
    ("S9", Standing::Checked("a due time runs at most once; what runs beside what")),
    ("S10", Standing::Checked("all as declared and unchanged: no mutating call (with L1)")),
    ("S11", Standing::Checked("mutating and reading calls stay within their budget per time")),
    ("S12", Standing::Checked("generations only rise")),
    ("S13", Standing::Checked("after every crash the store opens and no file in it is corrupt")),
    ("S14", Standing::Checked("a planted secret shows in no status, history, event or label")),
    ("S15", Standing::Checked("calls of two controllers never interleave")),
    ("S16", Standing::Checked("Ready is only shown if it was so; else a reason is")),
    ("S17", Standing::Checked("no panic, no internal error, no run that ends by itself")),
    ("L1", Standing::Checked("as declared within the bound after the last fault, and still")),
    ("L2", Standing::Checked("L1 from every initial state that a scenario begins with")),
    ("L3", Standing::Checked("what cannot run says why and delays nobody")),
    ("L4", Standing::Checked("L1 from the moment a cause is gone, without a restart")),
    ("L5", Standing::Checked("what went back runs as its files once said, and still")),
    ("L6", Standing::Checked("what was due last is caught up, and what is due later runs")),
    ("L7", Standing::Checked("a call that never returns blocks only its own project")),
    ("L8", Standing::Checked("it ends within its grace after SIGTERM, and L2 holds after")),
];
