//! Who asks, and what they may.

use std::fmt;
use std::net::IpAddr;

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::model::secret::Secret;
use crate::webhook::same_secret;

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// The Unix socket: whoever may open its file. The user, if the system tells.
    Socket(Option<u32>),
    /// TCP.
    Tcp(IpAddr),
}

/// What a route asks of whoever comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Nothing: it tells nothing but whether all is well.
    Open,
    /// That they may read.
    Read,
    /// That they may change something.
    Write,
}

/// The tokens that count over TCP. A token that writes reads, too.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    /// For reading. Without one, whoever reaches a plain socket on loopback may read.
    pub read: Option<Secret>,
    /// For writing. Without one, nobody writes over TCP.
    pub write: Option<Secret>,
    /// Whether reading takes a token even if no read token is set: beyond loopback.
    pub always: bool,
}

/// Who somebody was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) peer: Peer,
    granted: Granted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Granted {
    /// By the permissions of the socket.
    File,
    /// By a token.
    ReadToken,
    WriteToken,
    /// By being on this host.
    Nearness,
    /// By nothing.
    Nothing,
}

/// Why somebody may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No token, or a wrong one.
    Unknown(&'static str),
    /// Not with this token, or never over TCP.
    Forbidden(&'static str),
}

impl Tokens {
    /// Whether this caller may do that.
    pub(super) fn grant(
        &self,
        peer: Peer,
        headers: &HeaderMap,
        access: Access,
    ) -> Result<Caller, Refusal> {
        let granted = self.granted(peer, headers)?;
        let caller = Caller { peer, granted };
        match (access, granted) {
            (Access::Open, _)
            | (_, Granted::File | Granted::WriteToken)
            | (Access::Read, Granted::ReadToken | Granted::Nearness) => Ok(caller),
            (Access::Write, _) if self.write.is_none() => Err(Refusal::Forbidden(
                "nobody may write over TCP: the settings have no api.write_token_file",
            )),
            (Access::Write, Granted::ReadToken) => {
                Err(Refusal::Forbidden("this token may read and not write"))
            }
            (Access::Read | Access::Write, _) => {
                Err(Refusal::Unknown("send a token: `Authorization: Bearer …`"))
            }
        }
    }

    fn granted(&self, peer: Peer, headers: &HeaderMap) -> Result<Granted, Refusal> {
        if let Peer::Socket(_) = peer {
            return Ok(Granted::File);
        }
        let mut sent = headers.get_all(AUTHORIZATION).iter();
        let Some(value) = sent.next() else {
            let free = self.read.is_none() && !self.always;
            return Ok(if free { Granted::Nearness } else { Granted::Nothing });
        };
        let wrong = Refusal::Unknown("the token is not known");
        let text = value.as_bytes();
        let (scheme, token) = text.split_at_checked(7).ok_or(wrong)?;
        if sent.next().is_some() || !scheme.eq_ignore_ascii_case(b"bearer ") {
            return Err(wrong);
        }
        // Both are compared whatever the first one says.
        let is = |known: &Option<Secret>| {
            known.as_ref().is_some_and(|known| same_secret(known.expose().as_bytes(), token))
        };
        match (is(&self.write), is(&self.read)) {
            (true, _) => Ok(Granted::WriteToken),
            (false, true) => Ok(Granted::ReadToken),
            (false, false) => Err(wrong),
        }
    }
}

impl Caller {
    /// Whether they may know why something is not well.
    pub(super) fn may_read(&self) -> bool {
        self.granted != Granted::Nothing
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.peer, self.granted) {
            (Peer::Socket(Some(uid)), _) => write!(f, "uid {uid} through the API"),
            (Peer::Socket(None), _) => f.write_str("somebody through the API's socket"),
            (Peer::Tcp(from), Granted::WriteToken) => {
                write!(f, "the write token through the API, from {from}")
            }
            (Peer::Tcp(from), _) => write!(f, "{from} through the API"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: &str = "read-read-read-read";
    const WRITE: &str = "write-write-write-write";

    fn grant(tokens: &Tokens, sent: &[&str], access: Access) -> Result<Granted, Refusal> {
        let mut headers = HeaderMap::new();
        for value in sent {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        let peer = Peer::Tcp([127, 0, 0, 1].into());
        tokens.grant(peer, &headers, access).map(|caller| caller.granted)
    }

    fn both() -> Tokens {
        Tokens { read: Some(Secret::from(READ)), write: Some(Secret::from(WRITE)), always: false }
    }

    #[test]
    fn a_token_gives_what_it_is_for() {
        let (read, write) = (format!("Bearer {READ}"), format!("bearer {WRITE}"));
        let tokens = both();
        assert_eq!(grant(&tokens, &[&read], Access::Read), Ok(Granted::ReadToken));
        assert_eq!(grant(&tokens, &[&write], Access::Read), Ok(Granted::WriteToken));
        assert_eq!(grant(&tokens, &[&write], Access::Write), Ok(Granted::WriteToken));
        let read_only = grant(&tokens, &[&read], Access::Write);
        assert!(matches!(read_only, Err(Refusal::Forbidden(_))), "{read_only:?}");
    }

    #[test]
    fn whatever_is_no_token_gives_nothing() {
        let tokens = both();
        let near = format!("Bearer {}", WRITE.trim_start_matches('w'));
        let long = format!("Bearer {WRITE}x");
        let basic = format!("Basic {WRITE}");
        let right = format!("Bearer {WRITE}");
        for sent in [
            &[][..],
            &[""],
            &["Bearer"],
            &["Bearer "],
            &[near.as_str()],
            &[&long],
            &[&basic],
            &[WRITE],
            &[&right, &right],
        ] {
            for access in [Access::Read, Access::Write] {
                let refused = grant(&tokens, sent, access);
                assert!(matches!(refused, Err(Refusal::Unknown(_))), "{sent:?} {refused:?}");
            }
        }
        assert_eq!(grant(&tokens, &[], Access::Open), Ok(Granted::Nothing));
    }

    #[test]
    fn without_tokens_this_host_reads_and_nobody_writes() {
        let tokens = Tokens::default();
        assert_eq!(grant(&tokens, &[], Access::Read), Ok(Granted::Nearness));
        let write = grant(&tokens, &[], Access::Write);
        assert!(matches!(write, Err(Refusal::Forbidden(_))), "{write:?}");
        let beyond = Tokens { always: true, ..Tokens::default() };
        assert!(grant(&beyond, &[], Access::Read).is_err());
        let socket = Peer::Socket(Some(7));
        let caller = tokens.grant(socket, &HeaderMap::new(), Access::Write).unwrap();
        assert_eq!(caller.to_string(), "uid 7 through the API");
    }
}
