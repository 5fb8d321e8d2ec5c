//! What a controller remembers as its own: what its pulls brought, and nothing that was there.

use std::collections::BTreeSet;
use std::time::Duration;

use composelet::model::garbage::{FetchedImage, ImageOrigin};
use composelet::model::id::ImageId;
use composelet::model::time::Timestamp;

use crate::sim::ImageSpec;
use crate::simulation::bench::Bench;

fn service(policy: &str) -> String {
    format!("services:\n  web:\n    image: reg.test/app:1\n    pull_policy: {policy}\n")
}

fn publish(bench: &Bench, content: &str) {
    bench.engine.publish("reg.test/app:1", &ImageSpec::new(content), Duration::from_secs(2));
}

fn known(bench: &Bench) -> BTreeSet<String> {
    bench.ledger().fetched_images().iter().map(|one| one.id.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_a_pull_brings_is_remembered_also_when_its_tag_moves_on() {
    let mut bench = Bench::new(71);
    publish(&bench, "first");
    bench.write("shop", &service("every_5m"));
    bench.start();
    bench.converged("shop").await;
    let [first, second] = ["first", "second"].map(|content| ImageSpec::new(content).id());
    assert_eq!(known(&bench), BTreeSet::from([first.clone()]), "and not the image `app`");
    let ours = bench.ledger().fetched_image(&ImageId::new(&*first)).unwrap();
    assert!(ours.names.contains("reg.test/app:1"), "{ours:?}");
    assert_eq!((ours.project.as_str(), ours.origin), ("shop", ImageOrigin::Pulled));
    publish(&bench, "second");
    bench.until("the second is there", |bench| known(bench).len() == 2).await;
    assert_eq!(known(&bench), BTreeSet::from([first, second]));
}

#[tokio::test(start_paused = true)]
async fn what_was_there_before_is_not_ours_although_it_was_pulled() {
    let mut bench = Bench::new(72);
    publish(&bench, "first");
    bench.engine.add_image("reg.test/app:1", &ImageSpec::new("first"));
    bench.write("shop", &service("always"));
    bench.start();
    bench.converged("shop").await;
    assert_eq!(bench.engine.pulls("reg.test/app:1"), 1);
    assert_eq!(known(&bench), BTreeSet::new());
}

#[test]
fn memory_is_bounded_and_forgets_the_oldest() {
    let bench = Bench::new(73);
    let ledger = bench.ledger();
    let image = |number: i64| FetchedImage {
        id: ImageId::new(format!("sha256:{number:064x}")),
        names: BTreeSet::new(),
        project: "shop".into(),
        origin: ImageOrigin::Pulled,
        at: Timestamp::from_millis(number),
    };
    for number in 0..2005 {
        ledger.remember_image(&image(number)).unwrap();
    }
    assert_eq!(ledger.fetched_images().len(), 2000);
    assert_eq!(ledger.fetched_image(&image(4).id), None);
    ledger.forget_image(&image(7).id).unwrap();
    ledger.forget_image(&image(7).id).unwrap();
    assert_eq!(ledger.fetched_image(&image(7).id), None);
    assert_eq!(ledger.fetched_image(&image(8).id), Some(image(8)));
    let odd = FetchedImage { id: ImageId::new("../x"), ..image(1) };
    assert!(ledger.remember_image(&odd).is_err());
}
