//! Pull and build on a real engine.

#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::collections::BTreeSet;

use composelet::engine::{BuildContext, ObserveRequest};
use composelet::model::desired::{Build, Dockerfile};
use composelet::model::id::{ProjectName, ServiceName};
use composelet::model::observed::ImageState;
use composelet::model::operation::Operation;
use composelet::model::outcome::FailureClass;
use composelet::model::path::LocalPath;
use composelet::model::secret::Secret;
use futures::StreamExt;

use super::fixture::{IMAGE, docker, engine, map};

#[tokio::test]
async fn a_pull_of_what_is_not_there_fails_with_a_class() {
    let Some((engine, _)) = engine().await else {
        return;
    };
    let (sink, _lines) = tokio::sync::mpsc::channel(8);
    let missing =
        engine.pull_image("127.0.0.1:9/eng/none:1", None, &sink).await.expect_err("nothing there");
    assert_eq!(missing.class, FailureClass::Engine, "{}", missing.message);
    let invalid = engine.pull_image("UPPER CASE", None, &sink).await.expect_err("no reference");
    assert_eq!(invalid.class, FailureClass::Invalid, "{}", invalid.message);
}

fn build(dockerfile: &str) -> Operation {
    Operation::Build {
        image: "eng-built:1".into(),
        project: ProjectName::new("eng-build"),
        service: ServiceName::new("web"),
        build: Box::new(Build {
            context: LocalPath::new("/nowhere"),
            dockerfile: Dockerfile::Inline(dockerfile.into()),
            target: None,
            args: [("WORD".to_owned(), Secret::from("hello world & more"))].into(),
            labels: map(&[("team", "blue")]),
            network: Some("none".into()),
            extra_hosts: BTreeSet::new(),
            pull: false,
            no_cache: false,
            cache_from: Vec::new(),
            tags: BTreeSet::new(),
            shm_size_bytes: None,
            platform: None,
        }),
        digest: "d1".into(),
    }
}

fn context() -> BuildContext {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(2);
    header.set_mode(0o644);
    archive.append_data(&mut header, "file.txt", &b"hi"[..]).expect("tar");
    let bytes = archive.into_inner().expect("tar");
    let chunks: Vec<_> =
        bytes.chunks(700).map(|chunk| Ok(bytes::Bytes::copy_from_slice(chunk))).collect();
    futures::stream::iter(chunks).boxed()
}

#[tokio::test]
async fn a_small_build_makes_an_image_and_a_broken_one_says_why() {
    let Some((engine, _)) = engine().await else {
        return;
    };
    let (sink, mut lines) = tokio::sync::mpsc::channel(100);
    let text = format!("FROM {IMAGE}\nARG WORD\nCOPY file.txt /\nRUN echo \"$WORD\" > /word\n");
    engine.build_image(&build(&text), context(), &sink).await.expect("build");
    assert!(lines.try_recv().expect("progress").starts_with("Step 1/"));
    let request = ObserveRequest {
        images: ["eng-built:1".to_owned(), "eng-none:1".to_owned()].into(),
        ..ObserveRequest::default()
    };
    let seen = engine.observe(&request).await.expect("observe");
    let image = seen.images["eng-built:1"].present().expect("built");
    assert_eq!(image.build.as_deref(), Some("d1"));
    assert_eq!(image.labels["team"].expose(), "blue");
    assert_eq!(seen.images["eng-none:1"], ImageState::Absent);
    let said =
        docker(&["run", "--rm", "--network", "none", "eng-built:1", "cat", "/word", "/file.txt"]);
    assert_eq!(said, "hello world & more\nhi");
    let broken = format!("FROM {IMAGE}\nRUN exit 3\n");
    let failure = engine.build_image(&build(&broken), context(), &sink).await.expect_err("broken");
    assert_eq!(failure.class, FailureClass::Engine);
    assert!(failure.message.contains("returned a non-zero code: 3"), "{}", failure.message);
    docker(&["rmi", "eng-built:1"]);
}
