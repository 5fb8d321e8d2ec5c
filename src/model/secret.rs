//! Values that may hold secrets: environment, command lines, health checks, labels.

use std::fmt::{self, Write as _};

use sha2::{Digest, Sha256};

/// A text that may be a secret. It has no `Display` and no `Serialize`, and `Debug` does not show it (invariant 17):
/// whoever needs the text says so by calling [`Secret::expose`].
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Secret(String);

impl Secret {
    /// Wraps the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself: for the engine call and for comparison only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The password in an address, as in `redis://:password@host`.
pub fn password_of_address(text: &str) -> Option<&str> {
    let (_, tail) = text.split_once("://")?;
    let authority = tail.split(['/', '?', '#', ' ', '"', '\'']).next()?;
    let (user, _) = authority.rsplit_once('@')?;
    let (_, password) = user.split_once(':')?;
    (!password.is_empty()).then_some(password)
}

/// Eight hexadecimal digits by which two values can be told apart without showing either. The salt is the
/// installation's own random value, so that digests cannot be looked up in a table of common passwords.
pub fn salted_digest(salt: &str, text: &str) -> String {
    sha256_hex([salt, "\0", text]).chars().take(8).collect()
}

/// Lower-case hexadecimal SHA-256 of the concatenated parts.
pub fn sha256_hex<T: AsRef<[u8]>>(parts: impl IntoIterator<Item = T>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_ref());
    }
    let mut out = String::with_capacity(64);
    for byte in hasher.finalize() {
        // Writing into a String cannot fail.
        let _ok = write!(out, "{byte:02x}").is_ok();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_of_an_address_is_found() {
        assert_eq!(password_of_address("redis://:pw@redis:6379/0"), Some("pw"));
        assert_eq!(password_of_address("postgres://app:p@ss@db/x?a=b@c"), Some("p@ss"));
        for text in ["http://host:80/a:b@c", "redis://app@redis", "redis://:@redis", "a:b@c"] {
            assert_eq!(password_of_address(text), None, "{text}");
        }
    }
}
