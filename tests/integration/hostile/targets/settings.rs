//! The settings file, and the Docker command line's configuration with its logins.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Parser;
use composelet::cli::args::Cli;
use composelet::cli::settings::{Settings, Surroundings};

/// The bytes as `composelet.yaml`.
pub(crate) fn settings(data: &[u8]) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("composelet.yaml");
    std::fs::write(&path, data).unwrap();
    let arguments =
        ["composelet".into(), "--config".into(), path.clone().into_os_string(), "version".into()];
    let cli = Cli::try_parse_from(arguments).unwrap();
    let around =
        Surroundings { directory: PathBuf::from(directory.path()), environment: BTreeMap::new() };
    match (Settings::resolve(&cli.global, &around), Settings::resolve(&cli.global, &around)) {
        (Ok(one), Ok(two)) => assert_eq!(format!("{one:?}"), format!("{two:?}")),
        (Err(one), Err(two)) => {
            assert_eq!(one.message, two.message);
            assert!(one.message.len() <= 8 << 10, "{} bytes of message", one.message.len());
            let bad = one.message.contains(|letter: char| letter.is_control() && letter != '\n');
            assert!(!bad, "{:?}", one.message);
        }
        _ => panic!("not deterministic"),
    }
}

/// The bytes as `~/.docker/config.json`, read by the crate that the engine's logins come from. Helpers are programs and
/// are not started here.
pub(crate) fn credentials(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    // Escapes could spell the names of keys that start a helper.
    if text.contains("cred") || text.contains('\\') {
        return;
    }
    for registry in ["https://index.docker.io/v1/", "ghcr.io", "localhost:5000", ""] {
        let found = docker_credential::get_credential_from_reader(data, registry);
        if let Ok(docker_credential::DockerCredential::UsernamePassword(user, _)) = found {
            assert!(!user.is_empty() || text.contains("auth"));
        }
    }
}
