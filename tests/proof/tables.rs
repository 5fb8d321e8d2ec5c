//! The table of invariants and the documents are in step.

use crate::check::{INVARIANTS, Standing};

#[test]
fn every_invariant_is_documented() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reliability.md");
    let text = std::fs::read_to_string(path).expect("docs/reliability.md is there");
    for (name, standing) in INVARIANTS {
        let word = match standing {
            Standing::Checked(_) => "checked",
            Standing::ByProperty(_) => "by property",
        };
        let row = text.lines().find(|line| line.starts_with(&format!("| {name} |")));
        let row = row.unwrap_or_else(|| panic!("{name} has no row in docs/reliability.md"));
        assert!(row.contains(word), "{name}: the document must say `{word}`: {row}");
    }
}
