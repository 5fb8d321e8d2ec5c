//! Pulls on a real engine.

use composelet::model::outcome::FailureClass;

use super::fixture::engine;

#[tokio::test]
async fn a_pull_of_what_is_not_there_fails_with_a_class() {
    let Some((engine, _)) = engine().await else {
        return;
    };
    let (sink, _lines) = tokio::sync::mpsc::channel(8);
    let missing = engine
        .pull_image((&"eng".into(), "127.0.0.1:9/eng/none:1"), None, &sink)
        .await
        .expect_err("nothing there");
    assert_eq!(missing.class, FailureClass::Engine, "{}", missing.message);
    let invalid = engine
        .pull_image((&"eng".into(), "UPPER CASE"), None, &sink)
        .await
        .expect_err("no reference");
    assert_eq!(invalid.class, FailureClass::Invalid, "{}", invalid.message);
}
