//! Every key with its support state, as the documentation lists them.

use super::kind::{Object, Support};
use super::project::PROJECT;
use crate::model::observed::ApiVersion;

/// A key of the specification with what composelet does with it, for the documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// Dotted path; `*` stands for a key of the user, `[]` for an entry of a list.
    pub path: String,
    /// `supported`, `supported from API x`, `no effect`, `refused` or `not yet`.
    pub state: String,
    /// API version that brought it, if not all engines have it.
    pub since: Option<ApiVersion>,
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
        let mut since = None;
        let (state, why) = match field.support {
            Support::Supported => ("supported".to_owned(), ""),
            Support::Since(api, what) => {
                since = Some(api);
                (format!("supported from API {}", api.with_engine()), what)
            }
            Support::NoEffect(why) => ("no effect".to_owned(), why),
            Support::NotRun(why) => ("refused".to_owned(), why),
            Support::NotYet(why) => ("not yet".to_owned(), why),
        };
        let refused = matches!(field.support, Support::NotYet(_) | Support::NotRun(_));
        let inner = field.kind.object().filter(|_| !refused);
        let inside = inner.map(|(suffix, object)| (format!("{path}{suffix}"), object));
        rows.push(KeyRow { path, state, since, why });
        if let Some((path, object)) = inside {
            walk(&path, object, rows);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::feature::FEATURES;
    use std::collections::BTreeMap;

    /// The table of `docs/manifest-reference.md`, one row a key.
    fn table() -> String {
        let rows = keys().into_iter().map(|row| {
            let why = if row.why.is_empty() { "" } else { row.why };
            format!("| `{}` | {} | {why} |\n", row.path, row.state)
        });
        rows.collect()
    }

    /// One list says what engines learned when: the schema may not say anything else.
    #[test]
    fn versions_are_those_of_the_features() {
        let stated: BTreeMap<String, ApiVersion> = keys()
            .into_iter()
            .filter_map(|row| {
                let path = row.path.replace(".*", "").replace("[]", "");
                let (_, below) = path.split_once('.')?;
                Some((below.to_owned(), row.since?))
            })
            .collect();
        let known: BTreeMap<String, ApiVersion> =
            FEATURES.iter().map(|feature| (feature.attribute.to_owned(), feature.since)).collect();
        assert_eq!(stated, known);
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
