//! Who signed: keys of ssh and of OpenPGP.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use composelet::model::git_source::{Follow, Signers};
use composelet::model::sync::SyncReason;

use super::bench::Bench;

/// Makes a key of ssh; the path of its private part.
fn ssh_key(bench: &Bench, name: &str) -> PathBuf {
    let path = bench.top().join(name);
    let status = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
        .arg(&path)
        .status();
    assert!(status.unwrap().success());
    path
}

fn allow(bench: &Bench, key: &str) -> Signers {
    let public = fs::read_to_string(bench.top().join(format!("{key}.pub"))).unwrap();
    let file = bench.top().join("allowed_signers");
    fs::write(&file, format!("ana@example.test {public}")).unwrap();
    Signers::Ssh(file)
}

fn sign(bench: &Bench, key: &str, text: &str) -> String {
    fs::write(bench.work().join("compose.yaml"), text).unwrap();
    bench.git(&["add", "--all"]);
    let key = format!("user.signingKey={}", bench.top().join(key).display());
    bench.git(&["-c", "gpg.format=ssh", "-c", &key, "commit", "--quiet", "-S", "--message", text]);
    bench.push_head("main");
    bench.git(&["rev-parse", "HEAD"])
}

#[tokio::test]
async fn only_those_who_may_sign_with_ssh() {
    let mut bench = Bench::new();
    ssh_key(&bench, "good");
    ssh_key(&bench, "other");
    bench.source.signers = Some(allow(&bench, "good"));
    let first = sign(&bench, "good", "one");
    assert_eq!(bench.sync().await.unwrap(), first);
    bench.push(&[("compose.yaml", "unsigned")]);
    bench.refuses(SyncReason::NotSigned).await;
    sign(&bench, "other", "by somebody else");
    bench.refuses(SyncReason::NotSigned).await;
    let last = sign(&bench, "good", "two");
    assert_eq!(bench.sync().await.unwrap(), last);

    // A signed tag vouches for an unsigned commit.
    bench.push(&[("compose.yaml", "unsigned, but tagged")]);
    let key = format!("user.signingKey={}", bench.top().join("good").display());
    bench.git(&[
        "-c",
        "gpg.format=ssh",
        "-c",
        &key,
        "tag",
        "--sign",
        "--message",
        "release",
        "v1.0.0",
    ]);
    bench.push_tag("v1.0.0");
    bench.source.follow = Follow::Tag("v1.0.0".to_owned());
    bench.sync().await.unwrap();
    assert_eq!(bench.text("compose.yaml").as_deref(), Some("unsigned, but tagged"));
}

#[tokio::test]
async fn only_those_who_may_sign_with_openpgp() {
    let mut bench = Bench::new();
    let ring = bench.top().join("ring");
    let gpg = |words: &[&str]| {
        let output = Command::new("gpg")
            .arg("--homedir")
            .arg(&ring)
            .arg("--batch")
            .args(words)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        output.stdout
    };
    fs::create_dir(&ring).unwrap();
    for name in ["good", "other"] {
        gpg(&[
            "--quiet",
            "--passphrase",
            "",
            "--quick-generate-key",
            &format!("{name}@example.test"),
            "ed25519",
            "sign",
            "never",
        ]);
    }
    let public = bench.top().join("good.asc");
    fs::write(&public, gpg(&["--armor", "--export", "good@example.test"])).unwrap();
    bench.source.signers = Some(Signers::OpenPgp(vec![public]));
    let sign = |who: &str, text: &str| {
        fs::write(bench.work().join("compose.yaml"), text).unwrap();
        bench.git(&["add", "--all"]);
        let output = Command::new("git")
            .args(["-c", "user.name=Ana", "-c", "user.email=ana@example.test"])
            .args([
                "commit",
                "--quiet",
                &format!("--gpg-sign={who}@example.test"),
                "--message",
                text,
            ])
            .current_dir(bench.work())
            .env("GNUPGHOME", &ring)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        bench.push_head("main");
        bench.git(&["rev-parse", "HEAD"])
    };
    let first = sign("good", "one");
    sign("other", "two");
    let (one, two) = (first, bench.git(&["rev-parse", "HEAD"]));
    assert_ne!(one, two);
    bench.refuses(SyncReason::NotSigned).await;
    bench.git(&["reset", "--quiet", "--hard", &one]);
    bench.push_head("main");
    assert_eq!(bench.sync().await.unwrap(), one);
    drop(Command::new("gpgconf").arg("--homedir").arg(&ring).args(["--kill", "all"]).status());
}
