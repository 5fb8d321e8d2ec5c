//! Encrypted files in projects: where they may stand, and what is kept of them.

use std::path::Path;

use composelet::controller::desired::compose::ComposeLoader;
use composelet::controller::desired::decryption::Decryption;
use composelet::controller::desired::last_good::{from_saved, to_save};
use composelet::controller::desired::loading::{EntryReading, load_entry};
use composelet::ledger::{Ledger, MemoryStorage, Storage};
use composelet::manifest::{HostChoices, ProjectChoices};
use composelet::model::content::Seen;
use composelet::model::desired::DesiredService;
use composelet::model::files::{Entry, Files};
use composelet::model::id::{ProjectName, ServiceName};
use composelet::model::path::LocalPath;
use composelet::model::secret_place::SecretPlace;
use composelet::model::time::Timestamp;
use composelet::source::read_path;

use super::encoder::{Doc, Sops, age, map, text};
use super::place;

const COMPOSE: &str = "
services:
  web:
    image: app
    environment: {FROM_DOTENV: \"${DOTENV}\"}
    env_file: [app.env, flat.yaml]
    secrets: [token]
    configs: [{source: app, mode: 0440}]
secrets: {token: {file: token.age}}
configs: {app: {file: app.json}}
";

fn loader(keys: &[&str]) -> ComposeLoader {
    let keys = keys.iter().map(|key| SecretPlace::File(LocalPath::new(place(key)))).collect();
    ComposeLoader { decryption: Decryption::new(keys), ..ComposeLoader::default() }
}

fn load(directory: &Path, loader: &ComposeLoader) -> EntryReading {
    let entry = Entry::Directory(LocalPath::new(directory));
    load_entry(loader, &entry, Files::new(), |path| Some(read_path(path)))
}

/// Writes a project whose values are all encrypted; each writing has other bytes.
fn write(directory: &Path, token: &str, seed: u8) {
    let sops = Sops::new(seed);
    let put = |name: &str, text: &str| std::fs::write(directory.join(name), text).unwrap();
    put("compose.yaml", COMPOSE);
    put(".env", &age(b"DOTENV=canary-dotenv\n", &["one.key"]));
    put("app.env", &sops.dotenv(&[("PASSWORD", "canary-password")]));
    put("flat.yaml", &sops.yaml(&map(&[("FLAT", text("canary-$flat")), ("PORT", Doc::Int(5432))])));
    put("app.json", &sops.json(&map(&[("deep", map(&[("key", text("canary-config"))]))])));
    put("token.age", &age(token.as_bytes(), &["one.key", "two.key"]));
}

fn web(reading: &EntryReading) -> DesiredService {
    let project = reading.project.as_ref();
    let project = project.unwrap_or_else(|| panic!("{:#?}", reading.diagnostics));
    project.services[&ServiceName::new("web")].clone()
}

#[test]
fn values_reach_the_service_and_no_bytes_on_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "canary-token", 1);
    let reading = load(directory.path(), &loader(&["one.key"]));
    let service = web(&reading);
    for (name, value) in [
        ("FROM_DOTENV", "canary-dotenv"),
        ("PASSWORD", "canary-password"),
        ("FLAT", "canary-$flat"),
        ("PORT", "5432"),
    ] {
        assert_eq!(service.config.environment[name].as_ref().unwrap().expose(), value, "{name}");
    }
    let kept = |target: &str| match &service.files[target].seen {
        Seen::Kept(file) => file.clone(),
        other => panic!("{other:?}"),
    };
    let token = kept("/run/secrets/token");
    assert_eq!(token.bytes.expose(), b"canary-token");
    assert_eq!((token.copy_of, token.mode), (None, 0o444), "nobody mounts the encrypted file");
    assert_eq!(
        kept("/app").bytes.expose(),
        b"{\n\t\"deep\": {\n\t\t\"key\": \"canary-config\"\n\t}\n}\n"
    );
    assert!(!format!("{reading:?}").contains("canary"));

    let storage = MemoryStorage::new();
    let ledger = Ledger::open_with(storage.clone()).unwrap();
    let project = reading.project.clone().unwrap();
    let entry = Entry::Directory(LocalPath::new(directory.path()));
    let good = to_save(&entry, &project, &reading.files, Timestamp::default());
    let name = ProjectName::from("shop");
    ledger.save_last_good(&name, &good).unwrap();
    let bytes = storage.read("last-good/shop.json").unwrap();
    let kept = String::from_utf8(bytes).unwrap();
    assert!(kept.contains("AES256_GCM") && !kept.contains("canary"), "{kept}");
    let saved = ledger.load_last_good(&name).unwrap();
    assert_eq!(from_saved(&loader(&["one.key"]), &saved).as_ref(), Some(&project));
    assert_eq!(from_saved(&loader(&[]), &saved), None);
}

/// Another encryption of the same values is the same version; what is kept of it is another one.
#[test]
fn what_counts_is_what_a_file_says() {
    let directory = tempfile::tempdir().unwrap();
    let read = |token: &str, seed: u8| {
        write(directory.path(), token, seed);
        load(directory.path(), &loader(&["two.key", "one.key"]))
    };
    let (first, same, other) = (read("canary-1", 1), read("canary-1", 2), read("canary-2", 3));
    let project = |reading: &EntryReading| reading.project.clone().unwrap();
    assert_eq!(project(&first).digest, project(&same).digest);
    assert_ne!(project(&first).encrypted, project(&same).encrypted);
    assert_eq!(project(&first).services, project(&same).services);
    assert_ne!(first.files, same.files);
    assert_ne!(project(&first).digest, project(&other).digest);
    assert_ne!(web(&first).files, web(&other).files);
}

#[test]
fn what_cannot_be_read_holds_the_project_with_a_diagnostic() {
    let directory = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    let found = |keys: &[&str]| {
        let reading = load(directory.path(), &loader(keys));
        assert!(reading.project.is_none());
        assert!(!format!("{reading:?}").contains("canary"), "{reading:?}");
        let one = &reading.diagnostics[0];
        format!("{}: {} {}", one.code, one.message, one.help.clone().unwrap_or_default())
    };
    write(directory.path(), "canary", 1);
    let none = found(&[]);
    assert!(
        none.starts_with("encrypted-file: ") && none.contains("/.env is encrypted for"),
        "{none}"
    );
    assert!(none.contains("secrets: {age_keys:"), "{none}");
    assert!(found(&["gone.key", "two.key"]).contains("gone.key does not exist"));
    put(".env", "DOTENV=1\n");
    let damaged = std::fs::read_to_string(directory.path().join("app.env")).unwrap();
    put("app.env", &damaged.replace("PASSWORD", "PASSWORT"));
    assert!(found(&["one.key"]).contains("app.env cannot be decrypted: the value of PASSWORT"));
    put("app.env", &Sops::new(1).dotenv(&[("A", "'canary"), ("B", "${canary?}")]));
    let unread = found(&["one.key"]);
    assert!(unread.contains("env-file: a line of what is encrypted there"), "{unread}");
    put("app.env", &Sops::new(1).json(&map(&[("a", map(&[("b", text("canary"))]))])));
    assert!(found(&["one.key"]).contains("mappings in mappings: no variables"));
    put("compose.yaml", &age(COMPOSE.as_bytes(), &["one.key"]));
    let manifest = found(&["one.key"]);
    assert!(manifest.starts_with("encrypted-manifest: "), "{manifest}");
    put("compose.yaml", "services: {web: {image: app, label_file: token.age}}");
    assert!(
        found(&["one.key"]).contains("token.age is encrypted, and only files of values may be")
    );
}

/// What a container has bound is the file itself: whoever runs there has the key, or not.
#[test]
fn a_bound_file_is_seen_as_it_lies_there() {
    let directory = tempfile::tempdir().unwrap();
    let compose = "services: {web: {image: app, volumes: [\"./vault.age:/vault:ro\"], \
                   x-composelet: {on_change: restart}}}";
    std::fs::write(directory.path().join("compose.yaml"), compose).unwrap();
    let read = |keys: &[&str]| {
        std::fs::write(directory.path().join("vault.age"), age(b"canary", &["one.key"])).unwrap();
        load(directory.path(), &loader(keys))
    };
    let (first, second) = (read(&[]), read(&["one.key"]));
    assert!(matches!(web(&first).files["/vault"].seen, Seen::Mounted(_)));
    assert_ne!(web(&first).files["/vault"].digest, web(&second).files["/vault"].digest);
    assert_ne!(first.project.unwrap().digest, second.project.unwrap().digest);
}

#[test]
fn a_build_is_given_what_a_secret_says() {
    use composelet::model::build::BuildSecret;
    let directory = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    let compose = "services: {web: {build: {context: ., secrets: [token, plain]}}}\n\
                   secrets: {token: {file: token.age}, plain: {file: plain.txt}}";
    put("compose.yaml", compose);
    put("plain.txt", "x");
    put("token.age", &age(b"canary-build", &["one.key"]));
    let reading = load(directory.path(), &loader(&["one.key"]));
    let secrets = web(&reading).build.unwrap().secrets;
    let BuildSecret::Value(token) = &secrets["token"] else { panic!("{secrets:?}") };
    assert_eq!(token.expose(), "canary-build");
    assert!(matches!(secrets["plain"], BuildSecret::File(_)));
    assert!(load(directory.path(), &loader(&[])).project.is_none());
}

#[test]
fn files_of_the_settings_may_be_encrypted_too() {
    let directory = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    put("compose.yaml", "name: shop\nservices: {web: {image: app, environment: [TOKEN]}}");
    put("host.env", &Sops::new(9).dotenv(&[("TOKEN", "canary-host")]));
    let env_files = vec!["host.env".to_owned()];
    let own = ProjectChoices { env_files, ..ProjectChoices::default() };
    let projects = [(ProjectName::from("shop"), own)].into();
    let choices = HostChoices { projects, ..HostChoices::default() };
    let reading = load(directory.path(), &ComposeLoader { choices, ..loader(&["one.key"]) });
    assert_eq!(web(&reading).config.environment["TOKEN"].as_ref().unwrap().expose(), "canary-host");
}
