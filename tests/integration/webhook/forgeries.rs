//! Forgeries: whatever is changed of a right delivery, it is not authentic any more.

use std::cell::Cell;
use std::collections::BTreeMap;

use composelet::webhook::{Forge, Scheme};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::delivery::{Delivery, NOW, hook, secret, standard};

/// What a forger does.
#[derive(Clone, Debug)]
enum Forgery {
    BodyByte(prop::sample::Index, u8),
    BodyMore(Vec<u8>),
    BodyLess(prop::sample::Index),
    BodyOther(Vec<u8>),
    ProofByte(prop::sample::Index, u8),
    ProofMore(String),
    ProofLess(prop::sample::Index),
    ProofOther(String),
    ProofGone,
    ProofElsewhere,
    OtherSecret(String),
    OtherId(String),
    OtherTime(i64),
}

fn forgery() -> impl Strategy<Value = Forgery> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        (index(), 1..=255_u8).prop_map(|(at, by)| Forgery::BodyByte(at, by)),
        prop::collection::vec(any::<u8>(), 1..40).prop_map(Forgery::BodyMore),
        index().prop_map(Forgery::BodyLess),
        prop::collection::vec(any::<u8>(), 0..200).prop_map(Forgery::BodyOther),
        (index(), 1..=127_u8).prop_map(|(at, by)| Forgery::ProofByte(at, by)),
        "[ -~]{1,20}".prop_map(Forgery::ProofMore),
        index().prop_map(Forgery::ProofLess),
        "[ -~]{0,100}".prop_map(Forgery::ProofOther),
        Just(Forgery::ProofGone),
        Just(Forgery::ProofElsewhere),
        "[a-z0-9]{16,64}".prop_map(Forgery::OtherSecret),
        "[a-z0-9_]{1,30}".prop_map(Forgery::OtherId),
        (-400..400_i64).prop_map(Forgery::OtherTime),
    ]
}

/// Where the proof of a delivery is.
fn proof(scheme: &Scheme) -> Option<&str> {
    match scheme {
        Scheme::Hmac { header, .. } | Scheme::Header { header } => Some(header),
        Scheme::StandardWebhooks => Some("webhook-signature"),
        Scheme::Path => None,
    }
}

impl Forgery {
    /// The forged delivery; `None`: nothing that counts was changed.
    fn apply(&self, forge: Forge, right: &Delivery) -> Option<Delivery> {
        let hook = hook(forge);
        let signs = matches!(hook.scheme(), Scheme::Hmac { .. } | Scheme::StandardWebhooks);
        let mut forged = right.clone();
        match self {
            Self::BodyByte(at, by) => forged.body[at.index(right.body.len())] ^= by,
            Self::BodyMore(more) => forged.body.extend(more),
            Self::BodyLess(at) => forged.body.truncate(at.index(right.body.len())),
            Self::BodyOther(other) => forged.body.clone_from(other),
            Self::ProofGone => forged.change(&hook.scheme().clone(), |_| None),
            Self::ProofElsewhere => {
                let name = proof(hook.scheme())?.to_owned();
                let place = forged.headers.iter_mut().find(|(known, _)| *known == name);
                "x-elsewhere".clone_into(&mut place.unwrap().0);
            }
            Self::ProofByte(at, by) => forged.change(hook.scheme(), |mut proof| {
                let at = at.index(proof.len());
                proof[at] ^= by;
                Some(proof)
            }),
            Self::ProofMore(more) => {
                forged.change(hook.scheme(), |proof| Some([&proof, more.as_bytes()].concat()));
            }
            Self::ProofLess(at) => forged.change(hook.scheme(), |mut proof| {
                proof.truncate(at.index(proof.len()));
                Some(proof)
            }),
            Self::ProofOther(other) => {
                forged.change(hook.scheme(), |_| Some(other.as_bytes().to_vec()));
            }
            Self::OtherSecret(secret) if forge == Forge::GitlabSigned => {
                let signature =
                    standard(&format!("whsec_{}", &secret[..16]), "msg_1", NOW, &right.body);
                forged.set("webhook-signature", signature.as_bytes());
            }
            Self::OtherSecret(secret) => forged = Delivery::new(&hook, secret, "push", &right.body),
            Self::OtherId(id) if forge == Forge::GitlabSigned => {
                forged.set("webhook-id", id.as_bytes());
            }
            Self::OtherTime(apart) if forge == Forge::GitlabSigned => {
                forged.set("webhook-timestamp", (NOW + apart).to_string().as_bytes());
            }
            Self::OtherId(_) | Self::OtherTime(_) => return None,
        }
        let is_other = forged.counts(hook.scheme()) != right.counts(hook.scheme());
        (is_other && (signs || forged.body == right.body)).then_some(forged)
    }
}

impl Delivery {
    fn change(&mut self, scheme: &Scheme, by: impl FnOnce(Vec<u8>) -> Option<Vec<u8>>) {
        let Some(name) = proof(scheme) else {
            let token = by(self.token.take().unwrap().into_bytes());
            self.token = token.and_then(|token| String::from_utf8(token).ok());
            return;
        };
        let at = self.headers.iter().position(|(known, _)| known == name).unwrap();
        let (name, value) = self.headers.remove(at);
        if let Some(value) = by(value) {
            self.headers.push((name, value));
        }
    }

    /// What of it says the same: digits of either case are the same digits, a header loses blanks at its ends, and behind a
    /// right signature others may be listed.
    fn counts(&self, scheme: &Scheme) -> (Vec<u8>, Option<String>, Vec<(String, String)>) {
        let digits = |text: &str| match scheme {
            Scheme::Hmac { .. } => text.to_lowercase(),
            Scheme::StandardWebhooks => text.split(' ').next().unwrap_or_default().to_owned(),
            Scheme::Header { .. } | Scheme::Path => text.to_owned(),
        };
        let value = |value: &[u8]| digits(&String::from_utf8_lossy(value)).trim().to_owned();
        let headers = self.headers.iter().map(|(name, text)| (name.clone(), value(text)));
        (self.body.clone(), self.token.clone(), headers.collect())
    }
}

#[test]
fn of_ten_thousand_forgeries_none_is_accepted() {
    let body =
        br#"{"ref":"refs/heads/main","after":"1234","repository":{"clone_url":"https://h/a"}}"#;
    let (tried, by_forge) = (Cell::new(0_u32), std::cell::RefCell::new(BTreeMap::new()));
    let config = Config { cases: 25_000, failure_persistence: None, ..Config::default() };
    let senders = prop::sample::select(Forge::WORDS.map(|(_, forge)| forge).to_vec());
    let result = TestRunner::new(config).run(&(senders, forgery()), |(forge, forgery)| {
        let hook = hook(forge);
        let right = Delivery::new(&hook, secret(forge), "push", body);
        prop_assert!(right.send(&hook).is_ok());
        let Some(forged) = forgery.apply(forge, &right) else { return Ok(()) };
        prop_assert!(forged.send(&hook).is_err(), "accepted: {forged:?}");
        tried.set(tried.get() + 1);
        *by_forge.borrow_mut().entry(forge.word()).or_insert(0_u32) += 1;
        Ok(())
    });
    result.unwrap();
    eprintln!("{} forgeries refused: {:?}", tried.get(), by_forge.borrow());
    assert!(tried.get() >= 10_000, "only {} forgeries were tried", tried.get());
    assert!(by_forge.borrow().values().all(|count| *count >= 200), "{by_forge:?}");
    assert_eq!(by_forge.borrow().len(), Forge::WORDS.len());
}
