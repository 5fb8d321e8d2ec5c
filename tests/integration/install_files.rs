//! What people install composelet with: the Compose file is a project that it can keep itself, docker compose reads it too,
//! systemd takes the unit.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use composelet::controller::desired::compose::ComposeLoader;
use composelet::controller::desired::loading::load_entry;
use composelet::manifest::HostChoices;
use composelet::model::config::MountSource;
use composelet::model::diagnostic::Severity;
use composelet::model::files::{Entry, Files};
use composelet::model::id::ServiceName;
use composelet::model::path::{LocalPath, PathMap};
use composelet::source::read_path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

const ENV: &str = "DESIRED_STATE=/srv/desired-state\nSOCKET_GROUP=999\n";

/// A copy beside which an `.env` may lie.
fn copied() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("compose.yaml");
    fs::copy(root().join("docs/install/compose.yaml"), &file).unwrap();
    fs::write(directory.path().join(".env"), ENV).unwrap();
    (directory, file)
}

fn load(path: &Path, paths: PathMap) -> composelet::controller::desired::loading::EntryReading {
    let choices = HostChoices { paths, ..HostChoices::default() };
    let loader = ComposeLoader { choices, ..ComposeLoader::default() };
    let entry = Entry::Directory(LocalPath::new(path));
    load_entry(&loader, &entry, Files::new(), |path| Some(read_path(path)))
}

#[test]
fn the_compose_file_runs_it_without_rights_that_it_does_not_need() {
    let (directory, _) = copied();
    let read = load(directory.path(), PathMap::default());
    let errors = read.diagnostics.iter().filter(|one| one.severity >= Severity::Warning);
    assert_eq!(
        errors.collect::<Vec<_>>(),
        Vec::<&composelet::model::diagnostic::Diagnostic>::new()
    );
    let project = read.project.unwrap();
    let config = &project.services[&ServiceName::from("composelet")].config;
    assert!(config.security.read_only);
    let sources: Vec<String> = config
        .mounts
        .values()
        .filter_map(|mount| match &mount.source {
            MountSource::Bind { source, .. } => Some(source.display().to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(sources, ["/srv/desired-state", "/var/run/docker.sock"]);
}

#[test]
fn docker_compose_reads_it_as_well() {
    let plugin = root().join("target/oracle/cli-plugins/docker-compose");
    assert!(plugin.exists(), "docker compose 2.26 is missing: run scripts/oracle");
    let (directory, file) = copied();
    let output = Command::new(plugin)
        .args(["-f", file.to_str().unwrap(), "config", "--format", "json"])
        .current_dir(directory.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let config: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let service = &config["services"]["composelet"];
    assert_eq!(service["read_only"], true);
    assert_eq!(service["cap_drop"], serde_json::json!(["ALL"]));
    assert_eq!(service["group_add"], serde_json::json!(["999"]));
}

#[test]
fn relative_paths_become_those_of_the_host_and_others_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let shop = directory.path().join("shop");
    fs::create_dir(&shop).unwrap();
    let text = "services: {web: {image: app, volumes: ['./data:/a', '/etc/x:/b', '../y:/c']}}";
    fs::write(shop.join("compose.yaml"), text).unwrap();
    let map = || PathMap { prefixes: vec![(directory.path().to_owned(), "/srv".into())] };
    let project = load(&shop, map()).project.unwrap();
    assert_eq!(project.host_directory.display().to_string(), "/srv/shop");
    assert_eq!(project.config_files[0].display().to_string(), "/srv/shop/compose.yaml");
    let config = &project.services[&ServiceName::from("web")].config;
    let source = |target: &str| match &config.mounts[target].source {
        MountSource::Bind { source, .. } => source.display().to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!([source("/a"), source("/b"), source("/c")], ["/srv/shop/data", "/etc/x", "/srv/y"]);
    fs::write(shop.join("compose.yaml"), text.replace("../y", "../../y")).unwrap();
    let refused = load(&shop, map());
    assert!(refused.project.is_none());
    let codes: Vec<_> = refused.diagnostics.iter().map(|one| one.code.as_str()).collect();
    assert!(codes.contains(&"not-mounted"), "{codes:?}");
}

#[test]
fn the_unit_says_what_systemd_knows() {
    let unit = root().join("docs/install/composelet.service");
    let text = fs::read_to_string(&unit).unwrap();
    // Every line is a comment, a section, or a setting.
    let strange = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with(['#', '[']) && !line.contains('='));
    assert_eq!(strange.collect::<Vec<_>>(), Vec::<&str>::new());
    assert!(!text.contains("\nRequires="), "composelet outlives the engine");
    let Ok(output) = Command::new("systemd-analyze").arg("verify").arg(&unit).output() else {
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // The binary is not where it will be.
    let troubles = said.lines().filter(|line| line.contains("composelet.service"));
    let troubles = troubles.filter(|line| !line.contains("is not executable"));
    assert_eq!(troubles.collect::<Vec<_>>(), Vec::<&str>::new());
}
