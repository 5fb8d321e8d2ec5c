//! The keys that files may be opened with.

use std::fmt;
use std::str::FromStr;

use age::x25519::Identity;

use crate::model::secret::Secret;

/// Identities of age (`AGE-SECRET-KEY-1…`); several, so that keys can be changed one after the other.
#[derive(Clone, Default)]
pub struct Keyring {
    identities: Vec<Identity>,
    problems: Vec<String>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("recipients", &self.recipients())
            .field("problems", &self.problems)
            .finish_non_exhaustive()
    }
}

impl Keyring {
    /// Takes in the text of one place as `age-keygen` writes it: one identity a line, comments behind `#`. What is no
    /// identity is remembered as a problem, without its text.
    pub fn add(&mut self, place: &str, text: &Secret) {
        let before = self.identities.len();
        for (index, line) in text.expose().lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match Identity::from_str(line) {
                Ok(identity) => self.identities.push(identity),
                Err(_) => self.add_problem(format!(
                    "line {} of {place} is no key of age (AGE-SECRET-KEY-1…)",
                    index + 1
                )),
            }
        }
        if self.identities.len() == before && self.problems.is_empty() {
            self.add_problem(format!("{place} holds no key of age"));
        }
    }

    /// Remembers why a place could not be read: it is told where a file cannot be opened.
    pub fn add_problem(&mut self, problem: String) {
        self.problems.push(problem);
    }

    pub(super) fn identities(&self) -> impl Iterator<Item = &dyn age::Identity> {
        self.identities.iter().map(|identity| identity as &dyn age::Identity)
    }

    /// The public halves (`age1…`).
    pub(super) fn recipients(&self) -> Vec<String> {
        self.identities.iter().map(|identity| identity.to_public().to_string()).collect()
    }

    pub(super) fn problems(&self) -> &[String] {
        &self.problems
    }
}
