//! `api` of the settings file: where the API listens, and the files of its tokens, which are read when `run` begins.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde_yaml::{Mapping, Value};

use crate::cli::exit::CliError;
use crate::cli::settings_file::{text_of, unknown_key};
use crate::http::{ApiLimits, ApiSettings, TcpSettings, TlsSettings, Tokens};
use crate::model::path::LocalPath;
use crate::model::secret::Secret;
use crate::model::secret_place::SecretPlace;
use crate::source::read_secret;

const KEYS: [&str; 6] = ["hosts", "listen", "read_token_file", "socket", "tls", "write_token_file"];
const TLS_KEYS: [&str; 2] = ["cert", "key"];
/// Name of the socket in the state directory.
const SOCKET: &str = "api.sock";
/// Letters of the shortest token.
const SHORTEST: usize = 16;
/// Bytes of the longest file of a certificate or key.
const PEM: u64 = 1 << 20;

/// What the file says; without the section, the socket in the state directory and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ApiFile {
    socket: SocketChoice,
    listen: Option<SocketAddr>,
    hosts: Vec<String>,
    tls: Option<(PathBuf, PathBuf)>,
    read_token: Option<PathBuf>,
    write_token: Option<PathBuf>,
}

/// The Unix socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum SocketChoice {
    /// In the state directory.
    #[default]
    Beside,
    At(PathBuf),
    Off,
}

/// Reads the section. Relative paths are those of `directory`.
///
/// # Errors
/// A key that is not known, or a value that cannot be used, with its place.
pub(super) fn parse(value: &Value, directory: &Path) -> Result<ApiFile, String> {
    let mapping = value.as_mapping().ok_or("api: expected a mapping")?;
    let mut file = ApiFile::default();
    for (key, value) in mapping {
        let key = key.as_str().unwrap_or_default();
        let field = format!("api.{key}");
        let path = |value| text_of(&field, value).map(|text| directory.join(text));
        match key {
            "hosts" => file.hosts = hosts(&field, value)?,
            "listen" => file.listen = Some(address(&field, value)?),
            "read_token_file" => file.read_token = Some(path(value)?),
            "socket" => {
                file.socket = match value {
                    Value::Bool(false) => SocketChoice::Off,
                    Value::Bool(true) => SocketChoice::Beside,
                    other => SocketChoice::At(path(other)?),
                }
            }
            "tls" => file.tls = Some(tls(value, directory)?),
            "write_token_file" => file.write_token = Some(path(value)?),
            unknown => return Err(unknown_key(&field, unknown, &KEYS)),
        }
    }
    file.check()?;
    Ok(file)
}

fn hosts(field: &str, value: &Value) -> Result<Vec<String>, String> {
    let wrong = || format!("{field}: expected names such as [ops.example.com], without ports");
    let fits = |name: &&str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
        !name.is_empty() && name.len() <= 253 && name.bytes().all(fits)
    };
    let each = value.as_sequence().ok_or_else(wrong)?.iter();
    each.map(|one| one.as_str().filter(fits).map(str::to_owned).ok_or_else(wrong)).collect()
}

/// An address and a port, or a port of loopback.
fn address(field: &str, value: &Value) -> Result<SocketAddr, String> {
    let of_port = value.as_u64().and_then(|port| u16::try_from(port).ok());
    if let Some(port) = of_port {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    let parsed = value.as_str().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| format!("{field}: expected an address such as 127.0.0.1:9456"))
}

fn tls(value: &Value, directory: &Path) -> Result<(PathBuf, PathBuf), String> {
    let wrong = || "api.tls: expected {cert: PATH, key: PATH}".to_owned();
    let mapping: &Mapping = value.as_mapping().ok_or_else(wrong)?;
    for key in mapping.keys() {
        let key = key.as_str().unwrap_or_default();
        if !TLS_KEYS.contains(&key) {
            return Err(unknown_key(&format!("api.tls.{key}"), key, &TLS_KEYS));
        }
    }
    let path = |key: &str| {
        let text = mapping.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        text.map(|text| directory.join(text)).ok_or_else(wrong)
    };
    Ok((path("cert")?, path("key")?))
}

impl ApiFile {
    /// What a listener beyond this host has to have, and what would be of no use without one.
    fn check(&self) -> Result<(), String> {
        let Some(listen) = self.listen else {
            let tokens = self.read_token.is_some() || self.write_token.is_some();
            if tokens || self.tls.is_some() || !self.hosts.is_empty() {
                return Err("api.listen: is missing; tokens, tls and hosts are for TCP".to_owned());
            }
            return Ok(());
        };
        if listen.ip().to_canonical().is_loopback() {
            return Ok(());
        }
        let missing = match (&self.tls, &self.read_token, &self.write_token) {
            (None, ..) => "api.tls",
            (_, None, None) => "api.read_token_file or api.write_token_file",
            _ => return Ok(()),
        };
        Err(format!(
            "api.listen: {listen} can be reached from other hosts, which takes {missing}; or listen on 127.0.0.1"
        ))
    }

    /// Reads tokens and certificates.
    ///
    /// # Errors
    /// A file that cannot be read or used. No text of it is told.
    pub(super) fn resolve(&self, state_dir: &LocalPath) -> Result<ApiSettings, CliError> {
        let (read, write) = (token(self.read_token.as_ref())?, token(self.write_token.as_ref())?);
        if read.is_some() && read == write {
            let why = "api: the two tokens are the same, so that whoever reads may write";
            return Err(CliError::usage(why));
        }
        let tls = self.tls.as_ref().map(|(cert, key)| certificate(cert, key)).transpose()?;
        let tcp = self.listen.map(|listen| TcpSettings { listen, tls, hosts: self.hosts.clone() });
        let always = tcp.as_ref().is_some_and(|tcp| !tcp.is_local());
        Ok(ApiSettings {
            socket: match &self.socket {
                SocketChoice::Beside => Some(state_dir.join(SOCKET)),
                SocketChoice::At(path) => Some(LocalPath::new(path.clone())),
                SocketChoice::Off => None,
            },
            tcp,
            tokens: Tokens { read, write, always },
            limits: ApiLimits::default(),
        })
    }
}

fn token(path: Option<&PathBuf>) -> Result<Option<Secret>, CliError> {
    let Some(path) = path else { return Ok(None) };
    let wrong = |why: String| CliError::usage(format!("api: {why}"));
    let text = read_secret(&SecretPlace::File(LocalPath::new(path.clone()))).map_err(wrong)?;
    if text.len() < SHORTEST || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let why = format!("{}: a token has at least 16 characters of ASCII", path.display());
        return Err(wrong(why).hint("make one with `openssl rand -hex 32`"));
    }
    Ok(Some(Secret::new(text)))
}

fn certificate(cert: &Path, key: &Path) -> Result<TlsSettings, CliError> {
    let read = |path: &Path| {
        let refused = |why: String| CliError::usage(format!("api.tls: {}: {why}", path.display()));
        match std::fs::metadata(path) {
            Ok(file) if file.len() > PEM => Err(refused("is no file of PEM".to_owned())),
            _ => std::fs::read(path).map_err(|error| refused(error.to_string())),
        }
    };
    TlsSettings::from_pem(&read(cert)?, &read(key)?)
        .map_err(|error| CliError::usage(format!("api.tls: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ApiFile, String> {
        parse(&serde_yaml::from_str(text).unwrap(), Path::new("/etc/composelet"))
    }

    #[test]
    fn the_socket_is_there_unless_it_is_switched_off() {
        let state = LocalPath::new("/var/lib/composelet");
        let socket = |text: &str| {
            let settings = read(text).unwrap().resolve(&state).unwrap();
            assert!(settings.tcp.is_none());
            settings.socket.map(|path| path.display().to_string())
        };
        assert_eq!(socket("{}").as_deref(), Some("/var/lib/composelet/api.sock"));
        assert_eq!(socket("socket: a.sock").as_deref(), Some("/etc/composelet/a.sock"));
        assert_eq!(socket("socket: false"), None);
    }

    #[test]
    fn beyond_loopback_it_takes_tls_and_a_token() {
        let tls = "tls: {cert: c.pem, key: k.pem}";
        for (text, expected) in [
            ("listen: 0.0.0.0:9456".to_owned(), "api.tls"),
            ("listen: '[::]:9456'".to_owned(), "api.tls"),
            (format!("listen: 192.0.2.1:9456\n{tls}"), "api.read_token_file"),
            ("listen: 0.0.0.0:9456\nread_token_file: t".to_owned(), "api.tls"),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
        assert!(read(&format!("listen: 0.0.0.0:9456\n{tls}\nread_token_file: t")).is_ok());
        let local = read("listen: 9456").unwrap();
        assert_eq!(local.listen, Some("127.0.0.1:9456".parse().unwrap()));
        assert!(read("listen: '[::1]:9456'").is_ok());
    }

    #[test]
    fn what_cannot_work_is_told_with_its_place() {
        for (text, expected) in [
            ("listn: 1", "did you mean `listen`?"),
            ("[]", "api: expected a mapping"),
            ("listen: here", "api.listen: expected an address"),
            ("socket: 3", "api.socket: expected a text"),
            ("write_token_file: t", "api.listen: is missing"),
            ("listen: 9456\ntls: {cert: c}", "api.tls: expected"),
            ("listen: 9456\ntls: {cert: c, kay: k}", "did you mean `key`?"),
            ("listen: 9456\nhosts: ['a:1']", "api.hosts: expected names"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn tokens_are_read_and_never_told() {
        let directory = tempfile::TempDir::new().unwrap();
        let write = |name: &str, text: &str| {
            std::fs::write(directory.path().join(name), text).unwrap();
        };
        write("short", "secret-7");
        write("good", "0123456789abcdef0123\n");
        write("same", "0123456789abcdef0123");
        let resolve = |text: &str| {
            let file = parse(&serde_yaml::from_str(text).unwrap(), directory.path()).unwrap();
            file.resolve(&LocalPath::new("/s"))
        };
        let good = resolve("listen: 9456\nwrite_token_file: good").unwrap();
        assert!(good.tokens.write.is_some() && good.tokens.read.is_none());
        assert!(!format!("{good:?}").contains("0123456789"), "{good:?}");
        for text in [
            "listen: 9456\nread_token_file: short",
            "listen: 9456\nread_token_file: none",
            "listen: 9456\nread_token_file: good\nwrite_token_file: same",
        ] {
            let error = resolve(text).unwrap_err();
            assert!(!format!("{error:?}").contains("secret-7"), "{error:?}");
        }
    }
}
