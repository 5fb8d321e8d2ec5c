//! Logins for registries, from the Docker command line's own configuration and its credential helpers.

use std::fmt;
use std::time::Duration;

use docker_credential::{CredentialRetrievalError, DockerCredential};
use serde_json::{Value, json};

/// Longest time that a credential helper gets.
const HELPER_LIMIT: Duration = Duration::from_secs(10);
/// In the place of a user: what stands for the password is an identity token.
const TOKEN_USER: &str = "<token>";
/// The key of Docker's own registry in the configuration.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// A login for one registry. It prints nothing of itself.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct RegistryLogin {
    server: String,
    credential: Credential,
}

#[derive(Clone, PartialEq, Eq)]
enum Credential {
    Password { user: String, password: String },
    IdentityToken(String),
}

impl fmt::Debug for RegistryLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryLogin").field("server", &self.server).finish_non_exhaustive()
    }
}

impl RegistryLogin {
    /// The form of the API's headers; for the engine call only.
    pub(super) fn to_json(&self) -> Value {
        match &self.credential {
            Credential::Password { user, password } => {
                json!({"username": user, "password": password, "serveraddress": self.server})
            }
            Credential::IdentityToken(token) => {
                json!({"identitytoken": token, "serveraddress": self.server})
            }
        }
    }
}

impl RegistryLogin {
    /// User and password, or nobody and a token, as BuildKit takes them.
    pub(super) fn to_pair(&self) -> (String, String) {
        match &self.credential {
            Credential::Password { user, password } => (user.clone(), password.clone()),
            Credential::IdentityToken(token) => (String::new(), token.clone()),
        }
    }
}

/// The key under which a reference's registry stands in the configuration.
pub(super) fn registry_of(reference: &str) -> &str {
    match reference.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => match host {
            "docker.io" | "index.docker.io" => DOCKER_HUB,
            host => host,
        },
        _ => DOCKER_HUB,
    }
}

/// The login for a registry, if there is one.
///
/// # Errors
/// The configuration cannot be read, or a credential helper failed, with what to do about it. What the helper said is left
/// out: it may be a secret. The caller asks the registry as nobody then, and shows this text if that is refused.
pub(super) async fn login(registry: &str) -> Result<Option<RegistryLogin>, String> {
    let server = registry.to_owned();
    let asked = registry.to_owned();
    let lookup = tokio::task::spawn_blocking(move || docker_credential::get_credential(&asked));
    let found = match tokio::time::timeout(HELPER_LIMIT, lookup).await {
        Ok(Ok(Ok(found))) => found,
        Ok(Ok(Err(error))) => return nothing(&error),
        Ok(Err(_)) => return Err("the lookup of the login failed".to_owned()),
        Err(_) => {
            let seconds = HELPER_LIMIT.as_secs();
            return Err(format!("the credential helper gave no answer within {seconds} s"));
        }
    };
    let credential = match found {
        // As helpers tell an identity token: by this word in the place of the user.
        DockerCredential::UsernamePassword(user, token) if user == TOKEN_USER => {
            Credential::IdentityToken(token)
        }
        DockerCredential::UsernamePassword(user, password) => {
            Credential::Password { user, password }
        }
        DockerCredential::IdentityToken(token) => Credential::IdentityToken(token),
    };
    Ok(Some(RegistryLogin { server, credential }))
}

/// No login is no trouble; a helper that fails is.
fn nothing(error: &CredentialRetrievalError) -> Result<Option<RegistryLogin>, String> {
    use CredentialRetrievalError as Error;
    let why = match error {
        // A file that is not there comes as one that cannot be read.
        Error::NoCredentialConfigured | Error::ConfigNotFound | Error::ConfigReadError => {
            return Ok(None);
        }
        // The protocol of helpers: "credentials not found in native keychain" means that there are none.
        Error::HelperFailure { stdout, stderr, .. }
            if [stdout, stderr].iter().any(|text| text.contains("credentials not found")) =>
        {
            return Ok(None);
        }
        Error::HelperFailure { helper, .. } => format!("the credential helper {helper} failed"),
        Error::HelperCommunicationError => {
            "the credential helper of the Docker configuration cannot be run: is it on the PATH of the controller?"
                .to_owned()
        }
        Error::MalformedHelperResponse => {
            "the credential helper of the Docker configuration gave an answer that cannot be read"
                .to_owned()
        }
        Error::CredentialDecodingError | Error::CredentialMismatchError => {
            "the login in the Docker configuration cannot be read: run `docker login` again"
                .to_owned()
        }
    };
    Err(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_of_references() {
        let table = [
            ("nginx", DOCKER_HUB),
            ("library/nginx:1", DOCKER_HUB),
            ("docker.io/library/nginx", DOCKER_HUB),
            ("ghcr.io/a/b:1", "ghcr.io"),
            ("localhost/a", "localhost"),
            ("localhost:5000/a", "localhost:5000"),
        ];
        for (reference, registry) in table {
            assert_eq!(registry_of(reference), registry, "{reference}");
        }
    }

    #[test]
    fn a_helper_that_fails_is_told_and_quotes_nothing() {
        let failed = |stdout: &str| CredentialRetrievalError::HelperFailure {
            helper: "docker-credential-pass".into(),
            stdout: stdout.into(),
            stderr: String::new(),
        };
        let none = failed("credentials not found in native keychain");
        assert_eq!(nothing(&none), Ok(None));
        let told = nothing(&failed("hunter2")).unwrap_err();
        assert!(told.contains("docker-credential-pass") && !told.contains("hunter2"), "{told}");
        assert_eq!(nothing(&CredentialRetrievalError::NoCredentialConfigured), Ok(None));
        assert!(nothing(&CredentialRetrievalError::HelperCommunicationError).is_err());
    }

    #[test]
    fn a_login_does_not_print_itself() {
        let credential = Credential::Password { user: "anna".into(), password: "hunter2".into() };
        let login = RegistryLogin { server: "ghcr.io".into(), credential };
        let shown = format!("{login:?}");
        assert!(!shown.contains("anna") && !shown.contains("hunter2"), "{shown}");
        assert_eq!(login.to_json()["password"], "hunter2");
    }
}
