//! Servers of bare repositories on loopback: over ssh with a key, over https with a token.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;

use crate::support_real::wait::{eventually, hold};
use crate::tls::self_signed;

/// The token that the server over https wants.
pub(crate) const TOKEN: &str = "canary-token-4f1d0c";

/// sshd with keys of its own; ends with it.
pub(crate) struct SshServer {
    child: Child,
    port: u16,
    /// The key of whoever may come in.
    pub(crate) key: PathBuf,
    /// The key of the server, as ssh keeps it.
    pub(crate) known_hosts: PathBuf,
}

impl SshServer {
    /// Starts it; `directory` is for its files.
    pub(crate) async fn start(directory: &Path) -> Self {
        fs::create_dir_all(directory).unwrap();
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700)).unwrap();
        let key = |name: &str| {
            let path = directory.join(name);
            let words = ["-q", "-t", "ed25519", "-N", "", "-f"];
            assert!(Command::new("ssh-keygen").args(words).arg(&path).status().unwrap().success());
            path
        };
        let (host_key, client_key) = (key("host"), key("client"));
        fs::copy(directory.join("client.pub"), directory.join("authorized")).unwrap();
        // Where sshd gives up its rights.
        fs::create_dir_all("/run/sshd").unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let set = |name: &str, path: &Path| format!("{name}={}", path.display());
        let options = [
            set("HostKey", &host_key),
            set("AuthorizedKeysFile", &directory.join("authorized")),
            "ListenAddress=127.0.0.1".to_owned(),
            "PidFile=none".to_owned(),
            "StrictModes=no".to_owned(),
            "PasswordAuthentication=no".to_owned(),
            "UsePAM=no".to_owned(),
        ];
        let child = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f", "/dev/null", "-p", &port.to_string()])
            .args(options.iter().flat_map(|option| ["-o", option]))
            .stderr(fs::File::create(directory.join("log")).unwrap())
            .spawn()
            .expect("openssh-server is installed");
        eventually("sshd answers", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string())
        })
        .await;
        let public = fs::read_to_string(directory.join("host.pub")).unwrap();
        let known_hosts = directory.join("known_hosts");
        fs::write(&known_hosts, format!("[127.0.0.1]:{port} {public}")).unwrap();
        Self { child, port, key: client_key, known_hosts }
    }

    /// The URL of a repository on this host.
    pub(crate) fn url(&self, repository: &Path) -> String {
        let user =
            String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
        format!("ssh://{}@127.0.0.1:{}{}", user.trim(), self.port, repository.display())
    }
}

impl Drop for SshServer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A server over https in front of `git http-backend`.
pub(crate) struct HttpsServer {
    port: u16,
    /// Its certificate.
    pub(crate) ca_file: PathBuf,
    task: tokio::task::JoinHandle<()>,
}

impl HttpsServer {
    /// Starts it for the repositories below `root`.
    pub(crate) async fn start(root: &Path) -> Self {
        let (acceptor, pem) = self_signed("localhost");
        let ca_file = root.join("https.pem");
        fs::write(&ca_file, pem).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let root = root.to_owned();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, root) = (acceptor.clone(), root.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = service_fn(move |request| answer(root.clone(), request));
                    drop(
                        http1::Builder::new().serve_connection(TokioIo::new(stream), service).await,
                    );
                });
            }
        });
        Self { port, ca_file, task }
    }

    /// The URL of a repository below the root.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("https://localhost:{}/{name}", self.port)
    }
}

impl Drop for HttpsServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    root: PathBuf,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let wanted = base64::engine::general_purpose::STANDARD.encode(format!("git:{TOKEN}"));
    let header = |name: &str| {
        request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    };
    if header("authorization") != format!("Basic {wanted}") {
        let refused = Response::builder()
            .status(StatusCode::UNAUTHORIZED)
            .header("WWW-Authenticate", "Basic");
        return Ok(refused.body(Full::default()).unwrap());
    }
    let mut command = tokio::process::Command::new("git");
    command
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", &root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", request.method().as_str())
        .env("PATH_INFO", request.uri().path())
        .env("QUERY_STRING", request.uri().query().unwrap_or_default())
        .env("CONTENT_TYPE", header("content-type"))
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn()?;
    let body = request.into_body().collect().await.map_err(std::io::Error::other)?.to_bytes();
    let mut input = child.stdin.take().unwrap();
    input.write_all(&body).await?;
    drop(input);
    let output = child.wait_with_output().await?.stdout;
    let split = output.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(0);
    let head = String::from_utf8_lossy(&output[..split]).into_owned();
    let mut response = Response::builder();
    for line in head.lines() {
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        response = match name {
            "Status" => response.status(value.split(' ').next().unwrap()),
            name => response.header(name, value),
        };
    }
    Ok(response.body(Full::from(output[(split + 4).min(output.len())..].to_vec())).unwrap())
}

/// The token is in no file below a directory, and in no command line of this host.
pub(crate) fn token_is_nowhere(directory: &Path, but: &Path) -> Result<(), String> {
    let mut todo = vec![directory.to_owned()];
    while let Some(directory) = todo.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && !path.is_symlink() {
                todo.push(path);
                continue;
            }
            let bytes = fs::read(&path).unwrap_or_default();
            let found = bytes.windows(TOKEN.len()).any(|part| part == TOKEN.as_bytes());
            hold(!found || path == but, || format!("{}", path.display()))?;
        }
    }
    Ok(())
}
