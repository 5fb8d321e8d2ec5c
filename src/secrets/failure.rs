//! Why a file cannot be opened, in words. None of them is taken from what the file says.

use crate::model::encrypted::Unopened;
use crate::secrets::keyring::Keyring;

/// Why a file cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// None of the keys is that of a recipient; for whom it is encrypted, in words.
    NoKey(String),
    /// It asks for a passphrase.
    Passphrase,
    /// It is not what was encrypted, or not whole; the text says how that shows.
    Damaged(String),
    /// A way of encryption that is not read here.
    Unsupported(String),
}

impl Failure {
    pub(super) fn damaged<T>(how: impl Into<String>) -> Result<T, Self> {
        Err(Self::Damaged(how.into()))
    }

    pub(super) fn unsupported<T>(what: impl Into<String>) -> Result<T, Self> {
        Err(Self::Unsupported(what.into()))
    }

    /// The same for people who have these keys.
    pub(super) fn unopened(self, keys: &Keyring) -> Unopened {
        let (why, help) = match self {
            Self::NoKey(recipients) => no_key(&recipients, keys),
            Self::Passphrase => (
                "is encrypted with a passphrase, which nobody is there to type".to_owned(),
                "encrypt it for a recipient: age -r age1…".to_owned(),
            ),
            Self::Damaged(how) => (
                format!("cannot be decrypted: {how}"),
                "it was changed after it was encrypted, or is not whole: take it from the repository again, or encrypt it anew"
                    .to_owned(),
            ),
            Self::Unsupported(what) => (
                format!("cannot be decrypted: {what}"),
                "encrypt it with age, or with SOPS for age recipients as dotenv, YAML, JSON or binary".to_owned(),
            ),
        };
        Unopened { why, help }
    }
}

fn no_key(recipients: &str, keys: &Keyring) -> (String, String) {
    let own = keys.recipients();
    let mut why = match own.as_slice() {
        [] => format!("is encrypted for {recipients}, and there is no key"),
        own => format!(
            "is encrypted for {recipients}, and none of the keys opens it; they are those of {}",
            own.join(", ")
        ),
    };
    for problem in keys.problems() {
        why.push_str("; ");
        why.push_str(problem);
    }
    let help = if own.is_empty() {
        "name the key of a recipient in the settings: `secrets: {age_keys: [{file: PATH}]}` or {env: NAME}"
    } else {
        "encrypt it for one of these as well, or add the key of a recipient to `secrets.age_keys` of the settings"
    };
    (why, help.to_owned())
}
