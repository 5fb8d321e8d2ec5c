//! Logins for registries, from the Docker command line's own configuration and its credential helpers.

use std::fmt;
use std::time::Duration;

use docker_credential::DockerCredential;
use serde_json::{Value, json};

/// Longest time that a credential helper gets.
const HELPER_LIMIT: Duration = Duration::from_secs(10);
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

/// The login for a registry, if there is one. A helper that fails or takes longer than 10 s counts as none: the engine
/// then pulls as nobody, and its answer says what is missing.
pub(super) async fn login(registry: &str) -> Option<RegistryLogin> {
    let server = registry.to_owned();
    let asked = registry.to_owned();
    let lookup = tokio::task::spawn_blocking(move || docker_credential::get_credential(&asked));
    let found = match tokio::time::timeout(HELPER_LIMIT, lookup).await {
        Ok(Ok(Ok(found))) => found,
        Ok(Ok(Err(_)) | Err(_)) => return None,
        Err(_) => {
            tracing::warn!(registry, "credential helper did not answer in time");
            return None;
        }
    };
    let credential = match found {
        DockerCredential::UsernamePassword(user, password) => {
            Credential::Password { user, password }
        }
        DockerCredential::IdentityToken(token) => Credential::IdentityToken(token),
    };
    Some(RegistryLogin { server, credential })
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
    fn a_login_does_not_print_itself() {
        let credential = Credential::Password { user: "anna".into(), password: "hunter2".into() };
        let login = RegistryLogin { server: "ghcr.io".into(), credential };
        let shown = format!("{login:?}");
        assert!(!shown.contains("anna") && !shown.contains("hunter2"), "{shown}");
        assert_eq!(login.to_json()["password"], "hunter2");
    }
}
