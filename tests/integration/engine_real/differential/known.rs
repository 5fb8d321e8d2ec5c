//! What may differ between the simulated and the real engine, with the reason. Everything else is a defect of the simulation.

use super::seen::Difference;
use super::sequence::Op;

/// One known difference.
struct Known {
    /// The engines that differ: API 1.x, from here on.
    since: u32,
    /// Part of the call; empty for any.
    op: &'static str,
    /// Where: the beginning and the end of the path.
    path: (&'static str, &'static str),
    /// Part of either text.
    text: &'static str,
    /// Why it is as it is.
    #[expect(dead_code, reason = "for people")]
    reason: &'static str,
}

const KNOWN: [Known; 11] = [
    Known {
        since: 0,
        op: "tart(",
        path: ("message", ""),
        text: "network dt-",
        reason: "of several missing networks the engine names any one, we the first by name",
    },
    Known {
        since: 0,
        op: "",
        path: ("world.", ".Error"),
        text: "network dt-",
        reason: "the same, as it stays in the state",
    },
    Known {
        since: 44,
        op: "",
        path: ("world.", ".aliases"),
        text: "ID",
        reason: "the short id is an alias before the first start, too; no plan depends on it",
    },
    Known {
        since: 44,
        op: "check: false }",
        path: ("", ""),
        text: "",
        reason: "two networks of one name are refused there, whatever the call asks for",
    },
    Known {
        since: 44,
        op: "Remove {",
        path: ("message", ""),
        text: "cannot remove container",
        reason: "other words for the same 409",
    },
    Known {
        since: 44,
        op: "Kill(",
        path: ("message", ""),
        text: "annot kill container",
        reason: "the same words, without a capital letter",
    },
    Known {
        since: 44,
        op: "",
        path: ("message", ""),
        text: "ontainer ID is not running",
        reason: "the same words, without a capital letter",
    },
    Known {
        since: 44,
        op: "",
        path: ("", ""),
        text: "failed to create shim task: OCI runtime create failed",
        reason: "the same words after more of them; what is read of them is in the middle",
    },
    Known {
        since: 44,
        op: "",
        path: ("events.container ", ""),
        text: "stop",
        reason: "the stop and the end of the process are told in any order",
    },
    Known {
        since: 44,
        op: "\"Memory\": Number(1)",
        path: ("", ""),
        text: "",
        reason: "values are looked at before it is looked for the container: 400, not 404",
    },
    Known {
        since: 44,
        op: "Create",
        path: ("events.volume ", ""),
        text: "create",
        reason: "a volume that is there already is not told again",
    },
];

/// Whether a difference after a call is known of an engine with API 1.`minor`.
pub(super) fn is_known(difference: &Difference, op: &Op, minor: u32) -> bool {
    let op = op.to_string();
    KNOWN.iter().any(|known| {
        minor >= known.since
            && op.contains(known.op)
            && difference.path.starts_with(known.path.0)
            && difference.path.ends_with(known.path.1)
            && (difference.simulated.contains(known.text) || difference.real.contains(known.text))
    })
}
