//! Every key with its support state, as the documentation lists them.

use super::kind::{Object, Support};
use super::project::PROJECT;

/// A key of the specification with what composelet does with it, for the documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// Dotted path; `*` stands for a key of the user, `[]` for an entry of a list.
    pub path: String,
    /// `supported`, `no effect` or `not yet`.
    pub state: &'static str,
    /// Why.
    pub why: &'static str,
}

/// Every key of the specification, depth first.
pub fn keys() -> Vec<KeyRow> {
    let mut rows = Vec::new();
    walk("", &PROJECT, &mut rows);
    rows
}

fn walk(path: &str, object: &'static Object, rows: &mut Vec<KeyRow>) {
    for field in object.fields {
        let dot = if path.is_empty() { "" } else { "." };
        let path = format!("{path}{dot}{}", field.key);
        let (state, why) = match field.support {
            Support::Supported => ("supported", ""),
            Support::NoEffect(why) => ("no effect", why),
            Support::NotYet(why) => ("not yet", why),
        };
        if let Some((suffix, object)) = field.kind.object() {
            let inner = format!("{path}{suffix}");
            rows.push(KeyRow { path, state, why });
            if state != "not yet" {
                walk(&inner, object, rows);
            }
        } else {
            rows.push(KeyRow { path, state, why });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of `docs/manifest-reference.md`, one row a key.
    fn table() -> String {
        let rows = keys().into_iter().map(|row| {
            let why = if row.why.is_empty() { "" } else { row.why };
            format!("| `{}` | {} | {why} |\n", row.path, row.state)
        });
        rows.collect()
    }

    #[test]
    fn the_reference_has_a_row_for_every_key() {
        let path =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/manifest-reference.md");
        let text = std::fs::read_to_string(&path).unwrap();
        let (begin, end) = ("<!-- keys: begin -->\n", "<!-- keys: end -->");
        let (head, rest) = text.split_once(begin).unwrap();
        let (rows, tail) = rest.split_once(end).unwrap();
        let wanted = format!("| key | state | why |\n|---|---|---|\n{}", table());
        if rows != wanted && std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&path, format!("{head}{begin}{wanted}{end}{tail}")).unwrap();
        } else {
            assert_eq!(rows, wanted, "run the tests with UPDATE_EXPECT=1");
        }
    }
}
