//! What the commands print of encrypted values, and what the settings say about keys.

use std::fs;

use super::encoder::{Sops, age};
use super::fixture;
use crate::cli_binary::{composelet, composelet_with};

const COMPOSE: &str = "services: {web: {image: app, environment: {URL: \"db://u:${PASSWORD}@db\"}, env_file: app.env}}";

fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let project = directory.path().join("desired-state/shop");
    fs::create_dir_all(&project).unwrap();
    fs::write(project.join("compose.yaml"), COMPOSE).unwrap();
    fs::write(project.join(".env"), age(b"PASSWORD=canary-1\n", &["one.key"])).unwrap();
    let sops = Sops::new(1).dotenv(&[("TOKEN", "canary-2"), ("PIN", "7")]);
    fs::write(project.join("app.env"), sops).unwrap();
    fs::write(directory.path().join("one.key"), fixture("one.key")).unwrap();
    let settings = "secrets: {age_keys: [{file: one.key}, {env: SHOP_KEY}]}\n";
    fs::write(directory.path().join("composelet.yaml"), settings).unwrap();
    directory
}

#[test]
fn config_masks_what_was_decrypted_unless_asked() {
    let directory = directory();
    let config = |more: &[&str]| {
        let all = [&["config", "shop", "--config", "composelet.yaml"], more].concat();
        let run = composelet(directory.path(), &all);
        assert_eq!(run.code, 0, "{}", run.err);
        assert!(!run.err.contains("canary"), "{}", run.err);
        run.out
    };
    for form in ["yaml", "json"] {
        let masked = config(&["--format", form]);
        assert!(!masked.contains("canary"), "{masked}");
        assert_eq!(masked.matches("(decrypted)").count(), 3, "{masked}");
        let shown = config(&["--format", form, "--show-secrets"]);
        assert!(shown.contains("db://u:canary-1@db") && shown.contains("canary-2"), "{shown}");
    }
    let hash = config(&["--hash"]);
    assert!(hash.starts_with("web ") && !hash.contains("canary"));
    assert_eq!(hash, config(&["--hash", "*", "--show-secrets"]));
}

#[test]
fn a_key_may_come_from_the_environment() {
    let directory = directory();
    fs::remove_file(directory.path().join("one.key")).unwrap();
    let validate = |variables: &[(&str, &str)]| {
        let arguments = ["validate", "--config", "composelet.yaml"];
        let run = composelet_with(directory.path(), &arguments, variables);
        assert!(!format!("{}{}", run.out, run.err).contains("canary"));
        run
    };
    let without = validate(&[]);
    assert_eq!(without.code, 1);
    for words in [
        "shop/.env is encrypted for one recipient",
        "one.key does not exist",
        "$SHOP_KEY is not set",
    ] {
        assert!(without.out.contains(words), "`{words}` is missing in:\n{}", without.out);
    }
    let key = String::from_utf8(fixture("one.key")).unwrap();
    assert_eq!(validate(&[("SHOP_KEY", &key)]).code, 0);
}

#[test]
fn the_settings_hold_no_key_and_name_none_in_the_watched_directory() {
    let directory = directory();
    let refused = |settings: &str| {
        fs::write(directory.path().join("composelet.yaml"), settings).unwrap();
        let run = composelet(directory.path(), &["validate", "--config", "composelet.yaml"]);
        assert_eq!(run.code, 2, "{}{}", run.out, run.err);
        run.err
    };
    assert!(refused("secrets: {age_key: []}").contains("unknown setting `secrets.age_key`"));
    assert!(
        refused("secrets: {age_keys: [AGE-SECRET-KEY-1X]}")
            .contains("no secret stands in this file")
    );
    assert!(refused("secrets: {age_keys: {file: x}}").contains("expected a list"));
    let inside = refused("secrets: {age_keys: [{file: desired-state/shop/a.key}]}");
    assert!(inside.contains("lies in the watched directory"), "{inside}");
}
