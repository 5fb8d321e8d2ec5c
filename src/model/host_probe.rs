//! Probes that a service declares (`x-composelet.probe`): what the kubelet asks of a container, asked from this host.
//!
//! Defaults and meaning are those of the Kubernetes API, `core/v1` `Probe`, where nothing else is said.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::hook::HookCommand;
use crate::model::secret::Secret;

/// The probes of a service; at least one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostProbes {
    /// Has to succeed once in a run before the others are asked.
    pub startup: Option<HostProbe>,
    /// Whether others may rely on it.
    pub readiness: Option<HostProbe>,
    /// Whether it has to be restarted.
    pub liveness: Option<HostProbe>,
}

impl HostProbes {
    /// The probe of a kind.
    pub fn get(&self, kind: ProbeKind) -> Option<&HostProbe> {
        match kind {
            ProbeKind::Startup => self.startup.as_ref(),
            ProbeKind::Readiness => self.readiness.as_ref(),
            ProbeKind::Liveness => self.liveness.as_ref(),
        }
    }

    /// Whether they say when the service is ready: liveness alone does not.
    pub fn tell_readiness(&self) -> bool {
        self.startup.is_some() || self.readiness.is_some()
    }
}

/// Which probe of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ProbeKind {
    /// `startup`.
    Startup,
    /// `readiness`.
    Readiness,
    /// `liveness`.
    Liveness,
}

impl ProbeKind {
    /// All of them, in the order in which they are asked.
    pub const ALL: [Self; 3] = [Self::Startup, Self::Readiness, Self::Liveness];
}

impl fmt::Display for ProbeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Startup => "startup",
            Self::Readiness => "readiness",
            Self::Liveness => "liveness",
        })
    }
}

/// One probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostProbe {
    /// What is asked.
    pub handler: Handler,
    /// Time after the begin of the run before it is asked first.
    pub initial_delay: Duration,
    /// From the begin of one question to the begin of the next.
    pub period: Duration,
    /// After which time no answer is a failure.
    pub timeout: Duration,
    /// Good answers in a row after which it is good again.
    pub success_threshold: u32,
    /// Failures in a row after which it has failed.
    pub failure_threshold: u32,
}

impl HostProbe {
    /// A probe with the defaults of Kubernetes: no delay, every 10 s, 1 s for an answer, good after one, failed after three.
    pub fn of(handler: Handler) -> Self {
        Self {
            handler,
            initial_delay: Duration::ZERO,
            period: Duration::from_secs(10),
            timeout: Duration::from_secs(1),
            success_threshold: 1,
            failure_threshold: 3,
        }
    }
}

/// What a probe asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handler {
    /// An answer to GET, asked from this host at the address of the container.
    Http(Box<HttpGet>),
    /// That a TCP connection from this host is accepted.
    Tcp {
        /// Port of the container.
        port: u16,
    },
    /// That a command inside the container ends with 0.
    Exec(Box<HookCommand>),
}

impl Handler {
    /// Whether it goes over the network of this host.
    pub fn dials(&self) -> bool {
        !matches!(self, Self::Exec(_))
    }
}

/// Scheme of an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// Plain text.
    #[default]
    Http,
    /// Over TLS.
    Https,
}

/// How the certificate of a server is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVerify {
    /// It has to be good for the host and signed by somebody whom this host trusts.
    #[default]
    Full,
    /// Any will do.
    Skip,
}

/// One GET.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpGet {
    /// `http` or `https`.
    pub scheme: Scheme,
    /// Name for the `Host` header and for TLS; the connection goes to the container all the same.
    pub host: Option<String>,
    /// Port of the container.
    pub port: u16,
    /// Path with query, as it is sent.
    pub path: String,
    /// Further headers; the values may be secrets.
    pub headers: Vec<(String, Secret)>,
    /// Statuses that are good.
    pub expect: Vec<StatusRange>,
    /// How the certificate is looked at.
    pub tls_verify: TlsVerify,
}

impl HttpGet {
    /// Whether an answer with this status is good.
    pub fn expects(&self, status: u16) -> bool {
        self.expect.iter().any(|range| (range.from..=range.to).contains(&status))
    }

    /// The address for people; headers are no part of it.
    pub fn url(&self, address: &str) -> String {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        // What stands behind the question mark may be a token.
        let path =
            self.path.split_once('?').map_or(self.path.clone(), |(path, _)| format!("{path}?…"));
        format!(
            "{scheme}://{}{path}",
            self.host
                .as_ref()
                .map_or_else(|| address.to_owned(), |host| format!("{host}:{}", self.port))
        )
    }
}

/// Statuses from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusRange {
    /// The lowest.
    pub from: u16,
    /// The highest.
    pub to: u16,
}

impl StatusRange {
    /// 200 to 299, the default.
    pub const SUCCESS: Self = Self { from: 200, to: 299 };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_neither_query_nor_headers() {
        let get = HttpGet {
            scheme: Scheme::Https,
            host: None,
            port: 8443,
            path: "/up?token=hunter2".to_owned(),
            headers: vec![("Authorization".to_owned(), Secret::from("hunter2"))],
            expect: vec![StatusRange::SUCCESS, StatusRange { from: 401, to: 401 }],
            tls_verify: TlsVerify::Full,
        };
        assert_eq!(get.url("10.0.0.2:8443"), "https://10.0.0.2:8443/up?…");
        let named = HttpGet { host: Some("shop.test".to_owned()), path: "/up".to_owned(), ..get };
        assert_eq!(named.url("10.0.0.2:8443"), "https://shop.test:8443/up");
        let good: Vec<u16> =
            [199, 200, 299, 302, 401, 402].into_iter().filter(|one| named.expects(*one)).collect();
        assert_eq!(good, [200, 299, 401]);
    }
}
