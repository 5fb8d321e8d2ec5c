//! `validate` and `config` read manifests by themselves: no engine, no controller.

use std::fs;
use std::path::Path;

use crate::cli_binary::{composelet, composelet_with};

const SHOP: &str = "services:\n  web:\n    image: \"shop:${TAG:-latest}\"\n  db:\n    image: mariadb\n    volumes: [data:/var/lib/mysql]\nvolumes:\n  data: {}\n";

/// A directory with `desired-state/shop/compose.yaml`.
fn directory_with(text: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "shop", text);
    directory
}

fn write(directory: &Path, project: &str, text: &str) {
    let project = directory.join("desired-state").join(project);
    fs::create_dir_all(&project).unwrap();
    fs::write(project.join("compose.yaml"), text).unwrap();
}

#[test]
fn a_good_manifest_is_valid() {
    let directory = directory_with(SHOP);
    for arguments in
        [&["validate"][..], &["validate", "desired-state/shop"], &["validate", "desired-state"]]
    {
        let run = composelet(directory.path(), arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {}{}", run.out, run.err);
        assert!(run.out.contains("project shop: valid, 0 errors"), "{}", run.out);
    }
}

#[test]
fn a_mistake_is_shown_with_its_line_and_the_nearest_key() {
    let directory = directory_with("services:\n  web:\n    imag: nginx\n");
    write(directory.path(), "good", SHOP);
    let run = composelet(directory.path(), &["validate"]);
    assert_eq!(run.code, 1, "{}", run.err);
    for words in
        ["shop/compose.yaml:3:5", "imag: nginx", "did you mean image?", "project good: valid"]
    {
        assert!(run.out.contains(words), "`{words}` is missing in:\n{}", run.out);
    }
    assert_eq!(composelet(directory.path(), &["validate", "nowhere"]).code, 3);
}

#[test]
fn without_a_directory_there_is_nothing_to_check() {
    let directory = tempfile::tempdir().unwrap();
    let run = composelet(directory.path(), &["validate"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("--desired-state"), "{}", run.err);
}

#[test]
fn only_named_variables_reach_a_manifest() {
    let directory = directory_with("services:\n  web:\n    image: \"shop:${TAG:?is needed}\"\n");
    let variables = [("TAG", "7")];
    let unnamed = composelet_with(directory.path(), &["validate"], &variables);
    assert_eq!(unnamed.code, 1, "{}", unnamed.out);
    let named = composelet_with(directory.path(), &["validate", "--env", "TAG"], &variables);
    assert_eq!(named.code, 0, "{}", named.out);
}

#[test]
fn config_prints_as_the_compose_command_does() {
    let directory = directory_with(SHOP);
    let config = |arguments: &[&str]| {
        let run =
            composelet_with(directory.path(), &[&["config"], arguments].concat(), &[("TAG", "7")]);
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.err);
        run.out
    };
    let yaml: serde_yaml::Value = serde_yaml::from_str(&config(&["shop"])).unwrap();
    assert_eq!(yaml["services"]["web"]["image"], "shop:7");
    let json: serde_json::Value = serde_json::from_str(&config(&["--format", "json"])).unwrap();
    assert_eq!(json["volumes"]["data"]["name"], "shop_data");
    assert_eq!(config(&["--services"]), "db\nweb\n");
    assert_eq!(config(&["--images"]), "mariadb\nshop:7\n");
    assert_eq!(config(&["--volumes"]), "data\n");
    assert_eq!(config(&["--quiet"]), "");
    let hash = config(&["--hash", "web"]);
    assert!(hash.starts_with("web ") && hash.trim().len() == 68, "{hash}");
    assert_eq!(config(&["--hash", "*"]).lines().count(), 2);
}

#[test]
fn config_says_what_it_does_not_know() {
    let directory = directory_with(SHOP);
    write(directory.path(), "blog", SHOP);
    let several = composelet(directory.path(), &["config"]);
    assert_eq!(several.code, 2);
    assert!(several.err.contains("there are blog, shop"), "{}", several.err);
    assert_eq!(composelet(directory.path(), &["config", "none"]).code, 3);
    assert_eq!(composelet(directory.path(), &["config", "shop", "--hash", "none"]).code, 3);
}

#[test]
fn without_an_engine_a_plan_is_an_error() {
    let directory = directory_with(SHOP);
    let run = composelet(directory.path(), &["plan", "-H", "unix:///nowhere/docker.sock"]);
    assert_eq!(run.code, 2, "{}", run.out);
    assert!(run.err.contains("unix:///nowhere/docker.sock"), "{}", run.err);
}

/// `mariadb` names no version, which is a warning; `latest` of the other image is one, too.
#[test]
fn strict_turns_warnings_into_errors_and_allow_leaves_a_code_out() {
    let directory = directory_with(SHOP);
    let run =
        |arguments: &[&str]| composelet(directory.path(), &[&["validate"], arguments].concat());
    let plain = run(&[]);
    assert_eq!(plain.code, 0, "{}", plain.out);
    assert!(plain.out.contains("warning[floating-tag]"), "{}", plain.out);
    assert!(plain.out.contains("valid, 0 errors, 2 warnings"), "{}", plain.out);
    let strict = run(&["--strict"]);
    assert_eq!(strict.code, 1, "{}", strict.out);
    assert!(strict.out.contains("project shop: invalid, 0 errors, 2 warnings"), "{}", strict.out);
    let allowed = run(&["--strict", "--allow", "floating-tag"]);
    assert_eq!(allowed.code, 0, "{}", allowed.out);
    assert!(!allowed.out.contains("floating-tag"), "{}", allowed.out);
    let unknown = run(&["--allow", "floating-tags"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("did you mean floating-tag?"), "{}", unknown.err);
    assert_eq!(run(&["--allow", "unknown-key"]).code, 2, "errors cannot be allowed");
}
