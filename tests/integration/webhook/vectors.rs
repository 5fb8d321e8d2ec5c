//! The vectors of the reference, and what each scheme takes and refuses, as data.

use composelet::webhook::{Algorithm, Forge, Hook, HookError, HookParts, Refusal};

use super::delivery::{Delivery, NOW, SECRET, SIGNING, hook, parts, standard};

const BODY: &[u8] = br#"{"ref":"refs/heads/main"}"#;
/// HMAC of [`BODY`] with [`SECRET`], computed by another implementation.
const SHA1: &str = "063aa8506d61ae60ab463a43a849920b20f0a2a9";
const SHA256: &str = "5715eeea6c3a336d03de9b3b592479dbc3d1a82717f482b431bbc4d47b10e641";
const SHA512: &str = "f4eaaea734003072e6c0e64153c0a17162d6930820ebbeacf074ff17c1e8424ad3d6fecc785875e792e6a6f842a2a2806fb029f55ee3ac1e6c752d0f7e01a002";

fn plain(body: &[u8], headers: &[(&str, &str)]) -> Delivery {
    let mut delivery = Delivery { headers: Vec::new(), token: None, body: body.to_vec() };
    for (name, value) in headers {
        delivery.headers.push(((*name).to_owned(), value.as_bytes().to_vec()));
    }
    delivery
}

#[test]
fn published_vectors_are_authentic() {
    let github = Hook::new(parts(Forge::Github, &["It's a Secret to Everybody"])).unwrap();
    let digits = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let vector = plain(b"Hello, World!", &[("x-hub-signature-256", digits)]);
    assert!(vector.send(&github).is_ok());
    let standard_webhooks = plain(
        BODY,
        &[
            ("webhook-id", "msg_1"),
            ("webhook-timestamp", "1700000000"),
            ("webhook-signature", "v1,YtEwIKVmXx9+w7Po38yTTOooej1fkGb+Y4GKH93yS5k="),
        ],
    );
    assert!(standard_webhooks.send(&hook(Forge::GitlabSigned)).is_ok());
}

/// Forge, header, what stands before the digits, digits.
#[test]
fn every_forge_has_its_header() {
    for (forge, header, prefix, digits) in [
        (Forge::Github, "x-hub-signature-256", "sha256=", SHA256),
        (Forge::Gitea, "x-gitea-signature", "", SHA256),
        (Forge::Forgejo, "x-forgejo-signature", "", SHA256),
        (Forge::Gogs, "x-gogs-signature", "", SHA256),
        (Forge::Bitbucket, "x-hub-signature", "sha256=", SHA256),
        (Forge::BitbucketServer, "x-hub-signature", "sha256=", SHA256),
        (Forge::Nexus, "x-nexus-webhook-signature", "", SHA1),
        (Forge::Hmac, "x-signature", "sha256=", SHA256),
        (Forge::Gitlab, "x-gitlab-token", "", SECRET),
        (Forge::Harbor, "authorization", "", SECRET),
        (Forge::Registry, "authorization", "Bearer ", SECRET),
        (Forge::Token, "authorization", "Bearer ", SECRET),
    ] {
        let hook = hook(forge);
        let value = format!("{prefix}{digits}");
        assert!(plain(BODY, &[(header, &value)]).send(&hook).is_ok(), "{forge:?}");
        // The right proof in the wrong place, not at all, or twice.
        let missing = Refusal::Missing(header.to_owned());
        let elsewhere = plain(BODY, &[("x-other", &value)]);
        assert_eq!(elsewhere.send(&hook).unwrap_err(), missing, "{forge:?}");
        let twice = plain(BODY, &[(header, &value), (header, &value)]);
        assert_eq!(twice.send(&hook).unwrap_err(), Refusal::Repeated(header.to_owned()));
        if digits != SECRET {
            for form in [digits[1..].to_owned(), format!("{value}0"), String::new(), "sha1=".into()]
            {
                let refusal = plain(BODY, &[(header, &form)]).send(&hook).unwrap_err();
                assert_eq!(refusal, Refusal::Form(header.to_owned()), "{forge:?} {form}");
            }
            let wrong = digits.replace('0', "1");
            let wrong = plain(BODY, &[(header, &format!("{prefix}{wrong}"))]);
            assert_eq!(wrong.send(&hook).unwrap_err(), Refusal::Signature);
        }
    }
}

#[test]
fn a_generic_signature_is_as_the_settings_say() {
    let of = |header: &str, prefix: &str, algorithm| HookParts {
        header: Some(header.to_owned()),
        prefix: Some(prefix.to_owned()),
        algorithm: Some(algorithm),
        ..parts(Forge::Hmac, &[SECRET])
    };
    for (header, prefix, algorithm, digits) in [
        ("X-Sign", "", Algorithm::Sha512, SHA512),
        ("X-Hub-Signature", "sha1=", Algorithm::Sha1, SHA1),
        ("X-Grafana-Alerting-Signature", "", Algorithm::Sha256, SHA256),
    ] {
        let hook = Hook::new(of(header, prefix, algorithm)).unwrap();
        let value = format!("{prefix}{digits}");
        assert!(plain(BODY, &[(&header.to_lowercase(), &value)]).send(&hook).is_ok(), "{header}");
    }
}

#[test]
fn secrets_in_paths_are_whole() {
    for forge in [Forge::DockerHub, Forge::Quay, Forge::Acr] {
        let hook = hook(forge);
        let at =
            |token: Option<&str>| Delivery { token: token.map(str::to_owned), ..plain(BODY, &[]) };
        assert!(at(Some(SECRET)).send(&hook).is_ok());
        for wrong in [None, Some(""), Some(&SECRET[1..]), Some("0123456789abcdef")] {
            assert!(at(wrong).send(&hook).is_err(), "{forge:?} {wrong:?}");
        }
        assert_eq!(hook.matches("/hooks/shop/abc"), Some(Some("abc")));
        assert_eq!(hook.matches("/hooks/shop"), Some(None));
        assert_eq!(hook.matches("/hooks/shopping"), None);
    }
    // With a header of its own nothing stands in the path.
    let with_header =
        HookParts { header: Some("X-Token".to_owned()), ..parts(Forge::Acr, &[SECRET]) };
    let hook = Hook::new(with_header).unwrap();
    assert!(plain(BODY, &[("x-token", SECRET)]).send(&hook).is_ok());
    assert_eq!(hook.matches("/hooks/shop/abc"), None);
}

#[test]
fn old_and_new_secrets_both_count_while_they_are_exchanged() {
    let (old, new) = (SECRET, "fedcba9876543210fedcba9876543210");
    for forge in [Forge::Github, Forge::Gitlab, Forge::DockerHub] {
        let both = Hook::new(parts(forge, &[new, old])).unwrap();
        let only_new = Hook::new(parts(forge, &[new])).unwrap();
        let of_old = Delivery::new(&both, old, "push", BODY);
        assert!(of_old.send(&both).is_ok() && of_old.send(&only_new).is_err(), "{forge:?}");
        let of_new = Delivery::new(&both, new, "push", BODY);
        assert!(of_new.send(&both).is_ok() && of_new.send(&only_new).is_ok(), "{forge:?}");
    }
    // A sender may sign with several keys as well.
    let hook = hook(Forge::GitlabSigned);
    let mut delivery = Delivery::new(&hook, SIGNING, "Push Hook", BODY);
    let right = standard(SIGNING, "msg_1", NOW, BODY);
    let other = right.replace("v1,Y", "v1,Z");
    delivery.set("webhook-signature", format!("v1a,xx {other} {right}").as_bytes());
    assert!(delivery.send(&hook).is_ok());
    delivery.set("webhook-signature", format!("v1a,xx {other}").as_bytes());
    assert_eq!(delivery.send(&hook).unwrap_err(), Refusal::Signature);
}

#[test]
fn a_signed_time_has_a_window() {
    let hook = hook(Forge::GitlabSigned);
    for (apart, is_in) in [(0, true), (300, true), (-300, true), (301, false), (-301, false)] {
        let mut delivery = Delivery::new(&hook, SIGNING, "Push Hook", BODY);
        let at = NOW + apart;
        delivery.set("webhook-timestamp", at.to_string().as_bytes());
        delivery.set("webhook-signature", standard(SIGNING, "msg_1", at, BODY).as_bytes());
        assert_eq!(delivery.send(&hook).is_ok(), is_in, "{apart}");
    }
    for odd in [
        "",
        "now",
        "-1",
        "+1700000000",
        "1700000000.0",
        "99999999999999999999",
        "9223372036854775807",
    ] {
        let mut delivery = Delivery::new(&hook, SIGNING, "Push Hook", BODY);
        delivery.set("webhook-timestamp", odd.as_bytes());
        assert!(delivery.send(&hook).is_err(), "{odd}");
    }
}

/// `a.1` and `700…` signed as one text must not pass for `a` and `1.700…`.
#[test]
fn an_id_with_a_dot_is_refused() {
    let hook = hook(Forge::GitlabSigned);
    let mut delivery = Delivery::new(&hook, SIGNING, "Push Hook", BODY);
    delivery.set("webhook-id", b"msg.1");
    delivery.set("webhook-signature", standard(SIGNING, "msg.1", NOW, BODY).as_bytes());
    assert_eq!(delivery.send(&hook).unwrap_err(), Refusal::Form("webhook-id".to_owned()));
}

#[test]
fn secrets_that_can_be_guessed_are_refused() {
    let error = |forge, secret: &str| Hook::new(parts(forge, &[secret])).unwrap_err();
    assert_eq!(error(Forge::Github, "s3cr3t"), HookError::ShortSecret { number: 1, length: 6 });
    assert_eq!(error(Forge::GitlabSigned, SECRET), HookError::NoSigningToken(1));
    assert_eq!(error(Forge::GitlabSigned, "whsec_c2hvcnQgb25l"), HookError::NoSigningToken(1));
    assert_eq!(error(Forge::DockerHub, "0123456789abcdef"), HookError::NoPathToken(1));
    let slash = format!("{SECRET}/");
    assert_eq!(error(Forge::DockerHub, &slash), HookError::NoPathToken(1));
    let none = Hook::new(parts(Forge::Github, &[])).unwrap_err();
    assert_eq!(none, HookError::SecretCount(0));
    let shown = format!("{:?} {}", hook(Forge::Github), error(Forge::Github, "hunter2"));
    assert!(!shown.contains("hunter2") && !shown.contains(SECRET), "{shown}");
}
