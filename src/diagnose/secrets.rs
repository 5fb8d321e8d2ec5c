//! Which values of a project must not be shown, and how a text is shown without them (invariant 17).

use std::collections::BTreeSet;

use crate::model::config::ContainerConfig;
use crate::model::desired::DesiredProject;
use crate::model::hook::hide;
use crate::model::observed::ObservedState;
use crate::model::secret::{Secret, password_of_address};

/// Parts of the names of variables whose values are hidden: more of them than a warning is worth
/// ([`is_secret_name`](crate::manifest::is_secret_name)), since a log line loses little by it.
const SECRET_NAMES: &[&str] =
    &["pass", "secret", "token", "key", "credential", "auth", "private", "salt", "pwd", "dsn"];
/// Length from which a value of letters and digits without spaces is taken for a secret, whatever its name.
const OPAQUE: usize = 16;

/// Values that are taken out of everything that is shown of a project: of the files, and of containers that run.
pub fn hidden(desired: Option<&DesiredProject>, observed: &ObservedState) -> Vec<Secret> {
    let services = desired.into_iter().flat_map(|desired| desired.services.values());
    let wanted = services.map(|service| &service.config);
    let details = observed.containers.iter().filter_map(|one| one.detail.known());
    let configs = wanted.chain(details.map(|detail| &detail.config));
    let mut values: BTreeSet<Secret> = BTreeSet::new();
    for config in configs {
        for (name, value) in &config.environment {
            let Some(value) = value else { continue };
            if is_secret_name(name) || is_opaque(value.expose()) {
                values.insert(value.clone());
            }
            values.extend(password_of_address(value.expose()).map(Secret::from));
        }
        let words = config.command.iter().chain(&config.entrypoint).flatten();
        // What follows an option such as `--requirepass` is a secret, too.
        let pairs = words.clone().zip(words.skip(1));
        let given = pairs.filter(|(option, _)| {
            option.expose().starts_with('-') && is_secret_name(option.expose())
        });
        values.extend(given.map(|(_, value)| value.clone()));
    }
    values.into_iter().collect()
}

/// A text without the hidden values.
pub fn shown(text: &str, hidden: &[Secret]) -> String {
    hide(text, hidden)
}

/// Passwords among the variables of a container.
pub(super) fn passwords(config: &ContainerConfig) -> Vec<String> {
    let named = config.environment.iter().filter(|(name, _)| name.to_lowercase().contains("pass"));
    let values =
        named.filter_map(|(_, value)| value.as_ref()).map(|value| value.expose().to_owned());
    values.filter(|value| !value.is_empty()).collect()
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_lowercase();
    SECRET_NAMES.iter().any(|part| name.contains(part))
}

/// Letters and digits without a space, a slash or a point, both kinds in it, and long.
fn is_opaque(value: &str) -> bool {
    let plain =
        |character: char| character.is_ascii_alphanumeric() || "-_+=!@#$%^&*".contains(character);
    value.len() >= OPAQUE
        && value.chars().all(plain)
        && value.chars().any(|one| one.is_ascii_digit())
        && value.chars().any(|one| one.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_of_urls_and_opaque_values_are_found() {
        assert_eq!(password_of_address("redis://:hunter2@redis:6379/0"), Some("hunter2"));
        assert_eq!(password_of_address("postgres://app:p%40ss@db/shop?x=a@b"), Some("p%40ss"));
        assert_eq!(password_of_address("http://web:8000/"), None);
        assert!(is_opaque("a8f3k2m9q1z7x5c4"));
        assert!(!is_opaque("production") && !is_opaque("django.core.cache2backends"));
        assert!(is_secret_name("--requirepass") && is_secret_name("API_KEY"));
        assert!(!is_secret_name("DB_HOST"));
    }
}
