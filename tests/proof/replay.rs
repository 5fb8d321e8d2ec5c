//! PROOF_REPLAY=file runs one scenario twice and prints its trace.

use std::fs;

use crate::run::run;
use crate::scenario::Scenario;

#[test]
fn replay() {
    let Ok(path) = std::env::var("PROOF_REPLAY") else {
        return;
    };
    let text = fs::read_to_string(&path).expect("the file can be read");
    let scenario: Scenario = serde_json::from_str(&text).expect("it is a scenario");
    let (outcome, again) = (run(&scenario), run(&scenario));
    println!("{}", outcome.story.join("\n"));
    println!("{}", outcome.tail.join("\n"));
    println!("trace {}, {} calls, {:?}", outcome.hash, outcome.calls, outcome.elapsed);
    assert_eq!(outcome.hash, again.hash, "it runs differently the second time");
    assert!(outcome.violations.is_empty(), "{:#?}", outcome.violations);
}
