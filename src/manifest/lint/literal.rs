//! Whether something is a secret, and whether it stands in the file itself.

/// Ends of the names of variables that hold secrets.
const SECRET_ENDS: [&str; 10] = [
    "PASSWORD",
    "PASSWD",
    "_PASS",
    "PASSPHRASE",
    "SECRET",
    "TOKEN",
    "_KEY",
    "APIKEY",
    "CREDENTIALS",
    "_PWD",
];

/// Ends of names that look like those of secrets and are not.
const HARMLESS_ENDS: [&str; 12] = [
    "PUBLIC_KEY",
    "PUB_KEY",
    "SORT_KEY",
    "PRIMARY_KEY",
    "FOREIGN_KEY",
    "PARTITION_KEY",
    "ROUTING_KEY",
    "CACHE_KEY",
    "EMPTY_PASSWORD",
    "RANDOM_ROOT_PASSWORD",
    "ONETIME_PASSWORD",
    "HOST_KEY",
];

/// Whether a variable of this name holds a secret.
pub fn is_secret_name(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let ends = |list: &[&str]| list.iter().any(|end| upper.ends_with(end));
    ends(&SECRET_ENDS) && !ends(&HARMLESS_ENDS)
}

/// Whether a value can be a secret: no truth value, no path of a file in which the secret stands.
pub(super) fn may_be_secret(value: &str) -> bool {
    let word = value.trim().to_ascii_lowercase();
    let switch = matches!(
        word.as_str(),
        "" | "0" | "1" | "yes" | "no" | "true" | "false" | "on" | "off" | "null" | "none"
    );
    !switch && !word.starts_with('/')
}

/// `raw` without the variables that are put in: `a${B:-c}d$E` becomes `ad`.
pub(super) fn without_variables(raw: &str) -> String {
    let mut out = String::new();
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = if let Some(tail) = after.strip_prefix('$') {
            out.push_str("$$");
            tail
        } else if after.starts_with('{') {
            after.split_once('}').map_or("", |(_, tail)| tail)
        } else {
            after.trim_start_matches(|symbol: char| symbol == '_' || symbol.is_ascii_alphanumeric())
        };
    }
    out.push_str(rest);
    out
}

/// The default of a value that is one variable: `${NAME:-default}`.
pub(super) fn default_of(raw: &str) -> Option<&str> {
    let raw = raw.trim_matches(['"', '\'']);
    let body = raw.strip_prefix("${")?.strip_suffix('}')?;
    let (name, default) = body.split_once('-')?;
    let name = name.strip_suffix(':').unwrap_or(name);
    let is_name = name.chars().all(|symbol| symbol == '_' || symbol.is_ascii_alphanumeric());
    (is_name && !default.contains('$')).then_some(default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_told_from_others() {
        for name in ["MYSQL_ROOT_PASSWORD", "SECRET_KEY", "api_token", "AWS_SECRET_ACCESS_KEY"] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "PASSWORD_FILE",
            "TOKEN_EXPIRY",
            "JWT_PUBLIC_KEY",
            "MYSQL_ALLOW_EMPTY_PASSWORD",
            "KEYCLOAK",
            "COMPASS",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn variables_are_taken_out_of_a_text() {
        assert_eq!(without_variables("a${B:-c}d$E-f$$g"), "ad-f$$g");
        assert_eq!(without_variables("${A"), "");
        assert_eq!(default_of("\"${A:-b-c}\""), Some("b-c"));
        assert_eq!(default_of("${A:-$B}"), None);
        assert_eq!(default_of("x${A:-b}"), None);
    }
}
