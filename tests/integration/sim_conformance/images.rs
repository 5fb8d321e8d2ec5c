//! Rows about images, pulls and builds.

use bollard::auth::DockerCredentials;
use bollard::models::{BuildInfo, CreateImageInfo};
use bollard::query_parameters::{
    BuildImageOptionsBuilder, CreateImageOptionsBuilder, ListImagesOptions, RemoveImageOptions,
    TagImageOptionsBuilder,
};
use bollard::{Docker, body_full, errors::Error};
use futures::StreamExt;
use serde_json::json;

use super::support::*;
use crate::sim::{BuildScript, ImageSpec, Offer};

async fn pull(
    docker: &Docker,
    image: &str,
    login: Option<DockerCredentials>,
) -> Vec<Result<CreateImageInfo, Error>> {
    let (name, tag) = image.split_once(':').unwrap();
    let options = CreateImageOptionsBuilder::new().from_image(name).tag(tag).build();
    docker.create_image(Some(options), None, login).collect().await
}

#[tokio::test(start_paused = true)]
async fn a_pull_streams_and_moves_the_tag() {
    let (engine, docker) = engine();
    engine.publish("shop:1", &ImageSpec::new("one"), secs(5));
    let before = engine.elapsed();
    let lines = pull(&docker, "shop:1", None).await;
    assert!(engine.elapsed() - before >= secs(5));
    let last = lines.last().unwrap().as_ref().unwrap().status.clone().unwrap();
    assert_eq!(last, "Status: Downloaded newer image for shop:1");
    let first = docker.inspect_image("shop:1").await.unwrap();
    engine.publish("shop:1", &ImageSpec::new("two"), secs(1));
    pull(&docker, "shop:1", None).await;
    let second = docker.inspect_image("shop:1").await.unwrap();
    assert_ne!(first.id, second.id);
    let old = docker.inspect_image(&first.id.unwrap()).await.unwrap();
    assert_eq!(old.repo_tags, Some(vec![]), "the old image stays, nameless");
    assert_eq!(engine.pulls("shop:1"), 2);
}

#[tokio::test(start_paused = true)]
async fn pull_errors_before_and_inside_the_stream() {
    let (engine, docker) = engine();
    let only = async |image: &str| refusal(pull(&docker, image, None).await.pop().unwrap());
    assert_eq!(only("nosuch:1").await.0, 404);
    engine.offer("old:1", Offer::NoManifest, secs(0));
    let (status, text) = only("old:1").await;
    assert!(status == 404 && text.contains("manifest unknown"), "{text}");
    engine.offer("bad:1", Offer::ErrorInStream("toomanyrequests".into()), secs(1));
    let (status, text) = only("bad:1").await;
    assert!(status == 0 && text.contains("toomanyrequests"), "inside a 200 stream: {text}");
    engine.set_registry_unreachable(true);
    assert_eq!(only("bad:1").await.0, 500);
}

#[tokio::test(start_paused = true)]
async fn a_private_image_needs_its_login() {
    let (engine, docker) = engine();
    let private = Offer::Private(ImageSpec::new("p"), "u".into(), "pw".into());
    engine.offer("own.example/p:1", private, secs(0));
    assert_eq!(refusal(pull(&docker, "own.example/p:1", None).await.pop().unwrap()).0, 404);
    let login = DockerCredentials {
        username: Some("u".into()),
        password: Some("pw".into()),
        ..Default::default()
    };
    assert!(pull(&docker, "own.example/p:1", Some(login)).await.pop().unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn removal_of_tags_and_of_images_in_use() {
    let (_engine, docker) = engine();
    let options = TagImageOptionsBuilder::new().repo("other").tag("2").build();
    docker.tag_image("app:1", Some(options)).await.unwrap();
    run(&docker, "web", json!({})).await;
    let untagged = docker.remove_image("other:2", None::<RemoveImageOptions>, None).await.unwrap();
    assert_eq!(untagged.len(), 1);
    let (status, text) =
        refusal(docker.remove_image("app:1", None::<RemoveImageOptions>, None).await);
    assert!(status == 409 && text.contains("must force"), "{text}");
    assert_eq!(
        refusal(docker.remove_image("nosuch", None::<RemoveImageOptions>, None).await).0,
        404
    );
    assert_eq!(refusal(docker.inspect_image("nosuch").await).0, 404);
    remove(&docker, "web", true).await.unwrap();
    docker.remove_image("app:1", None::<RemoveImageOptions>, None).await.unwrap();
    assert!(docker.list_images(None::<ListImagesOptions>).await.unwrap().is_empty());
}

fn context(files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap()
}

async fn build(docker: &Docker, files: &[(&str, &str)]) -> Vec<Result<BuildInfo, Error>> {
    let labels = [("built".to_owned(), "yes".to_owned())].into_iter().collect();
    let options = BuildImageOptionsBuilder::new().t("made:1").labels(&labels).build();
    let body = body_full(context(files).into());
    docker.build_image(options, None, Some(body)).collect().await
}

#[tokio::test(start_paused = true)]
async fn a_build_makes_an_image_whose_id_follows_from_the_context() {
    let (engine, docker) = engine();
    let file = ("Dockerfile", "FROM app:1\nENV X=1\nCMD [\"/b\"]\n");
    let lines = build(&docker, &[file, ("a", "1")]).await;
    let id = lines.iter().find_map(|it| it.as_ref().unwrap().aux.clone()).unwrap().id;
    let seen = docker.inspect_image("made:1").await.unwrap();
    assert_eq!(seen.id, id);
    let config = seen.config.unwrap();
    assert_eq!(config.env, Some(vec!["X=1".to_owned()]));
    assert_eq!(config.labels.unwrap()["built"], "yes");
    build(&docker, &[file, ("a", "1")]).await;
    assert_eq!(docker.inspect_image("made:1").await.unwrap().id, id, "same context, same image");
    build(&docker, &[file, ("a", "2")]).await;
    assert_ne!(docker.inspect_image("made:1").await.unwrap().id, id);
    assert_eq!(engine.builds(), 3);
}

#[tokio::test(start_paused = true)]
async fn build_errors_before_and_inside_the_stream() {
    let (engine, docker) = engine();
    let outcome = build(&docker, &[("a", "1")]).await.pop().unwrap();
    assert_eq!(refusal(outcome).0, 500, "no Dockerfile");
    let unknown = ("Dockerfile", "FROM nosuch:1\n");
    let (status, text) = refusal(build(&docker, &[unknown]).await.pop().unwrap());
    assert!(status == 0 && text.contains("pull access denied"), "{text}");
    engine.script_build("made:*", BuildScript::RunFails(2, secs(1)));
    let fails = ("Dockerfile", "FROM app:1\nRUN make\n");
    let (status, text) = refusal(build(&docker, &[fails]).await.pop().unwrap());
    assert!(status == 0 && text.contains("returned a non-zero code: 2"), "{text}");
}
