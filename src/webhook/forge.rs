//! Who sends webhooks, and how each shows that it is it. Which one sends to a hook is said by the settings, never guessed from
//! a request: the headers of Forgejo hold those of Gitea, Gogs and GitHub as well.

/// A sender of webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Forge {
    /// GitHub, its container registry included.
    Github,
    /// GitLab with a secret token.
    Gitlab,
    /// GitLab with a signing token.
    GitlabSigned,
    /// Gitea, its container registry included.
    Gitea,
    /// Forgejo, its container registry included.
    Forgejo,
    /// Gogs.
    Gogs,
    /// Bitbucket Cloud.
    Bitbucket,
    /// Bitbucket Data Center.
    BitbucketServer,
    /// Docker Hub.
    DockerHub,
    /// Quay.
    Quay,
    /// Azure Container Registry.
    Acr,
    /// Harbor.
    Harbor,
    /// Nexus.
    Nexus,
    /// Distribution, the registry of the CNCF, with its notifications.
    Registry,
    /// Anything that signs.
    Hmac,
    /// Anything that can send a header.
    Token,
}

/// How a delivery is shown to be authentic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// An HMAC of the body in a header, in hexadecimal digits.
    Hmac {
        /// Name of the header, in lower case.
        header: String,
        /// What stands before the digits.
        prefix: String,
        /// Its hash.
        algorithm: Algorithm,
    },
    /// Standard Webhooks: id and time are signed along with the body.
    StandardWebhooks,
    /// The secret itself in a header.
    Header {
        /// Name of the header, in lower case.
        header: String,
    },
    /// The secret itself as the last part of the path.
    Path,
}

/// A hash of an HMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA-1. As an HMAC it still holds.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// By its word in the settings.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "sha1" => Some(Self::Sha1),
            "sha256" => Some(Self::Sha256),
            "sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    /// Bytes of a code.
    pub(super) fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// Headers that name a delivery: its event, and its id.
pub(super) struct Names {
    pub(super) event: Option<&'static str>,
    pub(super) id: &'static [&'static str],
}

impl Forge {
    /// All, by their words in the settings.
    pub const WORDS: [(&'static str, Self); 16] = [
        ("acr", Self::Acr),
        ("bitbucket", Self::Bitbucket),
        ("bitbucket-server", Self::BitbucketServer),
        ("docker-hub", Self::DockerHub),
        ("forgejo", Self::Forgejo),
        ("gitea", Self::Gitea),
        ("github", Self::Github),
        ("gitlab", Self::Gitlab),
        ("gitlab-signed", Self::GitlabSigned),
        ("gogs", Self::Gogs),
        ("harbor", Self::Harbor),
        ("hmac", Self::Hmac),
        ("nexus", Self::Nexus),
        ("quay", Self::Quay),
        ("registry", Self::Registry),
        ("token", Self::Token),
    ];

    /// By its word in the settings.
    pub fn parse(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(known, _)| *known == word).map(|(_, forge)| *forge)
    }

    /// Its word in the settings.
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, forge)| *forge == self).map_or("", |(word, _)| word)
    }

    /// How its deliveries are shown to be authentic unless the settings say otherwise (docs/webhooks.md).
    pub(super) fn scheme(self) -> Scheme {
        let sha256 = |header: &str, prefix: &str| Scheme::Hmac {
            header: header.to_owned(),
            prefix: prefix.to_owned(),
            algorithm: Algorithm::Sha256,
        };
        let header = |header: &str| Scheme::Header { header: header.to_owned() };
        match self {
            Self::Github => sha256("x-hub-signature-256", "sha256="),
            Self::Gitlab => header("x-gitlab-token"),
            Self::GitlabSigned => Scheme::StandardWebhooks,
            Self::Gitea => sha256("x-gitea-signature", ""),
            Self::Forgejo => sha256("x-forgejo-signature", ""),
            Self::Gogs => sha256("x-gogs-signature", ""),
            Self::Bitbucket | Self::BitbucketServer => sha256("x-hub-signature", "sha256="),
            Self::Hmac => sha256("x-signature", "sha256="),
            Self::Nexus => Scheme::Hmac {
                header: "x-nexus-webhook-signature".to_owned(),
                prefix: String::new(),
                algorithm: Algorithm::Sha1,
            },
            Self::DockerHub | Self::Quay | Self::Acr => Scheme::Path,
            Self::Harbor | Self::Registry | Self::Token => header("authorization"),
        }
    }

    pub(super) fn names(self) -> Names {
        let of =
            |event: &'static str, id: &'static [&'static str]| Names { event: Some(event), id };
        match self {
            Self::Github => of("x-github-event", &["x-github-delivery"]),
            Self::Gitlab => of("x-gitlab-event", &["idempotency-key", "x-gitlab-event-uuid"]),
            Self::GitlabSigned => of("x-gitlab-event", &["webhook-id"]),
            Self::Gitea => of("x-gitea-event", &["x-gitea-delivery"]),
            Self::Forgejo => of("x-forgejo-event", &["x-forgejo-delivery"]),
            Self::Gogs => of("x-gogs-event", &["x-gogs-delivery"]),
            Self::Bitbucket => of("x-event-key", &["x-request-uuid"]),
            Self::BitbucketServer => of("x-event-key", &["x-request-id"]),
            Self::Nexus => of("x-nexus-webhook-id", &["x-nexus-webhook-delivery"]),
            Self::DockerHub
            | Self::Quay
            | Self::Acr
            | Self::Harbor
            | Self::Registry
            | Self::Hmac
            | Self::Token => Names { event: None, id: &["x-request-id"] },
        }
    }

    /// Whether it sends what registries send, under the name that the registry has for itself.
    pub(super) fn names_registry(self) -> bool {
        matches!(self, Self::Acr | Self::Harbor | Self::Nexus | Self::Registry | Self::Quay)
    }
}
