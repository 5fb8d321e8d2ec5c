//! What is typed wrongly ends in 2, help and version in 0; results go to standard output, remarks to standard error.

use crate::cli_binary::{composelet, composelet_with};

#[test]
fn mistakes_end_in_two() {
    let directory = tempfile::tempdir().unwrap();
    let wrong: [&[&str]; 7] = [
        &[],
        &["frobnicate"],
        &["get"],
        &["get", "pods"],
        &["get", "projects", "-o", "xml"],
        &["suspend", "shop"],
        &["suspend", "shop", "--reason", "x", "--for", "soon"],
    ];
    for arguments in wrong {
        let run = composelet(directory.path(), arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.err);
        assert!(run.out.is_empty(), "{arguments:?}");
        assert!(!run.err.is_empty(), "{arguments:?}");
    }
}

#[test]
fn help_and_version_end_in_zero() {
    let directory = tempfile::tempdir().unwrap();
    let help = composelet(directory.path(), &["--help"]);
    assert_eq!(help.code, 0);
    for word in ["Exit codes", "describe", "--desired-state", "docker context"] {
        assert!(help.out.contains(word), "{word} is missing in:\n{}", help.out);
    }
    let version = composelet(directory.path(), &["version", "--short"]);
    assert_eq!((version.code, version.out.as_str()), (0, concat!(env!("CARGO_PKG_VERSION"), "\n")));
    assert_eq!(composelet(directory.path(), &["--version"]).code, 0);
}

#[test]
fn colours_are_for_terminals_only() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = ["get", "projects", "--state-dir", "none"];
    let plain = composelet(directory.path(), &arguments);
    assert!(!plain.err.contains('\u{1b}'), "{}", plain.err);
    let always = [arguments.as_slice(), &["--color", "always"]].concat();
    let coloured = composelet_with(directory.path(), &always, &[("NO_COLOR", "1")]);
    assert!(coloured.err.contains('\u{1b}'), "{}", coloured.err);
}
