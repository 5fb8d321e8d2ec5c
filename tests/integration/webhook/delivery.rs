//! A delivery as a forge sends it, signed by an implementation of its own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use composelet::model::secret::Secret;
use composelet::model::time::Timestamp;
use composelet::webhook::{
    Algorithm, Authentic, Check, Forge, Hook, HookParts, Presented, Refusal, Scheme,
};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

/// The time of all deliveries here: that of the vector of Standard Webhooks.
pub(crate) const NOW: i64 = 1_700_000_000;
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const SIGNING: &str = "whsec_dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q=";

pub(crate) fn parts(forge: Forge, secrets: &[&str]) -> HookParts {
    HookParts {
        name: "shop".to_owned(),
        path: None,
        forge,
        secrets: secrets.iter().map(|secret| Secret::new(*secret)).collect(),
        source: None,
        header: None,
        prefix: None,
        algorithm: None,
        registry: (forge == Forge::Nexus).then(|| "nexus.test".to_owned()),
    }
}

/// The secret that a forge takes.
pub(crate) fn secret(forge: Forge) -> &'static str {
    if forge == Forge::GitlabSigned { SIGNING } else { SECRET }
}

pub(crate) fn hook(forge: Forge) -> Hook {
    Hook::new(parts(forge, &[secret(forge)])).unwrap()
}

/// What is sent.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) token: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Delivery {
    /// One that is right.
    pub(crate) fn new(hook: &Hook, secret: &str, event: &str, body: &[u8]) -> Self {
        let mut delivery = Self { headers: Vec::new(), token: None, body: body.to_vec() };
        if let Some(header) = event_header(hook.forge()) {
            delivery.set(header, event.as_bytes());
        }
        match hook.scheme() {
            Scheme::Hmac { header, prefix, algorithm } => {
                let digits = hex(&code(*algorithm, secret.as_bytes(), body));
                delivery.set(header, format!("{prefix}{digits}").as_bytes());
            }
            Scheme::StandardWebhooks => {
                delivery.set("webhook-id", b"msg_1");
                delivery.set("webhook-timestamp", NOW.to_string().as_bytes());
                let signature = standard(secret, "msg_1", NOW, body);
                delivery.set("webhook-signature", signature.as_bytes());
            }
            Scheme::Header { header } => delivery.set(header, secret.as_bytes()),
            Scheme::Path => delivery.token = Some(secret.to_owned()),
        }
        delivery
    }

    pub(crate) fn set(&mut self, name: &str, value: &[u8]) {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_vec()));
    }

    /// Sends it to a hook, the body in small pieces.
    pub(crate) fn send(&self, hook: &Hook) -> Result<Authentic, Refusal> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            // What cannot be sent as a header never arrives.
            let name = HeaderName::try_from(name.as_str()).unwrap();
            if let Ok(value) = HeaderValue::from_bytes(value) {
                headers.append(name, value);
            }
        }
        let wall = Timestamp::from_millis(NOW * 1000);
        let presented = Presented { headers: &headers, token: self.token.as_deref(), wall };
        let mut check = Check::begin(hook, &presented)?;
        self.body.chunks(11).for_each(|chunk| check.update(chunk));
        check.finish()
    }
}

/// Which header names the event, as the forges document it.
pub(crate) fn event_header(forge: Forge) -> Option<&'static str> {
    Some(match forge {
        Forge::Github => "x-github-event",
        Forge::Gitlab | Forge::GitlabSigned => "x-gitlab-event",
        Forge::Gitea => "x-gitea-event",
        Forge::Forgejo => "x-forgejo-event",
        Forge::Gogs => "x-gogs-event",
        Forge::Bitbucket | Forge::BitbucketServer => "x-event-key",
        _ => return None,
    })
}

pub(crate) fn code(algorithm: Algorithm, key: &[u8], body: &[u8]) -> Vec<u8> {
    match algorithm {
        Algorithm::Sha1 => Hmac::<Sha1>::new_from_slice(key)
            .unwrap()
            .chain_update(body)
            .finalize()
            .as_bytes()
            .to_vec(),
        Algorithm::Sha256 => Hmac::<Sha256>::new_from_slice(key)
            .unwrap()
            .chain_update(body)
            .finalize()
            .as_bytes()
            .to_vec(),
        Algorithm::Sha512 => Hmac::<Sha512>::new_from_slice(key)
            .unwrap()
            .chain_update(body)
            .finalize()
            .as_bytes()
            .to_vec(),
    }
}

/// The signature of Standard Webhooks.
pub(crate) fn standard(secret: &str, id: &str, seconds: i64, body: &[u8]) -> String {
    let key = STANDARD.decode(secret.trim_start_matches("whsec_")).unwrap();
    let message = [format!("{id}.{seconds}.").as_bytes(), body].concat();
    format!("v1,{}", STANDARD.encode(code(Algorithm::Sha256, &key, &message)))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
