//! What is left when nothing special fits.

use crate::diagnose::cause::Cause;
use crate::diagnose::cause::Certainty::{Certain, Possible};
use crate::diagnose::cause::Sign::{Engine, Fact};
use crate::diagnose::evidence::{Evidence, State};

/// Exit code after SIGKILL.
const KILLED: i64 = 137;

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "policy-refuses",
        title: "the policy of this host does not allow what the manifest asks for",
        certainty: Certain,
        signs: &[
            Engine(&["policy", "refuse"]),
            Engine(&["policy", "not allowed"]),
            Engine(&["policy", "forbid"]),
        ],
        mend: "change the manifest, or let whoever keeps the policy grant an exception",
    },
    Cause {
        id: "paused-by-hand",
        title: "somebody froze the container",
        certainty: Certain,
        signs: &[Fact("the engine says paused", paused)],
        mend: "`docker unpause`, or let composelet do so: `suspend` is the way to keep it from acting",
    },
    Cause {
        id: "ends-at-once",
        title: "its command ends by itself with success, though it is to keep running",
        certainty: Possible,
        signs: &[Fact("exit code 0, again and again", ends)],
        mend: "let the server run in the foreground (no daemon mode, `exec` at the end of a script); a job wants `restart: \"no\"`",
    },
    Cause {
        id: "killed-from-outside",
        title: "it was killed, and not for want of its own memory limit",
        certainty: Possible,
        signs: &[Fact("exit code 137 without OOMKilled", killed)],
        mend: "look for who killed it (`docker kill`, the kernel's log for the host's memory), or raise `stop_grace_period` if it was being stopped",
    },
    Cause {
        id: "ended-without-a-known-cause",
        title: "it ended with a failure, and its log names no cause that is known here",
        certainty: Possible,
        signs: &[Fact("an exit code that is not 0 and nothing else was found", unexplained)],
        mend: "read the last lines; `docker logs` has the rest",
    },
];

fn paused(evidence: &Evidence) -> Vec<String> {
    if evidence.state == State::Paused && !evidence.at_rest {
        return vec!["the engine says paused".to_owned()];
    }
    Vec::new()
}

fn ends(evidence: &Evidence) -> Vec<String> {
    if evidence.exit_code == Some(0) && evidence.failures > 1 && !evidence.at_rest {
        return vec![format!("it ended {} times, last with exit code 0", evidence.failures)];
    }
    Vec::new()
}

fn killed(evidence: &Evidence) -> Vec<String> {
    let ended = evidence.exit_code == Some(KILLED) && !evidence.oom_killed;
    if ended && !evidence.mood_is_well() {
        return vec![
            "exit code 137: ended by SIGKILL, and the engine does not say OOMKilled".to_owned(),
        ];
    }
    Vec::new()
}

fn unexplained(evidence: &Evidence) -> Vec<String> {
    let failed = evidence.exit_code.is_some_and(|code| code != 0) || !evidence.error.is_empty();
    if !failed || evidence.mood_is_well() {
        return Vec::new();
    }
    let code = evidence.exit_code.map(|code| format!("exit code {code}"));
    let error = Some(evidence.error.clone()).filter(|error| !error.is_empty());
    code.into_iter().chain(error).chain(evidence.last_words()).collect()
}
