//! From evidence to findings.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::diagnose::catalogue::{CONSEQUENCES, causes};
use crate::diagnose::cause::{Cause, Certainty, Sign};
use crate::diagnose::evidence::Evidence;
use crate::diagnose::sight::holds_all;

/// Most lines of evidence of one finding.
const MOST_LINES: usize = 4;

/// What is wrong, how that is known, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The service.
    pub service: String,
    /// The container; empty if there is none.
    pub container: String,
    /// Name of the cause in the catalogue.
    pub cause: &'static str,
    /// The cause as a sentence.
    pub title: &'static str,
    /// How sure it is.
    pub certainty: Certainty,
    /// The lines that say so.
    pub evidence: Vec<String>,
    /// What to do.
    pub mend: &'static str,
}

/// What is wrong with one container, the surest first. One line of evidence speaks for one cause only: the first entry of
/// the catalogue that claims it.
pub fn diagnose(evidence: &Evidence) -> Vec<Finding> {
    let mut claimed = BTreeSet::new();
    let mut findings: Vec<Finding> = Vec::new();
    for cause in causes() {
        if cause.certainty == Certainty::Possible && !findings.is_empty() {
            continue;
        }
        let lines = seen(cause, evidence);
        let fresh: Vec<String> =
            lines.into_iter().filter(|line| !claimed.contains(line)).take(MOST_LINES).collect();
        if fresh.is_empty() {
            continue;
        }
        claimed.extend(seen(cause, evidence));
        findings.push(Finding {
            service: evidence.service.clone(),
            container: evidence.container.clone(),
            cause: cause.id,
            title: cause.title,
            certainty: cause.certainty,
            evidence: fresh,
            mend: cause.mend,
        });
    }
    findings.sort_by_key(|finding| finding.certainty);
    findings
}

/// What is wrong with several containers. What is only a consequence of another service's trouble comes after that, and
/// replicas with the same fault are one finding.
pub fn diagnose_all(evidence: &[Evidence]) -> Vec<Finding> {
    let mut all: Vec<Finding> = Vec::new();
    for finding in evidence.iter().flat_map(diagnose) {
        let twin =
            |other: &Finding| other.service == finding.service && other.cause == finding.cause;
        if !all.iter().any(twin) {
            all.push(finding);
        }
    }
    let roots: BTreeSet<String> = all
        .iter()
        .filter(|finding| !CONSEQUENCES.contains(&finding.cause))
        .map(|finding| finding.service.clone())
        .collect();
    let follows = |finding: &Finding| {
        let others = roots.iter().any(|root| *root != finding.service);
        CONSEQUENCES.contains(&finding.cause) && others
    };
    all.sort_by_key(|finding| (follows(finding), finding.certainty, finding.service.clone()));
    all
}

/// The lines that speak for a cause.
fn seen(cause: &Cause, evidence: &Evidence) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for sign in cause.signs {
        for line in shown(sign, evidence) {
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    lines
}

fn shown(sign: &Sign, evidence: &Evidence) -> Vec<String> {
    match sign {
        Sign::Engine(pieces) => {
            let texts = evidence.engine_texts().filter(|text| holds_all(text, pieces));
            texts.map(str::to_owned).collect()
        }
        Sign::Log(pieces) => {
            // The newest first: it is what is wrong now.
            let lines = evidence.telling_lines().iter().rev();
            lines.filter(|line| holds_all(line, pieces)).cloned().collect()
        }
        Sign::Probe(pieces) => {
            let probes = evidence.failed_probes().map(|probe| probe.output.trim());
            let told = probes.filter(|output| holds_all(output, pieces));
            told.map(|output| format!("health probe: {output}")).collect()
        }
        Sign::Warning(code) => {
            let warnings = evidence.warnings.iter().filter(|warning| warning.code == *code);
            warnings.map(|warning| warning.text.clone()).collect()
        }
        Sign::Fact(_, look) => look(evidence),
    }
}
