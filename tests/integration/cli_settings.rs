//! Settings: flag over environment over file over default; what cannot work is refused with the way out.

use std::fs;

use crate::cli_binary::{composelet, composelet_with};

#[test]
fn a_flag_wins_over_environment_and_file() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("composelet.yaml"), "state_dir: of-file\n").unwrap();
    let names = |arguments: &[&str], variables: &[(&str, &str)]| {
        let all = [&["get", "projects", "--config", "composelet.yaml"], arguments].concat();
        let run = composelet_with(directory.path(), &all, variables);
        assert_eq!(run.code, 2, "{}", run.err);
        run.err
    };
    let variable = [("COMPOSELET_STATE_DIR", "of-environment")];
    assert!(names(&[], &[]).contains("/of-file: no controller has run"));
    assert!(names(&[], &variable).contains("/of-environment: no controller has run"));
    assert!(names(&["--state-dir", "of-flag"], &variable).contains("/of-flag: no controller"));
}

#[test]
fn an_unknown_setting_names_the_nearest() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("composelet.yaml"), "stat_dir: x\n").unwrap();
    let run = composelet(directory.path(), &["get", "projects", "--config", "composelet.yaml"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("did you mean `state_dir`?"), "{}", run.err);
}

/// Nothing would ever come of such a hook.
#[test]
fn a_hook_for_a_source_that_is_not_there_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let hook =
        "webhooks: {hooks: [{name: shop, forge: github, source: shp, secrets: [{env: S}]}]}\n";
    fs::write(directory.path().join("composelet.yaml"), hook).unwrap();
    let run = composelet(directory.path(), &["validate", "--config", "composelet.yaml"]);
    assert_eq!(run.code, 2, "{}", run.err);
    assert!(
        run.err.contains("hook shop: source: the settings have no source `shp`"),
        "{}",
        run.err
    );
}

#[test]
fn settings_do_not_lie_among_manifests() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("desired-state")).unwrap();
    let file = "desired-state/composelet.yaml";
    fs::write(directory.path().join(file), "").unwrap();
    let run = composelet(directory.path(), &["get", "projects", "--config", file]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("lies in the watched directory"), "{}", run.err);
}

#[test]
fn an_engine_that_cannot_be_named_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let run = composelet_with(directory.path(), &["version"], &[("DOCKER_HOST", "ssh://far")]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("unix:///path/to/socket"), "{}", run.err);
    let run = composelet_with(directory.path(), &["version"], &[("DOCKER_HOST", "")]);
    assert_eq!(run.code, 0, "{}", run.err);
}

const SHOP: &str = "services:\n  web: {image: \"shop:${TAG:?}\", restart: always}\n  \
                    mail: {image: \"mail:1\", profiles: [test-mail]}\n";

#[test]
fn staging_and_production_run_from_the_same_files() {
    let directory = tempfile::tempdir().unwrap();
    let project = directory.path().join("desired-state/shop");
    fs::create_dir_all(&project).unwrap();
    let write = |name: &str, text: &str| fs::write(project.join(name), text).unwrap();
    write("compose.yaml", SHOP);
    write("over.staging.yaml", "name: other\nservices: {web: {restart: \"no\"}}\n");
    write(".env", "TAG=1\n");
    write(".env.staging", "TAG=2-rc\n");
    let settings = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    settings("production.yaml", "");
    settings(
        "staging.yaml",
        "projects:\n  shop:\n    profiles: [test-mail]\n    files: [over.staging.yaml]\n    env_files: [.env.staging]\n",
    );
    let config = |host: &str| {
        let arguments = ["config", "shop", "--format", "json", "--config", host];
        let run = composelet(directory.path(), &arguments);
        assert_eq!(run.code, 0, "{}", run.err);
        serde_json::from_str::<serde_json::Value>(&run.out).unwrap()
    };
    let production = config("production.yaml");
    assert_eq!(production["services"]["web"]["image"], "shop:1");
    assert_eq!(production["services"]["web"]["restart"], "always");
    assert!(production["services"]["mail"].is_null());
    let staging = config("staging.yaml");
    assert_eq!(staging["name"], "shop", "a chosen file does not name the project");
    assert_eq!(staging["services"]["web"]["image"], "shop:2-rc");
    assert_eq!(staging["services"]["web"]["restart"], "no");
    assert_eq!(staging["services"]["mail"]["image"], "mail:1");
    for host in ["production.yaml", "staging.yaml"] {
        let run = composelet(directory.path(), &["validate", "--config", host]);
        assert_eq!(run.code, 0, "{}", run.out);
    }
    let let_in = ["config", "shop", "--images", "--config", "staging.yaml"];
    let run = composelet_with(directory.path(), &let_in, &[("TAG", "3")]);
    assert!(run.out.contains("shop:3"), "the environment stands above: {}", run.out);
}

#[test]
fn choices_that_cannot_be_made_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let project = directory.path().join("desired-state/shop");
    fs::create_dir_all(&project).unwrap();
    fs::write(project.join("compose.yaml"), "services: {web: {image: \"shop:1\"}}").unwrap();
    let validate = |text: &str| {
        fs::write(directory.path().join("host.yaml"), text).unwrap();
        composelet(directory.path(), &["validate", "--config", "host.yaml"])
    };
    let lacking = validate("projects: {shop: {files: [nowhere.yaml]}}");
    assert_eq!(lacking.code, 1, "{}", lacking.err);
    assert!(lacking.out.contains("nowhere.yaml does not exist"), "{}", lacking.out);
    let lacking = validate("projects: {shop: {env_files: [.env.nowhere]}}");
    assert_eq!(lacking.code, 1, "{}", lacking.err);
    let unknown = validate("projects: {shop: {profile: [a]}}");
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("unknown setting `projects.shop.profile`"), "{}", unknown.err);
    let idle = validate("projects: {shap: {profiles: [a]}}");
    assert_eq!(idle.code, 0);
    assert!(idle.err.contains("shap, which is no project here"), "{}", idle.err);
}
