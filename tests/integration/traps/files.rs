//! Traps 17 to 22, 29 to 32, 49 and 50: how files are read.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use composelet::controller::desired::belief::Beliefs;
use composelet::controller::desired::compose::ComposeLoader;
use composelet::controller::desired::loading::load_entry;
use composelet::controller::desired::reading::{Reading, RootState};
use composelet::engine::create_body;
use composelet::model::config::MountSource;
use composelet::model::files::{Entry, FileContent, Files};
use composelet::model::observed::ApiVersion;
use composelet::model::path::LocalPath;
use composelet::model::secret::Secret;
use composelet::model::time::Timestamp;

use super::kit::{HOME, canonical, create_of, first_plan, load_files, loaded, tells, told, web};

#[test]
fn trap_17_a_dollar_sign_is_doubled_in_the_output_of_config_only() {
    let found =
        loaded("services: {web: {image: nginx, environment: {A: \"$$HOME\"}, command: echo $$X}}");
    let service = web(&found);
    assert_eq!(service.config.environment["A"].as_ref().map(Secret::expose), Some("$HOME"));
    let shown = canonical(&found);
    assert_eq!(shown["services"]["web"]["environment"]["A"], "$$HOME");
    assert_eq!(shown["services"]["web"]["command"][1], "$$X");
}

#[test]
fn trap_18_a_volume_of_one_letter_is_a_volume_and_told() {
    let found = loaded("services: {web: {image: nginx, volumes: [\"d:/data\"]}}\nvolumes: {d: {}}");
    assert!(tells(&found, "one-letter-volume"));
    let source = &web(&found).config.mounts["/data"].source;
    assert!(matches!(source, MountSource::Volume { name, .. } if name == "shop_d"), "{source:?}");
}

#[test]
fn trap_19_paths_of_an_override_start_at_the_first_file_and_those_of_a_base_at_its_own() {
    let found = load_files(&[
        (".env", "COMPOSE_FILE=compose.yaml:sub/over.yaml"),
        ("compose.yaml", "services: {web: {extends: {service: base, file: sub/base.yaml}}}"),
        ("sub/over.yaml", "services: {web: {volumes: [\"./over:/over\"]}}"),
        ("sub/base.yaml", "services: {base: {image: nginx, volumes: [\"./base:/base\"]}}"),
    ]);
    let mounts = &web(&found).config.mounts;
    for (target, wanted) in [("/over", "over"), ("/base", "sub/base")] {
        let MountSource::Bind { source, .. } = &mounts[target].source else {
            panic!("{mounts:?}");
        };
        assert_eq!(source.as_path(), Path::new(HOME).join(wanted));
    }
}

/// There is a file above; nobody looks there.
#[test]
fn trap_20_no_file_is_searched_above_the_directory() {
    let found = load_files(&[("README", "nothing to run")]);
    assert!(found.project.is_none());
    assert_eq!(told(&found), ["no-compose-file "]);
    assert!(found.asked.iter().all(|path| path.as_path().starts_with(HOME)), "{:?}", found.asked);
}

#[test]
fn trap_21_two_files_that_claim_one_name_are_both_held() {
    let reading = |entries: &[(&str, &str)]| {
        let entries = entries.iter().map(|(name, text)| {
            let directory = LocalPath::new(Path::new("/root").join(name));
            let entry = Entry::Directory(directory.clone());
            let files = Files::from([
                (directory.join("compose.yaml"), FileContent::Bytes(Arc::from(text.as_bytes()))),
                (directory, FileContent::Directory(vec!["compose.yaml".to_owned()])),
            ]);
            let missing = |_: &LocalPath| Some(FileContent::Missing);
            (entry.clone(), load_entry(&ComposeLoader::default(), &entry, files, missing))
        });
        Reading { root: RootState::Read((1, 1)), entries: entries.collect::<BTreeMap<_, _>>() }
    };
    let mut beliefs = Beliefs::default();
    let both = reading(&[
        ("a", "name: shop\nservices: {a: {image: a}}"),
        ("b", "name: shop\nservices: {b: {image: b}}"),
    ]);
    let _first = beliefs.read(&both, Timestamp::from_millis(0));
    let _settled = beliefs.read(&both, Timestamp::from_millis(10_000));
    let belief = beliefs.get(&"shop".into()).unwrap();
    assert!(belief.version.is_none(), "neither of them is wanted");
    let text = format!("{:?}", belief.diagnostics);
    assert!(text.contains("/root/a") && text.contains("/root/b"), "{text}");
}

#[test]
fn trap_22_external_is_read_in_all_its_forms() {
    for external in ["{name: real}", "\"true\", name: real", "true, name: real"] {
        let found = load_files(&[
            (
                "compose.yaml",
                &format!(
                    "services: {{web: {{image: nginx, networks: [front]}}}}\nnetworks: {{front: {{external: {external}}}}}"
                ),
            ),
            (".env", "YES=true"),
        ]);
        let project = found.project.unwrap();
        let network = &project.networks["front"];
        assert!(network.external, "{external}");
        assert_eq!(network.name, "real");
    }
    let variable = load_files(&[
        (
            "compose.yaml",
            "services: {web: {image: nginx, networks: [front]}}\nnetworks: {front: {external: \"${YES}\"}}",
        ),
        (".env", "YES=true"),
    ]);
    assert!(variable.project.unwrap().networks["front"].external);
}

#[test]
fn trap_29_a_variable_without_a_value_unsets_that_of_the_image() {
    let compose =
        "name: shop\nservices: {web: {image: nginx, environment: {UNSET: , EMPTY: \"\"}}}";
    assert_eq!(web(&loaded(compose)).config.environment["UNSET"], None);
    let (body, _) = create_body(&create_of(&first_plan(compose)), ApiVersion::v1(41)).unwrap();
    assert_eq!(body["Env"], serde_json::json!(["EMPTY=", "UNSET"]));
}

#[test]
fn trap_30_numbers_and_dates_are_written_as_the_command_line_writes_them() {
    let found = loaded(
        "services: {web: {image: nginx, environment: {OCTAL: 010, FLOAT: 1.0, LARGE: 1e3, HEX: 0x1F, DAY: 2024-01-31, \
         TEXT: \"010\", YES: yes}}}",
    );
    let environment = &web(&found).config.environment;
    let value = |name: &str| environment[name].as_ref().map(Secret::expose).unwrap();
    assert_eq!(value("OCTAL"), "8");
    assert_eq!(value("FLOAT"), "1");
    assert_eq!(value("LARGE"), "1000");
    assert_eq!(value("HEX"), "31");
    assert_eq!(value("TEXT"), "010");
    assert_eq!(value("YES"), "yes");
    assert!(value("DAY").starts_with("2024-01-31"), "{}", value("DAY"));
}

#[test]
fn trap_31_a_key_or_a_merge_that_stands_twice_is_an_error() {
    let twice = loaded("services: {web: {image: a, image: b}}");
    assert!(tells(&twice, "duplicate-key") && twice.project.is_none(), "{:?}", told(&twice));
    let merges = loaded(
        "x-a: &a {image: a}\nx-b: &b {image: b}\nservices:\n  web:\n    <<: *a\n    <<: *b\n",
    );
    assert!(merges.project.is_none(), "{:?}", told(&merges));
}

#[test]
fn trap_32_a_group_that_two_files_name_is_an_error_as_for_the_command_line() {
    for key in ["group_add", "security_opt"] {
        let text = format!("services: {{web: {{image: nginx, {key}: [\"a\"]}}}}");
        let found = load_files(&[("compose.yaml", &text), ("compose.override.yaml", &text)]);
        assert!(found.project.is_none());
        assert_eq!(told(&found), [format!("repeated-entry services.web.{key}")]);
    }
}

/// The environment of the process is no input; what a manifest lacks is told, or an error where it asks for that.
#[test]
fn trap_49_variables_come_from_the_projects_files_only() {
    let unset = loaded("services: {web: {image: \"nginx:${PATH}1\"}}");
    assert!(tells(&unset, "unset-variable"));
    assert_eq!(web(&unset).image, "nginx:1");
    let required = loaded("services: {web: {image: \"nginx:${HOME:?is needed}\"}}");
    assert!(tells(&required, "required-variable") && required.project.is_none());
    let given = load_files(&[
        ("compose.yaml", "services: {web: {image: \"nginx:${TAG:?}\"}}"),
        (".env", "TAG=7"),
    ]);
    assert_eq!(web(&given).image, "nginx:7");
}

#[test]
fn trap_50_a_home_directory_is_known_only_if_the_settings_let_it_in() {
    let found = loaded("services: {web: {image: nginx, volumes: [\"~/data:/data\"]}}");
    assert!(tells(&found, "no-home") && found.project.is_none(), "{:?}", told(&found));
    let bind = loaded("services: {web: {image: nginx, volumes: [\"./data:/data\"]}}");
    let source = &web(&bind).config.mounts["/data"].source;
    let MountSource::Bind { source, .. } = source else { panic!("{source:?}") };
    assert_eq!(source.as_path(), Path::new("/srv/shop/data"));
}
