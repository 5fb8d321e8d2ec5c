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
