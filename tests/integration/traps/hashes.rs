//! Traps 1 to 9: hashes and labels.

use std::collections::BTreeSet;

use composelet::engine::{create_body, labels};
use composelet::manifest::Loaded;
use composelet::model::id::ServiceName;
use composelet::model::observed::ApiVersion;

use super::kit::{
    after_edit, container, converged, create_of, first_plan, is_quiet, load_files, loaded, web,
};

/// The hash of `web`, for a label, where it joins nobody.
fn hash(loaded: &Loaded) -> String {
    web(loaded).compose_hash.with(|name| panic!("joins {name}"))
}

const WEB: &str = "name: shop\nservices: {web: {image: nginx, restart: always}}";

/// Two vectors of the command line 2.26.
#[test]
fn trap_01_the_hash_has_the_order_and_the_escapes_of_the_command_line() {
    let html = "name: vector\nservices: {web: {image: busybox, environment: {PAGE: \"<a href='x'>&</a>\"}}}";
    assert_eq!(
        hash(&loaded(html)),
        "516f6daf4844dc5ab0cfa657f93ecd59d230684156b4d3c34bd977621d5b0755"
    );
    let one = "image: busybox, environment: {B: \"1\", A: \"2\"}, labels: {z: \"1\", a: \"2\"}, command: [], entrypoint: [sh]";
    let other = "entrypoint: [sh], command: [], labels: {a: \"2\", z: \"1\"}, environment: {A: \"2\", B: \"1\"}, image: busybox";
    for service in [one, other] {
        let text = format!("name: vector\nservices: {{web: {{{service}}}}}");
        assert_eq!(
            hash(&loaded(&text)),
            "b65ae814c1ed912de75ef9f9ab8162f571d1eb94718cbc19db2c0f27ce637341"
        );
    }
}

#[test]
fn trap_02_a_hash_of_another_command_line_recreates_nothing() {
    let mut sim = converged(WEB);
    container(&mut sim).claim.compose_hash = Some("0".repeat(64));
    let plan = sim.look();
    assert!(plan.nodes.is_empty(), "{plan}");
    container(&mut sim).claim.compose_hash = None;
    let plan = sim.look();
    assert!(plan.nodes.is_empty(), "{plan}");
}

#[test]
fn trap_04_env_files_are_in_the_hash_by_content_and_not_by_path() {
    let of_file = |name: &str, text: &str| {
        let compose = format!("services: {{web: {{image: nginx, env_file: {name}}}}}");
        hash(&load_files(&[("compose.yaml", &compose), (name, text)]))
    };
    assert_eq!(of_file("a.env", "A=1"), of_file("b.env", "A=1"));
    assert_ne!(of_file("a.env", "A=1"), of_file("a.env", "A=2"));
}

/// The command line leaves the content of configs and secrets out of its hash; ours is in another label, and recreates.
#[test]
fn trap_04_the_content_of_a_config_is_not_in_the_hash_of_the_command_line() {
    let compose =
        "services: {web: {image: nginx, configs: [page]}}\nconfigs: {page: {file: ./page}}";
    let one = load_files(&[("compose.yaml", compose), ("page", "old")]);
    let other = load_files(&[("compose.yaml", compose), ("page", "new")]);
    assert_eq!(web(&one).compose_hash, web(&other).compose_hash);
    assert_ne!(one.project.unwrap().digest, other.project.unwrap().digest);
}

#[test]
fn trap_05_keys_without_effect_recreate_nothing_when_they_change() {
    let with = |more: &str| {
        format!("name: shop\nservices: {{web: {{image: nginx, restart: always, {more}}}}}")
    };
    for (before, after) in [
        ("attach: true", "attach: false"),
        ("ports: [{target: 80, name: old}]", "ports: [{target: 80, name: new}]"),
        (
            "deploy: {placement: {constraints: [a==b]}}",
            "deploy: {placement: {constraints: [a==c]}}",
        ),
        ("develop: {watch: [{path: ., action: rebuild}]}", "develop: {watch: []}"),
    ] {
        let (before, after) = (with(before), with(after));
        assert_ne!(web(&loaded(&before)).compose_hash, web(&loaded(&after)).compose_hash);
        let plans = after_edit(&before, &after);
        assert!(is_quiet(&plans), "{after}\n{plans}");
    }
}

#[test]
fn trap_06_every_container_carries_the_hash_by_which_the_command_line_sees_it() {
    let create = create_of(&first_plan(WEB));
    assert_eq!(create.labels[labels::CONFIG_HASH], hash(&loaded(WEB)));
}

#[test]
fn trap_07_truth_values_in_labels_are_capitalised() {
    let create = create_of(&first_plan(WEB));
    assert_eq!(create.labels[labels::ONE_OFF], "False");
}

#[test]
fn trap_08_labels_of_the_user_cannot_change_whose_a_container_is() {
    let compose = "name: shop\nservices: {web: {image: nginx, labels: {com.docker.compose.project: other, \
                   com.docker.compose.oneoff: \"True\", io.composelet.installation: other, team: sales}}}";
    let create = create_of(&first_plan(compose));
    let (body, _) = create_body(&create, ApiVersion::v1(41)).unwrap();
    let label = |name: &str| body["Labels"][name].as_str().unwrap().to_owned();
    assert_eq!(label(labels::PROJECT), "shop");
    assert_eq!(label(labels::ONE_OFF), "False");
    assert_eq!(label(labels::INSTALLATION), "default");
    assert_eq!(label("team"), "sales");
}

#[test]
fn trap_09_the_order_of_the_depends_on_label_says_nothing() {
    let edges = |text: &str| {
        labels::claim(&[(labels::DEPENDS_ON.to_owned(), text.to_owned())].into()).depends_on
    };
    let one = edges("db:service_healthy:false,cache:service_started:true");
    assert_eq!(one, edges("cache:service_started:true,db:service_healthy:false"));
    assert_eq!(one, BTreeSet::from(["cache", "db"].map(ServiceName::new)));
}
