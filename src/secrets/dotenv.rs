//! Files of variables as SOPS keeps them: `NAME=ENC[…]` a line, and its own data in lines that begin with `sops_`.

use crate::secrets::plain::Plain;
use crate::secrets::tree::Tree;

const OWN: &str = "sops_";

/// Whether a text has the form of such a file.
pub(super) fn is_dotenv(text: &str) -> bool {
    text.lines().any(|line| {
        let own = line.strip_prefix(OWN).is_some_and(|rest| {
            ["mac=", "version=", "lastmodified=", "age__list_"]
                .iter()
                .any(|key| rest.starts_with(key))
        });
        own || line.split_once('=').is_some_and(|(_, value)| value.starts_with("ENC[AES256_GCM,"))
    })
}

/// The document, and the data of SOPS as they stand below `sops` elsewhere. `None` if a line is no assignment.
pub(super) fn read(text: &str) -> Option<(Vec<(String, Tree)>, Tree)> {
    let (mut document, mut own) = (Vec::new(), Vec::new());
    for line in text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)) {
        if line.is_empty() {
            continue;
        }
        if let Some(comment) = line.strip_prefix('#') {
            document.push((String::new(), Tree::Scalar(Plain::Comment(comment.into()))));
            continue;
        }
        let (name, value) = line.split_once('=')?;
        let value = Tree::Scalar(Plain::Text(value.replace("\\n", "\n").into()));
        match name.strip_prefix(OWN) {
            Some(name) => own.push((name.to_owned(), value)),
            None => document.push((name.to_owned(), value)),
        }
    }
    Some((document, folded(own)))
}

/// `age__list_0__map_enc` and its like as the list that they were flattened from.
fn folded(flat: Vec<(String, Tree)>) -> Tree {
    let (mut map, mut age): (Vec<(String, Tree)>, Vec<Tree>) = (Vec::new(), Vec::new());
    let mut number = None;
    for (name, value) in flat {
        let entry = name.strip_prefix("age__list_").and_then(|rest| rest.split_once("__map_"));
        let Some((index, key)) = entry else {
            map.push((name, value));
            continue;
        };
        // The lines are sorted, so that what belongs together stands together.
        if number.as_deref() != Some(index) {
            number = Some(index.to_owned());
            age.push(Tree::Map(Vec::new()));
        }
        if let Some(Tree::Map(entries)) = age.last_mut() {
            entries.push((key.to_owned(), value));
        }
    }
    map.push(("age".to_owned(), Tree::List(age)));
    Tree::Map(map)
}

/// The plain file.
pub(super) fn print(document: &[(String, Tree)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in document {
        match value {
            Tree::Scalar(Plain::Comment(text)) => {
                out.push(b'#');
                out.extend(text);
            }
            Tree::Scalar(Plain::Text(text)) => {
                out.extend(name.as_bytes());
                out.push(b'=');
                out.extend(escaped(text));
            }
            _ => {}
        }
        out.push(b'\n');
    }
    out
}

/// A line end of a value is written as `\n`.
fn escaped(text: &[u8]) -> Vec<u8> {
    text.split(|byte| *byte == b'\n').collect::<Vec<_>>().join(b"\\n".as_slice())
}
