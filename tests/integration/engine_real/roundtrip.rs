//! What is written reads back: create, inspect, compare, on a real engine.

use std::collections::BTreeMap;

use composelet::model::config::{ContainerConfig, NetworkMode};
use composelet::model::desired::DesiredVolume;
use composelet::model::observed::{Health, Lifecycle};
use composelet::model::plan::CreateVolume;

use super::configs::rich;
use super::fixture::{Project, engine, network, over_image};

#[tokio::test]
async fn a_rich_configuration_reads_back_as_it_was_written() {
    let Some((engine, image)) = engine().await else {
        return;
    };
    let project = Project::new("rich");
    network(&engine, &project, "eng-rich_default", "10.213.7.0/24").await;
    let volume = CreateVolume {
        volume: DesiredVolume {
            name: "eng-rich_data".into(),
            external: false,
            driver: None,
            driver_opts: BTreeMap::new(),
            labels: BTreeMap::new(),
        },
        labels: project.labels("web"),
    };
    engine.create_volume(&volume).await.expect("volume");
    engine.create_volume(&volume).await.expect("volume again");
    let config = rich("eng-rich_data", "eng-rich_default");
    let id =
        engine.create_container(&project.create(&image, config.clone())).await.expect("create");
    let expected = over_image(config, &image, &engine.facts());
    for state in ["created", "running"] {
        let seen = project.only(&engine).await;
        assert_eq!(seen.id, id);
        assert_eq!(seen.lifecycle.word(), state);
        let detail = seen.detail.known().expect("detail");
        assert_eq!(detail.config, expected, "{state}");
        assert_eq!(detail.volumes.get("/d").map(String::as_str), Some("eng-rich_data"));
        assert_eq!(detail.volumes.get("/f").map(String::len), Some(64));
        if state == "created" {
            engine.start_container(&id).await.expect("start");
        } else {
            let endpoint = &detail.endpoints["eng-rich_default"];
            assert_eq!(endpoint.ip.as_deref(), Some("10.213.7.9"));
        }
    }
}

#[tokio::test]
async fn a_poor_configuration_reads_back_as_the_images() {
    let Some((engine, image)) = engine().await else {
        return;
    };
    let project = Project::new("poor");
    let config = ContainerConfig { network_mode: NetworkMode::None, ..ContainerConfig::default() };
    engine.create_container(&project.create(&image, config.clone())).await.expect("create");
    let seen = project.only(&engine).await;
    let expected = over_image(config, &image, &engine.facts());
    assert_eq!(seen.detail.known().expect("detail").config, expected);
    assert_eq!(seen.lifecycle, Lifecycle::Created { failure: None });
    assert_eq!(seen.health, Health::None);
}
