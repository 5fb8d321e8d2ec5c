//! What holds for webhooks whatever is sent.

use std::time::Duration;

use composelet::model::hint::SyncHint;
use composelet::model::time::Timestamp;
use composelet::webhook::{Bucket, Forge, HEAD_BYTES, Limiter, Message, Rate, ReplayCache, read};
use proptest::prelude::*;

use super::delivery::{Delivery, event_header, hook, secret};

const EVENTS: [&str; 8] = [
    "push",
    "Push Hook",
    "System Hook",
    "repo:push",
    "repo:refs_changed",
    "package",
    "registry_package",
    "ping",
];

/// JSON that looks like what forges send, with anything in the place of anything.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<i64>().prop_map(serde_json::Value::from),
        "(refs/heads/main|https://h/a|push|docker|sha256:00|\\PC{0,20})"
            .prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        let key = prop::sample::select(vec![
            "ref",
            "after",
            "repository",
            "clone_url",
            "project",
            "git_http_url",
            "push",
            "changes",
            "new",
            "name",
            "target",
            "events",
            "action",
            "package",
            "owner",
            "login",
            "docker_url",
            "updated_tags",
            "event_data",
            "resources",
            "resource_url",
            "tag",
            "type",
            "url",
            "image",
            "component",
            "repo_name",
            "push_data",
            "request",
            "host",
            "links",
            "html_url",
            "event_name",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::btree_map(key.prop_map(str::to_owned), inner, 0..8)
                .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        json().prop_map(|value| value.to_string().into_bytes()),
        (json(), any::<prop::sample::Index>()).prop_map(|(value, at)| {
            let text = value.to_string().into_bytes();
            text[..at.index(text.len() + 1)].to_vec()
        }),
        (json(), 1..3 * HEAD_BYTES).prop_map(|(value, blanks)| {
            [" ".repeat(blanks), value.to_string()].concat().into_bytes()
        }),
        prop::collection::vec(any::<u8>(), 0..300),
    ]
}

/// Whether a text could move a cursor, be taken for an option, or carry a password.
fn is_harmless(hint: &SyncHint) -> bool {
    let texts: Vec<&str> = match hint {
        SyncHint::Git { urls, reference, commit, .. } => {
            let passwords = urls.iter().any(|url| {
                let authority = url.split("://").nth(1).and_then(|rest| rest.split('/').next());
                authority.is_some_and(|authority| {
                    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
                })
            });
            assert!(!passwords, "{urls:?}");
            urls.iter().chain(reference).chain(commit).map(String::as_str).collect()
        }
        SyncHint::Image { repository, tag, digest } => {
            [Some(repository), tag.as_ref(), digest.as_ref()]
                .into_iter()
                .flatten()
                .map(String::as_str)
                .collect()
        }
    };
    texts.iter().all(|text| {
        !text.is_empty()
            && !text.starts_with('-')
            && !text.contains(char::is_control)
            && text.len() <= 8192
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// F9: nothing panics, hints are few and harmless, and a body beyond what is kept is read as far as it was kept.
    #[test]
    fn any_authentic_body_is_read_or_refused(
        body in body(),
        event in prop::sample::select(EVENTS.to_vec()),
        (_, forge) in prop::sample::select(Forge::WORDS.to_vec()),
    ) {
        let hook = hook(forge);
        let mut delivery = Delivery::new(&hook, secret(forge), event, &body);
        let authentic = delivery.send(&hook).unwrap();
        if let Ok(Message::Hints(hints)) = read(&hook, &authentic) {
            prop_assert!(!hints.is_empty() && hints.len() <= 16);
            prop_assert!(hints.iter().all(is_harmless), "{hints:?}");
        }
        if let Some(header) = event_header(forge) {
            delivery.headers.retain(|(name, _)| name != header);
            let authentic = delivery.send(&hook).unwrap();
            prop_assert!(read(&hook, &authentic).is_err(), "an event has to be named");
        }
    }

    /// A delivery that comes again, with whatever id and event, is one that was here.
    #[test]
    fn a_replay_is_known(
        (_, forge) in prop::sample::select(Forge::WORDS.to_vec()),
        steps in prop::collection::vec((0..4_u8, "[a-z0-9-]{1,20}", 0..3_600_000_u64), 1..60),
    ) {
        let hook = hook(forge);
        let mut cache = ReplayCache::default();
        let mut seen = std::collections::BTreeSet::new();
        let mut now = Timestamp::from_millis(0);
        let mut elapsed = Duration::ZERO;
        for (body, id, wait) in steps {
            let wait = Duration::from_millis(wait);
            (now, elapsed) = (now.plus(wait), elapsed + wait);
            if elapsed > Duration::from_hours(23) {
                break;
            }
            let text = format!("{{\"n\":{body}}}");
            let mut delivery = Delivery::new(&hook, secret(forge), "push", text.as_bytes());
            delivery.set("x-github-delivery", id.as_bytes());
            delivery.set("x-gitea-delivery", id.as_bytes());
            delivery.set("idempotency-key", id.as_bytes());
            delivery.set("x-request-id", id.as_bytes());
            let Some(key) = delivery.send(&hook).unwrap().replay() else { continue };
            prop_assert_eq!(cache.claim(key, now), seen.insert(key));
        }
        let signs = [Forge::Github, Forge::Gitea, Forge::Gogs, Forge::Hmac, Forge::Nexus];
        prop_assert!(!signs.contains(&forge) || seen.len() <= 4, "an id that is not signed made a new one");
    }

    /// Within any stretch of time no more happens than the bucket held plus what was filled in.
    #[test]
    fn a_rate_is_never_exceeded(
        per_minute in 1..200_u32,
        waits in prop::collection::vec(0..5_000_u64, 1..300),
    ) {
        let rate = Rate::per_minute(per_minute);
        let begin = Timestamp::from_millis(0);
        let mut bucket = Bucket::new(rate, begin);
        let (mut now, mut taken) = (begin, 0_u64);
        for wait in waits {
            now = now.plus(Duration::from_millis(wait));
            match bucket.take(now) {
                Ok(()) => taken += 1,
                Err(after) => {
                    prop_assert!(after <= Duration::from_millis(60_001));
                    let mut later = bucket;
                    prop_assert!(later.take(now.plus(after)).is_ok(), "what was promised is kept");
                }
            }
            let millis = u64::try_from(now.as_millis()).unwrap();
            prop_assert!(taken <= u64::from(per_minute) + millis * u64::from(per_minute) / 60_000);
        }
    }

    /// However many addresses there are, so many are remembered, and those that fail most stay blocked.
    #[test]
    fn the_memory_of_addresses_has_a_limit(others in prop::collection::vec(any::<u16>(), 0..500)) {
        let mut limiter = Limiter::new(Rate::per_minute(5), 16);
        let now = Timestamp::from_millis(0);
        for _ in 0..5 {
            limiter.count(70_000_u32, now);
        }
        for other in others {
            limiter.count(u32::from(other), now);
            prop_assert!(limiter.len() <= 16);
            prop_assert!(limiter.peek(&70_000, now).is_err());
        }
    }
}
