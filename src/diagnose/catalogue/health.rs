//! Health checks that fail for a reason of their own.

use crate::diagnose::cause::Cause;
use crate::diagnose::cause::Certainty::{Certain, Likely};
use crate::diagnose::cause::Sign::{Fact, Probe, Warning};
use crate::diagnose::evidence::Evidence;

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "health-command-missing",
        title: "the command of the health check is not in the image",
        certainty: Certain,
        signs: &[
            Probe(&["executable file not found in $path"]),
            Probe(&[": not found"]),
            Probe(&["exec:", "no such file or directory"]),
            Probe(&["command not found"]),
        ],
        mend: "install it in the image, or ask with what is there (`wget -q -O-`, python, the server's own client), or with `x-composelet.probe`",
    },
    Cause {
        id: "health-check-too-slow",
        title: "the health check does not end within its time",
        certainty: Certain,
        signs: &[Probe(&["health check exceeded timeout"]), Probe(&["operation timed out"])],
        mend: "raise `timeout`, or ask something that costs less; under a CPU limit a new interpreter per probe takes seconds",
    },
    Cause {
        id: "health-wrong-path",
        title: "the health check asks for a path that the program does not have",
        certainty: Likely,
        signs: &[Probe(&["404"])],
        mend: "correct the URL of the check, or add the path to the program",
    },
    Cause {
        id: "health-answers-error",
        title: "the program says in its health check that something it needs is not there",
        certainty: Likely,
        signs: &[Probe(&["503"]), Probe(&["500"]), Probe(&["502"])],
        mend: "look at what the check looks at, database and cache first; the program's log says which",
    },
    Cause {
        id: "health-not-allowed",
        title: "the health check asks for something that needs a login",
        certainty: Likely,
        signs: &[
            Probe(&["returned error: 401"]),
            Probe(&["returned error: 403"]),
            Probe(&["http/1.1 401"]),
            Probe(&["http/1.1 403"]),
        ],
        mend: "give the program a path for checks that anybody may ask",
    },
    Cause {
        id: "health-nobody-listens",
        title: "nobody listens where the health check asks",
        certainty: Likely,
        signs: &[
            Probe(&["connection refused"]),
            Probe(&["failed to connect to"]),
            Probe(&["couldn't connect to server"]),
            Probe(&["can't connect to local"]),
        ],
        mend: "compare port and address with those in the program's log; while it still starts, raise `start_period`; `localhost` may mean ::1, say 127.0.0.1",
    },
    Cause {
        id: "health-check-cannot-fail",
        title: "the health check says yes whatever happens",
        certainty: Certain,
        signs: &[Warning("health-cannot-fail"), Warning("curl-without-fail")],
        mend: "let its exit code come from what is asked: no `|| true`, `curl -f`, the answer compared",
    },
    Cause {
        id: "health-check-fails",
        title: "the health check fails, and its output names no known cause",
        certainty: crate::diagnose::cause::Certainty::Possible,
        signs: &[Fact("it is unhealthy and nothing else was found", unexplained)],
        mend: "run the check by hand in the container and read its log",
    },
];

fn unexplained(evidence: &Evidence) -> Vec<String> {
    if evidence.at_rest || evidence.health != crate::diagnose::evidence::Verdict::Unhealthy {
        return Vec::new();
    }
    let last = evidence.failed_probes().last();
    let said = last.map(|probe| {
        format!("health probe ended with exit code {}: {}", probe.exit_code, probe.output.trim())
    });
    vec![said.unwrap_or_else(|| "the engine says unhealthy".to_owned())]
}
