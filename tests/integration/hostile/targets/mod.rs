//! What is done with one input of each target, and what must hold for it. The same functions run below libFuzzer (`fuzz/`)
//! and as properties on every commit; an input that breaks a rule panics.

mod context;
mod engine;
mod git;
mod ledger;
mod manifest;
mod settings;
mod values;

pub(crate) use manifest::{Case, ROUND_TRIP, load_case};

/// Name of a target, and what is done with one input.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// Every target.
pub(crate) const TARGETS: [Target; 13] = [
    ("manifest", manifest::project),
    ("yaml", manifest::yaml),
    ("dotenv", manifest::dotenv),
    ("interpolation", manifest::interpolation),
    ("values", values::attributes),
    ("engine", engine::answers),
    ("progress", engine::progress),
    ("ledger", ledger::files),
    ("context", context::ignore_and_archive),
    ("credentials", settings::credentials),
    ("settings", settings::settings),
    ("git_words", git::words),
    ("git_tree", git::tree),
];

/// Pieces of an input: what stands before the first line `=== name`, then each name with what follows it.
pub(crate) fn sections(data: &[u8]) -> (&[u8], Vec<(String, &[u8])>) {
    let mut first = data.len();
    let mut found: Vec<(String, usize, usize)> = Vec::new();
    let mut at = 0;
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        if let Some(name) =
            line.strip_prefix(b"=== ").and_then(|name| std::str::from_utf8(name).ok())
        {
            let name = name.trim_end();
            if !name.is_empty() && name.len() <= 80 && !name.contains('\0') {
                first = first.min(at);
                found.push((name.to_owned(), at, at + line.len()));
            }
        }
        at += line.len();
    }
    let ends = found.iter().skip(1).map(|(_, begin, _)| *begin).chain([data.len()]);
    let pieces =
        found.iter().zip(ends).map(|((name, _, from), to)| (name.clone(), &data[*from..to]));
    (&data[..first], pieces.collect())
}
