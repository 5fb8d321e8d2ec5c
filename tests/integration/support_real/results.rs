//! Raw results for `scripts/scorecard`: JSON lines below `target/results`, one file for each kind of figure.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use serde_json::Value;

/// Adds a line to the results of a kind. Lines of earlier runs stay until somebody removes the file.
pub(crate) fn record(kind: &str, result: &Value) {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/results");
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join(format!("{kind}.jsonl"));
    let mut file = File::options().create(true).append(true).open(path).unwrap();
    // One write for a line: tests run beside each other.
    file.write_all(format!("{result}\n").as_bytes()).unwrap();
}
