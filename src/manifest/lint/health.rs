//! Health checks that say less than they seem to.

use crate::manifest::lint::run::{Findings, Project};
use crate::manifest::lint::service::{Probe, Service};
use crate::manifest::node::Node;
use crate::manifest::report::Finding;

/// Ends of a line for a shell after which every failure is forgotten.
const FORGET: [&str; 6] = ["|| true", "|| exit 0", "|| :", "; true", "; exit 0", "; :"];

pub(super) fn check(project: &Project<'_>, findings: &mut Findings<'_>) {
    for service in &project.services {
        if let Some(probe) = service.probe() {
            let field = format!("{}.healthcheck.test", service.field);
            if cannot_fail(&probe) {
                always_good(&probe, &field, findings);
            } else {
                without_password(service, &probe, &field, findings);
                curl(service, &probe, &field, findings);
            }
        }
    }
}

fn cannot_fail(probe: &Probe<'_>) -> bool {
    let line = probe.line.trim().trim_end_matches(';').trim_end();
    if matches!(line, "true" | "/bin/true" | ":" | "exit 0") {
        return probe.shell || line != "exit 0";
    }
    let before = FORGET.iter().find_map(|end| line.strip_suffix(end));
    // A failure may have ended the shell before its last words.
    let left_early = |before: &str| before.contains("exit ") || before.contains("set -");
    probe.shell && before.is_some_and(|before| !left_early(before))
}

fn always_good(probe: &Probe<'_>, field: &str, findings: &mut Findings<'_>) {
    findings.add(
        Finding::warning("health-cannot-fail", field, "this check is good whatever happens")
            .at(probe.place)
            .help("let the command fail: remove what hides its exit code; || exit 1 is right"),
    );
}

/// Redis answers NOAUTH to whoever gives no password, and `redis-cli` ends with 0 all the same.
fn without_password(
    service: &Service<'_>,
    probe: &Probe<'_>,
    field: &str,
    findings: &mut Findings<'_>,
) {
    let command = ["command", "entrypoint"].map(|key| service.words(key));
    let wanted = command.iter().flat_map(|words| words.iter()).filter_map(Node::as_text);
    let wanted = wanted.into_iter().any(|word| word.contains("--requirepass"));
    let has = |what: &str| {
        probe.line.split_whitespace().any(|word| word.trim_matches(['"', '\'']) == what)
    };
    let given = has("-a")
        || has("--pass")
        || has("-u")
        || has("--askpass")
        || probe.line.contains("REDISCLI_AUTH")
        || probe.line.contains("AUTH ")
        || service.node.at(&["environment", "REDISCLI_AUTH"]).is_some();
    if !wanted || given || !probe.line.contains("redis-cli") {
        return;
    }
    findings.add(
        Finding::warning(
            "health-without-password",
            field,
            "redis-cli gives no password, and the server wants one: the answer is NOAUTH whether Redis is well or not, with \
             exit code 0",
        )
        .at(probe.place)
        .help(
            "set REDISCLI_AUTH in the environment of the service, and look at the answer: redis-cli ping | grep -q PONG",
        ),
    );
}

fn curl(service: &Service<'_>, probe: &Probe<'_>, field: &str, findings: &mut Findings<'_>) {
    let words: Vec<&str> = if probe.shell {
        probe.line.split_whitespace().collect()
    } else {
        probe.words.iter().filter_map(|word| word.as_text()).collect()
    };
    let first = words.first().and_then(|word| word.rsplit('/').next());
    // What is done with the output of curl decides otherwise.
    let plain = probe.line.replace("||", "");
    let judged = plain.contains(['|', '`', '(', '<', '>']) || plain.contains("-w");
    let calls = words.iter().filter(|word| word.ends_with("curl")).count();
    if first != Some("curl")
        || judged
        || calls != 1
        || !plain.contains("http") && !plain.contains("localhost")
    {
        return;
    }
    let flag = |letter: char, long: &str| {
        words.iter().any(|word| {
            let short = word.starts_with('-') && !word.starts_with("--") && word.contains(letter);
            short || word.starts_with(long)
        })
    };
    if !flag('f', "--fail") {
        findings.add(
            Finding::warning(
                "curl-without-fail",
                field,
                "curl takes an answer of 404 or 500 for good",
            )
            .at(probe.place)
            .help("write curl -f; it then ends with an error from 400 on"),
        );
    } else if !flag('L', "--location") && redirects(service, &words) {
        findings.add(
            Finding::note(
                "curl-redirect",
                field,
                "curl -f is content with a redirect to https, and never sees what is behind it",
            )
            .at(probe.place)
            .help("ask https with -k, a path that is served without a redirect, or follow with -L"),
        );
    }
}

/// Whether plain http is asked of a service that serves https, too.
fn redirects(service: &Service<'_>, words: &[&str]) -> bool {
    let targets: Vec<i64> = service.ports().map(|port| port.target).collect();
    let plain = words.iter().filter_map(|word| {
        let word = word.trim_matches(['"', '\'']);
        word.strip_prefix("http://").or_else(|| word.starts_with("localhost").then_some(word))
    });
    let port_80 = plain.into_iter().any(|address| {
        let host = address.split('/').next().unwrap_or("");
        host.split_once(':').is_none_or(|(_, port)| port == "80")
    });
    port_80 && targets.contains(&80) && targets.contains(&443)
}
