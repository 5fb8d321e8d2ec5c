//! Texts of a JSON document by their paths, also of one that is cut.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Levels that are looked at; nothing that is wanted lies deeper.
const DEPTH: usize = 8;
/// Longest name of a key that is looked at, in bytes.
const LONGEST_KEY: usize = 64;

/// Texts by path: `repository/clone_url`, `events/0/target/tag`.
#[derive(Debug)]
pub(super) struct Fields {
    texts: BTreeMap<String, String>,
    cut: bool,
}

/// Why a body that is authentic is no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It is no JSON, or no object.
    #[error("the body is no JSON object: {0}")]
    Json(String),
    /// What has to be there is not.
    #[error("`{0}` is missing")]
    Missing(&'static str),
}

impl Fields {
    /// Reads a document; of one that is `cut`, what comes before the cut.
    pub(super) fn read(bytes: &[u8], cut: bool) -> Result<Self, Malformed> {
        let mut texts = BTreeMap::new();
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let into = Into { texts: &mut texts, path: String::new(), depth: 0 };
        let read = reader.deserialize_map(into);
        match read.and_then(|()| if cut { Ok(()) } else { reader.end() }) {
            Err(error) if !(cut && error.is_eof()) => {
                // The text of the error may hold some of the body, which is the sender's own.
                let place = format!("line {}, column {}", error.line(), error.column());
                Err(Malformed::Json(place))
            }
            _ => Ok(Self { texts, cut }),
        }
    }

    /// A text that may be there.
    pub(super) fn get(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    /// The first of these that is there.
    pub(super) fn any(&self, paths: &[&str]) -> Option<&str> {
        paths.iter().find_map(|path| self.get(path))
    }

    /// A text that has to be there, unless it may lie behind the cut.
    pub(super) fn need(&self, path: &'static str) -> Result<Option<&str>, Malformed> {
        match self.get(path) {
            None if !self.cut => Err(Malformed::Missing(path)),
            found => Ok(found),
        }
    }

    /// Whether anything may lie behind a cut.
    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }
}

/// Where a value goes.
struct Into<'t> {
    texts: &'t mut BTreeMap<String, String>,
    path: String,
    depth: usize,
}

impl Into<'_> {
    fn below(&mut self, key: &str) -> Into<'_> {
        let slash = if self.path.is_empty() { "" } else { "/" };
        let path = format!("{}{slash}{key}", self.path);
        Into { texts: self.texts, path, depth: self.depth + 1 }
    }
}

impl<'de> DeserializeSeed<'de> for Into<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.depth >= DEPTH {
            return deserializer.deserialize_ignored_any(IgnoredAny).map(drop);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Into<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.texts.insert(self.path, text.to_owned());
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key.len() > LONGEST_KEY {
                map.next_value::<IgnoredAny>()?;
            } else {
                map.next_value_seed(self.below(&key))?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        let mut index = 0_u32;
        while list.next_element_seed(self.below(&index.to_string()))?.is_some() {
            index += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"ref":"refs/heads/main","n":[1,-2,1.5,null,true],
        "repository":{"clone_url":"https://h/ä","keys":[{"a":"x"}]},"after":"12"}"#;

    #[test]
    fn texts_have_paths() {
        let fields = Fields::read(TEXT.as_bytes(), false).unwrap();
        assert_eq!(fields.get("repository/keys/0/a"), Some("x"));
        assert_eq!(fields.any(&["none", "after"]), Some("12"));
        assert_eq!(fields.need("none"), Err(Malformed::Missing("none")));
    }

    #[test]
    fn a_cut_anywhere_leaves_what_was_whole() {
        for length in 0..TEXT.len() {
            let bytes = &TEXT.as_bytes()[..length];
            let fields = Fields::read(bytes, true).unwrap();
            assert_eq!(fields.get("ref").is_some(), length >= 24, "{length}");
            let is_last = length == TEXT.len() - 1;
            assert_eq!(fields.need("after").unwrap().is_some(), is_last, "{length}");
            assert!(Fields::read(bytes, false).is_err(), "{length}");
        }
    }

    #[test]
    fn what_is_no_object_is_malformed() {
        let deep = "[".repeat(8000);
        let nested = format!("{{\"a\":{}", "{\"a\":".repeat(1500));
        for bad in ["", "[]", "\"x\"", "{}{}", "{\"a\":}", "{'a':1}", &deep, &nested] {
            assert!(Fields::read(bad.as_bytes(), false).is_err(), "{bad:.20}");
        }
        assert!(Fields::read(b"{\"a\":\xff\"}", true).is_err());
        assert!(Fields::read(b"not json", true).is_err());
    }
}
