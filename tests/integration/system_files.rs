//! The files of tests/systems, without an engine: every variant loads, and none works without its passwords.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use composelet::manifest::{Dialect, Entry};
use composelet::model::exclusive::{exclusive, joined, shared_sources};
use composelet::model::id::ServiceName;
use composelet::model::path::LocalPath;

use crate::cli_binary::composelet;
use crate::manifest_cases::load_from_disk;

/// System, argument of `make-env`, and what `validate` may warn of.
pub(crate) const VARIANTS: &[(&str, &str, &[&str])] = &[
    // Kept as its owners wrote it.
    ("backend-optimizacion", "", &["no-health-check"]),
    ("certificados", "", &[]),
    ("certificados", "staging", &[]),
    // The check is in the image.
    ("montero", "", &[]),
    ("montero", "scaled", &["no-health-check"]),
    ("montero", "dev", &[]),
    // Its owners take the newest, and wait for a start here and there.
    ("paqueteria", "", &["floating-tag", "started-only"]),
    ("pontificia", "", &[]),
    ("pontificia", "secured", &[]),
];

/// Databases, brokers and schedulers of each system.
const NEVER_TWICE: &[(&str, &[&str])] = &[
    ("backend-optimizacion", &["db", "redis", "celery-beat"]),
    ("certificados", &["db", "redis"]),
    ("montero", &["redis"]),
    ("paqueteria", &["redis", "celery_beat"]),
    (
        "pontificia",
        &[
            "redis",
            "auth_mysql",
            "users_mysql",
            "asistencia_mysql",
            "documentos_mysql",
            "pagos_mysql",
            "reportes_mysql",
            "auditoria_mysql",
            "gateway_mysql",
        ],
    ),
];

pub(crate) fn copied(system: &str, into: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/systems").join(system);
    let desired = into.join("desired-state");
    fs::create_dir_all(&desired).unwrap();
    let status = Command::new("cp").arg("-a").arg(source).arg(&desired).status().unwrap();
    assert!(status.success());
    for generated in [".env", "env", "secrets"] {
        let path = desired.join(system).join(generated);
        drop(fs::remove_file(&path));
        drop(fs::remove_dir_all(&path));
    }
    desired.join(system)
}

#[test]
fn every_variant_loads_and_warns_of_nothing_unknown() {
    for (system, variant, known) in VARIANTS {
        let directory = tempfile::tempdir().unwrap();
        let project = copied(system, directory.path());
        let arguments = if variant.is_empty() { None } else { Some(variant) };
        let made = Command::new(project.join("make-env")).args(arguments).status().unwrap();
        assert!(made.success(), "{system} {variant}");
        let run = composelet(directory.path(), &["validate"]);
        assert_eq!(run.code, 0, "{system} {variant}: {}{}", run.out, run.err);
        let warnings = run.out.lines().filter_map(|line| line.strip_prefix("warning["));
        let unknown: Vec<_> =
            warnings.filter(|line| !known.iter().any(|code| line.starts_with(code))).collect();
        assert!(unknown.is_empty(), "{system} {variant}: {unknown:#?}");
    }
}

/// What is found to be exclusive is stopped before its successor starts, and is refused a blue-green strategy.
#[test]
fn what_must_never_run_twice_is_known() {
    for (system, services) in NEVER_TWICE {
        let directory = tempfile::tempdir().unwrap();
        let place = copied(system, directory.path());
        assert!(Command::new(place.join("make-env")).status().unwrap().success());
        let loaded = load_from_disk(&Entry::Directory(LocalPath::new(&place)), Dialect::Controller);
        let project = loaded.project.unwrap();
        let joined = joined(project.services.values());
        let shared = shared_sources(project.services.values());
        for name in *services {
            let service = project.services.get(&ServiceName::from(*name)).unwrap();
            let why = exclusive(service, (&joined, &shared));
            assert!(why.is_some(), "{system}: two of {name} at once");
        }
    }
}

#[test]
fn generated_values_are_long_kept_and_private() {
    for (system, ..) in VARIANTS {
        let directory = tempfile::tempdir().unwrap();
        let project = copied(system, directory.path());
        let make = || Command::new(project.join("make-env")).status().unwrap().success();
        assert!(make());
        let first = fs::read_to_string(project.join(".env")).unwrap();
        let secrets = first.lines().filter_map(|line| line.split_once('='));
        let secrets: Vec<_> = secrets
            .filter(|(name, _)| name.ends_with("PASSWORD") || *name == "SECRET_KEY")
            .collect();
        assert!(secrets.len() >= 2 && secrets.iter().all(|(_, value)| value.len() >= 32));
        assert!(make());
        assert_eq!(first, fs::read_to_string(project.join(".env")).unwrap(), "{system}: kept");
        let mode = Command::new("stat").args(["-c", "%a"]).arg(project.join(".env")).output();
        assert_eq!(mode.unwrap().stdout, b"600\n", "{system}");
    }
}

#[test]
fn without_its_passwords_nothing_loads_and_the_mend_is_named() {
    for (system, ..) in VARIANTS {
        let directory = tempfile::tempdir().unwrap();
        copied(system, directory.path());
        let run = composelet(directory.path(), &["validate"]);
        assert_eq!(run.code, 1, "{system}: {}", run.out);
        assert!(run.out.contains("make-env"), "{system}: {}", run.out);
    }
}
