//! What stands behind the question mark.

use std::collections::BTreeMap;

/// Parameters by name. None of ours needs a character that would have to be escaped.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(BTreeMap<String, String>);

impl Query {
    /// Reads the parameters that are known there.
    pub(super) fn parse(text: Option<&str>, known: &[&str]) -> Result<Self, String> {
        let mut all = BTreeMap::new();
        for pair in text.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if !known.contains(&name) {
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(format!("unknown parameter; known are: {known}"));
            }
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
            if !value.bytes().all(fits) {
                return Err(format!("{name}: a character that no value has"));
            }
            if all.insert(name.to_owned(), value.to_owned()).is_some() {
                return Err(format!("{name}: stands there twice"));
            }
        }
        Ok(Self(all))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A switch: `?name`, or `?name=true`.
    pub(super) fn flag(&self, name: &str) -> Result<bool, String> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("" | "true") => Ok(true),
            Some(_) => Err(format!("{name}: expected true or false")),
        }
    }

    /// A number within bounds.
    pub(super) fn number(
        &self,
        name: &str,
        bounds: std::ops::RangeInclusive<usize>,
        otherwise: usize,
    ) -> Result<usize, String> {
        let Some(text) = self.get(name) else { return Ok(otherwise) };
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|number| digits && bounds.contains(number));
        number.ok_or_else(|| {
            format!("{name}: expected a number from {} to {}", bounds.start(), bounds.end())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_is_read() {
        let parse = |text: &str| Query::parse(Some(text), &["last", "verbose"]);
        let query = parse("last=7&verbose").unwrap();
        assert_eq!((query.number("last", 1..=9, 3), query.flag("verbose")), (Ok(7), Ok(true)));
        for bad in ["x=1", "last=1&last=2", "last=%31", "last=1 2", "=1"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        for bad in ["last=0", "last=10", "last=", "last=-1", "last=99999999999999999999"] {
            let number = parse(bad).and_then(|query| query.number("last", 1..=9, 3));
            assert!(number.is_err(), "{bad}");
        }
        assert_eq!(Query::default().number("last", 1..=9, 3), Ok(3));
    }
}
