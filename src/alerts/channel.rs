//! Where messages go, as the settings say, and which of them. Secrets are named here and read when they are needed.

use std::path::PathBuf;

use crate::alerts::message::{Message, Severity};
use crate::alerts::template::Template;
use crate::model::glob::Glob;
use crate::model::secret_place::SecretPlace;

/// One channel.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Its name, for logs.
    pub name: String,
    /// What goes there.
    pub filter: Filter,
    /// The text instead of the usual one.
    pub template: Option<Template>,
    /// Lines of an application's log that go along; 0 unless it is asked for, because nobody knows what stands there.
    pub log_lines: usize,
    /// How it gets there.
    pub way: Way,
}

/// Which messages a channel gets.
#[derive(Clone, Debug)]
pub struct Filter {
    /// The least severity.
    pub severity: Severity,
    /// Projects; empty: all. What is about no project goes to every channel.
    pub projects: Vec<Glob>,
}

impl Filter {
    /// Whether a message goes there.
    pub fn takes(&self, message: &Message) -> bool {
        let severe = message.severity >= self.severity;
        let project = message.subject.project();
        let wanted = |name: &str| self.projects.iter().any(|glob| glob.matches(name));
        severe && (self.projects.is_empty() || project.is_none_or(|name| wanted(name.as_str())))
    }
}

/// How messages get to a channel.
#[derive(Clone, Debug)]
pub enum Way {
    /// An incoming webhook as Slack, Mattermost and Rocket.Chat have it: whoever knows its address may post.
    Slack {
        /// Where the address is.
        url: SecretPlace,
    },
    /// JSON to any server, signed if there is a secret.
    Webhook {
        /// The address.
        url: Address,
        /// Where the secret is.
        secret: Option<SecretPlace>,
        /// The header of the signature.
        header: String,
    },
    /// E-mail.
    Email(Mail),
}

/// An address that is a secret, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// As it stands in the settings.
    Plain(String),
    /// Kept elsewhere.
    Kept(SecretPlace),
}

impl Address {
    /// What may be shown of it: where it is kept, or its server.
    pub fn place(&self) -> String {
        match self {
            Self::Kept(place) => place.place(),
            Self::Plain(url) => {
                let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
                let server = rest.split(['/', '?', '#']).next().unwrap_or_default();
                let server = server.rsplit('@').next().unwrap_or_default();
                format!("{scheme}://{server}")
            }
        }
    }
}

/// A mail server, and who gets mail.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Name of the server.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: MailTls,
    /// Further certificates that are trusted, PEM.
    pub ca_file: Option<PathBuf>,
    /// Name and password, if the server asks for them.
    pub login: Option<(String, SecretPlace)>,
    /// Sender.
    pub from: String,
    /// Who gets it.
    pub to: Vec<String>,
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// TLS begins after a greeting (port 587); without it nothing is sent.
    StartTls,
    /// TLS from the first byte (port 465).
    Implicit,
    /// None: for a server on this host only.
    None,
}
