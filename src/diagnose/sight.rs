//! Small looks at evidence that several entries of the catalogue share.

use crate::diagnose::evidence::{Evidence, Neighbour, State, Verdict};

/// Whether all pieces stand in the text, in any order and case.
pub(super) fn holds_all(text: &str, pieces: &[&str]) -> bool {
    let text = text.to_lowercase();
    pieces.iter().all(|piece| text.contains(&piece.to_lowercase()))
}

/// Phrases of resolvers that do not know a name.
const UNRESOLVED: &[&str] = &[
    "name or service not known",
    "temporary failure in name resolution",
    "could not translate host name",
    "getaddrinfo enotfound",
    "getaddrinfo eai_again",
    "no such host",
    "unknownhostexception",
    "unknown mysql server host",
    "host not found in upstream",
    "could not resolve host",
    "nodename nor servname",
    "no address associated with hostname",
    "failure in name resolution",
];

/// Phrases of clients whom nobody answers.
const REFUSED: &[&str] = &[
    "connection refused",
    "econnrefused",
    "can't connect to mysql server on",
    "can't connect to server on",
    "connect() failed (111",
];

/// Lines of the log about a name that could not be resolved.
pub(super) fn unresolved(evidence: &Evidence) -> Vec<&String> {
    saying(evidence, UNRESOLVED)
}

/// Lines of the log about a connection that was refused.
pub(super) fn refused(evidence: &Evidence) -> Vec<&String> {
    saying(evidence, REFUSED)
}

fn saying<'a>(evidence: &'a Evidence, phrases: &[&str]) -> Vec<&'a String> {
    let says = |line: &&String| phrases.iter().any(|phrase| holds_all(line, &[phrase]));
    evidence.telling_lines().iter().rev().filter(says).collect()
}

/// The neighbour that a line names by a word of its own.
pub(super) fn named<'a>(evidence: &'a Evidence, line: &str) -> Option<&'a Neighbour> {
    let inside = |character: char| character.is_ascii_alphanumeric() || "_.-".contains(character);
    let words: Vec<&str> = line.split(|character| !inside(character)).collect();
    let called = |neighbour: &Neighbour| {
        let known = |word: &&str| neighbour.names.contains(*word) || *word == neighbour.service;
        words.iter().any(known)
    };
    evidence.neighbours.iter().find(|neighbour| called(neighbour))
}

/// Whether a neighbour serves, as far as anybody can tell.
pub(super) fn serves(neighbour: &Neighbour) -> bool {
    neighbour.state == State::Running && neighbour.health != Verdict::Unhealthy
}

/// Whether a neighbour and the container share a network.
pub(super) fn shares_network(evidence: &Evidence, neighbour: &Neighbour) -> bool {
    !evidence.networks.is_disjoint(&neighbour.networks)
}

/// Whether a database found its data when it started, instead of making them.
pub(super) fn found_old_data(log: &[String]) -> bool {
    let says = |phrase: &str| log.iter().any(|line| holds_all(line, &[phrase]));
    let skipped = says("skipping initialization");
    let mysql = says("entrypoint script for m") && !says("initializing database files");
    skipped || mysql
}

/// Whether an image is of this name, whatever registry, folder and tag it has.
pub(super) fn is_image(reference: &str, names: &[&str]) -> bool {
    let last = reference.rsplit('/').next().unwrap_or(reference);
    let name = last.split([':', '@']).next().unwrap_or(last);
    names.contains(&name)
}
