//! Names with `*` for any characters.

use std::fmt;

/// A pattern; `*` stands for any number of characters of any kind. All of a text has to fit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Glob(String);

impl Glob {
    /// Wraps a pattern.
    pub fn new(pattern: impl Into<String>) -> Self {
        Self(pattern.into())
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names one thing only.
    pub fn is_exact(&self) -> bool {
        !self.0.contains('*')
    }

    /// Whether all of `text` fits. Takes no longer than the product of both lengths.
    pub fn matches(&self, text: &str) -> bool {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = text.strip_prefix(first) else {
            return false;
        };
        if self.is_exact() {
            return rest.is_empty();
        }
        let parts: Vec<&str> = parts.collect();
        let Some((last, middle)) = parts.split_last() else {
            return false;
        };
        for part in middle {
            let Some((_, after)) = rest.split_once(part) else {
                return false;
            };
            rest = after;
        }
        rest.ends_with(last)
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_the_text_has_to_fit() {
        let fits = |pattern: &str, text: &str| Glob::new(pattern).matches(text);
        assert!(fits("shop", "shop") && !fits("shop", "shop2") && !fits("shop", "my-shop"));
        assert!(fits("shop*", "shop") && fits("shop*", "shop2") && !fits("shop*", "my-shop"));
        assert!(fits("r.example.org/shop/*", "r.example.org/shop/web"));
        assert!(!fits("r.example.org/shop/*", "evil.org/r.example.org/shop/web"));
        assert!(!fits("r.example.org/shop/*", "r.example.org/shopping/web"));
        assert!(fits("*-db-*x", "a-db-b-db-x") && !fits("*-db-*x", "a-db-"));
        assert!(fits("*", "") && !fits("a*a", "a"));
    }
}
