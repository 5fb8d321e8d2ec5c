//! Whether a delivery is authentic: from its headers before a byte of its body is read, and from its body while it comes.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;

use crate::model::time::Timestamp;
use crate::webhook::forge::{Algorithm, Scheme};
use crate::webhook::head::Head;
use crate::webhook::hook::{Hook, Key};
use crate::webhook::mac::{Mac, fingerprint, same, same_secret, unhex};
use crate::webhook::replay::ReplayKey;

/// How far a signed time may lie from ours, to either side (Standard Webhooks, "verifying webhook authenticity").
pub const CLOCK_WINDOW: Duration = Duration::from_mins(5);

/// Signatures of one delivery that are looked at: a sender lists one for each of its keys.
const MOST_SIGNATURES: usize = 8;
/// Longest id or event, in letters.
const MOST_WORD: usize = 128;

/// What a delivery shows before its body.
#[derive(Debug)]
pub struct Presented<'a> {
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// The secret at the end of its path.
    pub token: Option<&'a str>,
    /// What the wall clock says.
    pub wall: Timestamp,
}

/// Why a delivery is not authentic. No message holds anything that the sender chose.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The proof is not there.
    #[error("no {0}")]
    Missing(String),
    /// It is there more than once.
    #[error("more than one {0}")]
    Repeated(String),
    /// It cannot be one.
    #[error("{0} is not in its form")]
    Form(String),
    /// It is one, of something else.
    #[error("the signature does not fit the body with any of the secrets")]
    Signature,
    /// It is none of the secrets.
    #[error("the secret in {0} is none of those of the hook")]
    Secret(String),
    /// It was signed long ago, or by a clock that goes wrong.
    #[error("its time is more than {} s from this host's", CLOCK_WINDOW.as_secs())]
    Time,
}

/// A delivery whose body is coming. It gives nothing of it away.
pub struct Check {
    proof: Proof,
    head: Head,
    id: Option<String>,
    event: Option<String>,
}

/// What is left to be shown.
enum Proof {
    /// One of the codes of the body has to be one of those that were sent.
    Signed { macs: Vec<Mac>, claims: Vec<Vec<u8>>, replay: Replay },
    /// Nothing: the secret was there.
    Shown(Option<ReplayKey>),
}

/// What tells a signed delivery from others.
enum Replay {
    /// An id that is signed.
    Id(ReplayKey),
    /// The code itself: an id that is not signed can be changed by whoever sends it again.
    Code,
}

/// A delivery that is authentic; nothing but the end of a [`Check`] makes one.
pub struct Authentic {
    head: Head,
    id: Option<String>,
    event: Option<String>,
    replay: Option<ReplayKey>,
}

impl Check {
    /// Looks at what comes before the body.
    ///
    /// # Errors
    /// The delivery is refused whatever its body is.
    pub fn begin(hook: &Hook, presented: &Presented<'_>) -> Result<Self, Refusal> {
        let names = hook.forge().names();
        let word = |name: &&str| word(presented.headers, name);
        let id = names.id.iter().find_map(word);
        let event = names.event.as_ref().and_then(word);
        let proof = match hook.scheme() {
            Scheme::Hmac { header, prefix, algorithm } => {
                let sent = one(presented.headers, header)?;
                signed(hook.keys(), *algorithm, header, sent.strip_prefix(prefix.as_str()))?
            }
            Scheme::StandardWebhooks => standard(hook.keys(), presented)?,
            Scheme::Header { header } => {
                let sent = one(presented.headers, header)?;
                let bearer = sent.strip_prefix("Bearer ").filter(|_| header == "authorization");
                let place = format!("the header {header}");
                shown(hook.keys(), [Some(sent), bearer], place)?;
                let key = |id: &String| ReplayKey(fingerprint(id.as_bytes()));
                Proof::Shown(id.as_ref().map(key))
            }
            Scheme::Path => {
                let place = "the path".to_owned();
                let token = presented
                    .token
                    .ok_or_else(|| Refusal::Missing(format!("secret in {place}")))?;
                shown(hook.keys(), [Some(token), None], place)?;
                Proof::Shown(None)
            }
        };
        Ok(Self { proof, head: Head::new(), id, event })
    }

    /// Takes the next bytes of the body.
    pub fn update(&mut self, chunk: &[u8]) {
        if let Proof::Signed { macs, .. } = &mut self.proof {
            for mac in macs {
                mac.update(chunk);
            }
        }
        self.head.take(chunk);
    }

    /// The body is complete.
    ///
    /// # Errors
    /// [`Refusal::Signature`].
    pub fn finish(self) -> Result<Authentic, Refusal> {
        let Self { proof, head, id, event } = self;
        let replay = match proof {
            Proof::Shown(replay) => replay,
            Proof::Signed { macs, claims, replay } => {
                let mut fitting = None;
                for code in macs.into_iter().map(Mac::finish) {
                    // All are compared, whichever fits.
                    let fits = claims.iter().fold(false, |fits, claim| same(claim, &code) | fits);
                    fitting = if fits { Some(code) } else { fitting };
                }
                let code = fitting.ok_or(Refusal::Signature)?;
                Some(match replay {
                    Replay::Id(key) => key,
                    Replay::Code => ReplayKey(fingerprint(&code)),
                })
            }
        };
        Ok(Authentic { head, id, event, replay })
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Authentic {
    /// The sender's id of it.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// What the sender says has happened.
    pub fn event(&self) -> Option<&str> {
        self.event.as_deref()
    }

    /// What tells it from others. `None`: whoever can send it again can send another as well.
    pub fn replay(&self) -> Option<ReplayKey> {
        self.replay
    }

    /// The first bytes of its body.
    pub(super) fn head(&self) -> &[u8] {
        self.head.bytes()
    }

    /// Whether its body goes on behind them.
    pub(super) fn is_cut(&self) -> bool {
        self.head.is_cut()
    }
}

impl fmt::Debug for Authentic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authentic").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The value of a header that has to be there once: of two, another reader might take the other one.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Refusal> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or_else(|| Refusal::Missing(name.to_owned()))?;
    if values.next().is_some() {
        return Err(Refusal::Repeated(name.to_owned()));
    }
    value.to_str().map_err(|_| Refusal::Form(name.to_owned()))
}

/// A header that is only told: visible letters, cut.
fn word(headers: &HeaderMap, name: &str) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?;
    let text: String = text.chars().filter(|letter| !letter.is_control()).take(MOST_WORD).collect();
    Some(text).filter(|text| !text.is_empty())
}

fn signed(
    keys: &[Key],
    algorithm: Algorithm,
    header: &str,
    digits: Option<&str>,
) -> Result<Proof, Refusal> {
    let claim = digits.filter(|digits| digits.len() == 2 * algorithm.length()).and_then(unhex);
    let claim = claim.ok_or_else(|| Refusal::Form(header.to_owned()))?;
    let macs = keys.iter().filter_map(|key| Mac::new(algorithm, key.bytes())).collect();
    Ok(Proof::Signed { macs, claims: vec![claim], replay: Replay::Code })
}

fn standard(keys: &[Key], presented: &Presented<'_>) -> Result<Proof, Refusal> {
    let id = one(presented.headers, "webhook-id")?;
    let time = one(presented.headers, "webhook-timestamp")?;
    let sent = one(presented.headers, "webhook-signature")?;
    let form = |header: &str| Refusal::Form(header.to_owned());
    // A dot would let bytes of the body pass for a part of the id.
    if id.is_empty() || id.len() > 2 * MOST_WORD || id.contains('.') {
        return Err(form("webhook-id"));
    }
    let is_number = !time.is_empty() && time.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = time.parse::<i64>().ok().filter(|_| is_number);
    let millis = seconds.and_then(|seconds| seconds.checked_mul(1000));
    let signed_at = Timestamp::from_millis(millis.ok_or_else(|| form("webhook-timestamp"))?);
    let apart = signed_at.since(presented.wall).max(presented.wall.since(signed_at));
    if apart > CLOCK_WINDOW {
        return Err(Refusal::Time);
    }
    let codes = sent.split(' ').filter_map(|listed| listed.strip_prefix("v1,"));
    let decoded = codes.take(MOST_SIGNATURES).filter_map(|code| STANDARD.decode(code).ok());
    let claims: Vec<_> = decoded.filter(|code| code.len() == Algorithm::Sha256.length()).collect();
    if claims.is_empty() {
        return Err(form("webhook-signature"));
    }
    let mut macs: Vec<_> =
        keys.iter().filter_map(|key| Mac::new(Algorithm::Sha256, key.bytes())).collect();
    let begin = format!("{id}.{time}.");
    for mac in &mut macs {
        mac.update(begin.as_bytes());
    }
    let replay = Replay::Id(ReplayKey(fingerprint(id.as_bytes())));
    Ok(Proof::Signed { macs, claims, replay })
}

/// Compares a secret that was sent, all with all.
fn shown(keys: &[Key], sent: [Option<&str>; 2], place: String) -> Result<(), Refusal> {
    let fits = sent.into_iter().flatten().fold(false, |fits, sent| {
        keys.iter().fold(fits, |fits, key| same_secret(sent.as_bytes(), key.bytes()) | fits)
    });
    if fits { Ok(()) } else { Err(Refusal::Secret(place)) }
}
