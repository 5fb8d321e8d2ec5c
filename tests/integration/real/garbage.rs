//! Images that nobody needs any more go on a person's word; those of anybody else, of kept revisions and of containers stay.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::support_real::engine::Engine;
use crate::support_real::host::Host;
use crate::support_real::registry::{Access, Registry};
use crate::support_real::wait::{eventually, hold};

fn manifest(image: &str) -> String {
    format!(
        "services:\n  web:\n    image: {image}\n    init: true\n    command: [sleep, \"1000000\"]\n"
    )
}

/// Fates of the images of this registry, by name or, without one, by id.
fn fates(out: &str, registry: &Registry, ids: &[&str]) -> BTreeMap<String, String> {
    let report: Value = serde_json::from_str(out).unwrap();
    let images = report["images"].as_array().unwrap();
    let text = |image: &Value, key: &str| image[key].as_str().unwrap().to_owned();
    let ours = images.iter().filter(|image| {
        text(image, "name").starts_with(&registry.address())
            || ids.contains(&text(image, "id").as_str())
    });
    ours.map(|image| (text(image, "id"), text(image, "fate"))).collect()
}

async fn runs(host: &Host, project: &str, id: &str) {
    let what = "the wanted image";
    host.running_and(project, "web", what, |now| now.text("/Image") == id).await;
}

#[tokio::test]
async fn what_nobody_needs_goes_and_a_dry_run_says_so_before() {
    let registry = Registry::start(&Engine::connect(), Access::Open).await;
    let ids: Vec<String> = (1..=4)
        .map(|number| registry.push(&format!("app:{number}"), &format!("v{number}")))
        .collect();
    let image = |number: u32| registry.image(&format!("app:{number}"));
    let mut host = Host::new();
    let (shop, blog) = (host.project("shop"), host.project("blog"));
    // A stranger's image, of the same repository and layers.
    let stranger = format!("/images/create?fromImage={}&tag=4", registry.image("app"));
    assert_eq!(host.engine.call("POST", &stranger, None).unwrap().status, 200);
    host.write(&shop, &manifest(&image(1)));
    host.write(&blog, &manifest(&image(2)));
    host.start();
    runs(&host, &shop, &ids[0]).await;
    runs(&host, &blog, &ids[1]).await;
    host.write(&shop, &manifest(&image(3)));
    host.write(&blog, &manifest(&image(3)));
    runs(&host, &shop, &ids[2]).await;
    runs(&host, &blog, &ids[2]).await;
    let config = host.aside().join("composelet.yaml");
    fs::write(&config, "garbage: {images: {high: 0, low: 0, min_age: 0s}}\n").unwrap();
    let config = config.to_str().unwrap();
    let gc = ["gc", "-o", "json", "--config", config];
    let look = || {
        let out = host.expect(&[&gc[..], &["--dry-run"]].concat());
        fates(&out, &registry, &ids.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let expected = |fates: [&str; 4]| -> BTreeMap<String, String> {
        ids.iter().cloned().zip(fates.map(str::to_owned)).collect()
    };
    assert_eq!(look(), expected(["Stays"; 4]), "both projects keep their revisions");

    // With the project goes its memory: only then does nobody need its first image.
    fs::remove_dir_all(host.desired().join(&shop)).unwrap();
    let forgotten = host.state().join("projects").join(format!("{shop}.json"));
    eventually("the project is gone", || {
        hold(!forgotten.exists(), || "its memory is there".to_owned())
    })
    .await;
    assert_eq!(look(), expected(["Goes", "Stays", "Stays", "Stays"]));
    let table = host.expect(&["gc", "--dry-run", "--config", config]);
    assert!(table.contains("app:1") && table.contains("no project names it"), "{table}");
    assert!(!table.contains("app:2"), "{table}");

    let out = host.expect(&gc);
    let names: Vec<&str> = ids.iter().map(String::as_str).collect();
    assert_eq!(
        fates(&out, &registry, &names),
        expected(["Removed", "Stays", "Stays", "Stays"]),
        "as the dry run said"
    );
    for (number, id) in ids.iter().enumerate() {
        let there = host.engine.find(&format!("/images/{id}/json")).is_some();
        assert_eq!(there, number != 0, "version {}", number + 1);
    }
    let history = host.expect(&["history", &shop]);
    assert!(history.contains(&format!("RemoveImage {}", image(1))), "{history}");
    let again = fates(&host.expect(&gc), &registry, &names);
    assert!(!again.values().any(|fate| fate == "Removed"), "{again:?}");
}
