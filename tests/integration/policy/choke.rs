//! There is no way round the gate: read from the source, as the tidy tests do.

use std::fs;
use std::path::Path;

/// Calls of the client that make and run nothing.
const HARMLESS: [&str; 8] = [
    "disconnect_network(",
    "remove_container(",
    "remove_network(",
    "rename_container(",
    "start_container(",
    // What it starts was made by a request of its own.
    "start_exec(",
    "stop_container(",
    "unpause_container(",
];

fn sources(directory: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
}

fn engine() -> Vec<(String, String)> {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/engine"), &mut found);
    found
}

#[test]
fn whatever_is_posted_has_passed_the_gate() {
    let mut posts = 0;
    for (path, text) in engine() {
        // From one head of a function to the next.
        let sends = |part: &&str| {
            ["RawRequest::post(", "RawRequest::put("].iter().any(|call| part.contains(call))
        };
        for function in text.split(" fn ").filter(sends) {
            let name = function.split(['(', '<']).next().unwrap_or_default();
            // A signal, the size of a terminal or a smaller cache makes and runs nothing.
            let harmless =
                ["kill_container", "prune_build_cache", "resize_container", "resize_exec"]
                    .contains(&name);
            assert!(function.contains("Admitted<") || harmless, "{path}: {name}");
            posts += 1;
        }
    }
    assert!(posts >= 8, "{posts}");
}

#[test]
fn calls_of_the_client_itself_make_and_run_nothing() {
    let mut calls = 0;
    for (path, text) in engine() {
        for call in text.split("self.docker.").skip(1) {
            let name = &call[..=call.find('(').unwrap_or_default()];
            assert!(HARMLESS.contains(&name) || name == "clone(", "{path}: {name}");
            calls += 1;
        }
    }
    assert!(calls >= HARMLESS.len(), "{calls}");
}

#[test]
fn only_the_gate_makes_what_has_passed_it() {
    for (path, text) in engine() {
        let makes = text.matches("Admitted(").count();
        assert!(makes == 0 || path.ends_with("engine/admission.rs"), "{path}");
    }
}

/// What commands of people do passes the gate as well: only what reads may take an engine without it.
#[test]
fn commands_that_change_something_take_the_engine_behind_the_gate() {
    let reading = ["by_hand.rs", "diagnose.rs", "doctor.rs", "foresight.rs", "logs.rs", "port.rs"];
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli"), &mut found);
    for (path, text) in found {
        let connects = text.contains("foresight::connect(") || text.contains("Engine::connect(");
        // The controller's own is admitted when it begins.
        let known =
            reading.iter().chain(&["run.rs"]).any(|name| path.ends_with(&format!("/{name}")));
        assert!(!connects || known, "{path}: take by_hand::engine");
    }
}
