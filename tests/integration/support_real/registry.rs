//! A registry on the loopback interface (Debian's package docker-registry), with or without a login, and a Docker
//! configuration for whoever pulls from it. Engines take 127.0.0.0/8 for insecure registries without being told.

use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support_real::engine::{Engine, encode};
use crate::support_real::host::IMAGE;
use crate::support_real::wait::eventually;

/// The user that a registry with a login knows.
pub(crate) const USER: &str = "anna";
/// The user's password: in the standard alphabet of base64 it would need `/`, which engines do not read.
pub(crate) const PASSWORD: &str = "pw???>~";
/// Both, as `htpasswd -B` writes them.
const HTPASSWD: &str = "anna:$2y$05$iYg2sDu6eDkOo0ffc.VWZ.1/XUdybO.ivIvN9oFOPiORoHmHRn59e\n";

/// Whom a registry serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody.
    Open,
    /// [`USER`].
    Login,
}

/// A registry that runs. Dropping it ends it and removes its images from the engine.
#[derive(Debug)]
pub(crate) struct Registry {
    child: Option<Child>,
    port: u16,
    directory: TempDir,
    engine: Engine,
}

impl Registry {
    /// Starts one on a free port.
    pub(crate) async fn start(engine: &Engine, access: Access) -> Self {
        let directory = TempDir::with_prefix("composelet-registry-").unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut registry = Self { child: None, port, directory, engine: engine.clone() };
        registry.configure(access);
        registry.resume().await;
        registry
    }

    fn configure(&self, access: Access) {
        let root = self.directory.path();
        let (data, users) = (root.join("data"), root.join("htpasswd"));
        let port = self.port;
        let mut text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"127.0.0.1:{port}\"}}\n",
            data.display()
        );
        if access == Access::Login {
            fs::write(&users, HTPASSWD).unwrap();
            let users = users.display();
            writeln!(text, "auth: {{htpasswd: {{realm: test, path: {users}}}}}").unwrap();
        }
        fs::write(root.join("config.yml"), text).unwrap();
    }

    /// Starts it again after [`Registry::stop`], with what it had.
    pub(crate) async fn resume(&mut self) {
        let log = fs::File::create(self.directory.path().join("log")).unwrap();
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(self.directory.path().join("config.yml"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("docker-registry is installed: apt-get install docker-registry");
        self.child = Some(child);
        let (port, log) = (self.port, self.directory.path().join("log"));
        eventually("the registry listens", || {
            let tell = |error| format!("{error}\n{}", fs::read_to_string(&log).unwrap_or_default());
            TcpStream::connect(("127.0.0.1", port)).map(drop).map_err(tell)
        })
        .await;
    }

    /// Nobody answers any more.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }

    /// `127.0.0.1:port`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A reference to an image in it.
    pub(crate) fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.address())
    }

    /// Builds an image with this label `version` and pushes it as if somebody else had: under another name of this host, so
    /// that a controller that looks for [`Self::image`] never finds it on the engine before it pulls. Returns its id.
    pub(crate) fn push(&self, name: &str, version: &str) -> String {
        self.push_with(name, version, "")
    }

    /// The same, with a further line of its Dockerfile.
    pub(crate) fn push_with(&self, name: &str, version: &str, line: &str) -> String {
        let address = format!("localhost:{}", self.port);
        let login = json!({ "auths": { &address: { "username": USER, "password": PASSWORD } } });
        let configuration = self.configuration("push", &login);
        let image = format!("{address}/{name}");
        // The label of the registry makes the image its own: ids that two tests share would be removed by the first
        // that ends.
        let text = format!("FROM {IMAGE}\nLABEL version={version} registry={address}\n{line}\n");
        docker(&self.engine, &configuration, &["build", "-q", "-t", &image, "-"], &text);
        let id =
            self.engine.get(&format!("/images/{image}/json"))["Id"].as_str().unwrap().to_owned();
        docker(&self.engine, &configuration, &["push", "-q", &image], "");
        docker(&self.engine, &configuration, &["rmi", &image], "");
        id
    }

    /// `config.json` with a login for this registry.
    pub(crate) fn auths(&self, password: &str) -> Value {
        json!({ "auths": { self.address(): { "username": USER, "password": password } } })
    }

    /// Writes a directory with a Docker configuration.
    pub(crate) fn configuration(&self, name: &str, config: &Value) -> PathBuf {
        let directory = self.directory.path().join(name);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("config.json"), config.to_string()).unwrap();
        directory
    }

    /// Writes a credential helper `docker-credential-<name>` that knows the login of this registry, and returns the
    /// directory that has to be on the PATH.
    pub(crate) fn helper(&self, name: &str) -> PathBuf {
        let directory = self.directory.path().join("helpers");
        fs::create_dir_all(&directory).unwrap();
        let path = directory.join(format!("docker-credential-{name}"));
        let address = self.address();
        let answer = json!({ "ServerURL": address, "Username": USER, "Secret": PASSWORD });
        let script = format!(
            "#!/bin/sh\nread -r server\nif [ \"$1 $server\" = 'get {address}' ]; then echo '{answer}'; else echo 'credentials not found in native keychain'; exit 1; fi\n"
        );
        let mut file = fs::File::create(&path).unwrap();
        file.write_all(script.as_bytes()).unwrap();
        drop(file);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        directory
    }

    /// Removes the images that came from here, also those whose tag moved on.
    fn clean(&self) {
        let Ok(answer) = self.engine.call("GET", "/images/json?all=1", None) else { return };
        let images: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        for image in images.as_array().into_iter().flatten() {
            let names = ["RepoTags", "RepoDigests"].map(|key| image[key].as_array().cloned());
            let mut names = names.into_iter().flatten().flatten();
            if names.any(|name| name.as_str().is_some_and(|name| name.starts_with(&self.address())))
            {
                let id = encode(&image["Id"]);
                drop(self.engine.call("DELETE", &format!("/images/{id}?force=1"), None));
            }
        }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.stop();
        self.clean();
    }
}

/// Runs the client of Docker; a failure of it fails the test.
fn docker(engine: &Engine, configuration: &Path, arguments: &[&str], input: &str) {
    let mut child = Command::new("docker")
        .args(arguments)
        .env("DOCKER_HOST", engine.address())
        .env("DOCKER_CONFIG", configuration)
        .env("DOCKER_BUILDKIT", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the docker client is installed");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
