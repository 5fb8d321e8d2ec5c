//! docker compose 2.26, the oracle: what it makes we adopt, what we make it finds.

use std::path::Path;
use std::process::{Command, Output};

use crate::support_real::engine::Engine;

/// Runs `docker compose` in a directory; standard output. A failure of it fails the test.
pub(crate) fn compose(engine: &Engine, directory: &Path, arguments: &[&str]) -> String {
    let output = try_compose(engine, directory, arguments);
    assert!(
        output.status.success(),
        "docker compose {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The same, and it may fail.
pub(crate) fn try_compose(engine: &Engine, directory: &Path, arguments: &[&str]) -> Output {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/oracle");
    assert!(
        config.join("cli-plugins/docker-compose").exists(),
        "docker compose 2.26 is missing: run scripts/oracle"
    );
    Command::new("docker")
        .arg("compose")
        .args(arguments)
        .current_dir(directory)
        .env("DOCKER_CONFIG", config)
        .env("DOCKER_HOST", engine.address())
        .output()
        .expect("the docker client is installed")
}
