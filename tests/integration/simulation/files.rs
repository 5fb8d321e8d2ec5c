//! Watching and believing: edits, broken files, deleted files, masses.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests: a panic is a failed test"
)]

use composelet::ledger::Request;

use super::bench::Bench;

const ONE: &str = "
services:
  web: {image: app, volumes: [data:/data]}
volumes: {data: {}}
";
const TWO: &str = "
services:
  web: {image: app, volumes: [data:/data]}
  worker: {image: app}
volumes: {data: {}}
";

#[tokio::test(start_paused = true)]
async fn an_edit_is_followed_and_a_removal_waits_for_a_second_look() {
    let mut bench = Bench::new(11);
    bench.write("shop", ONE);
    bench.start();
    bench.converged("shop").await;
    bench.write("shop", TWO);
    bench.until("the worker runs", |bench| bench.runs("shop-worker-1")).await;
    bench.converged("shop").await;
    bench.write("shop", ONE);
    bench
        .until("the removal settles", |bench| bench.held("shop").contains(&"ManifestSettling"))
        .await;
    bench.write("shop", TWO);
    bench.pass(20).await;
    assert!(bench.runs("shop-worker-1"), "came back in time\n{}", bench.story());
    bench.write("shop", ONE);
    bench.until("the worker is gone", |bench| !bench.phases().contains_key("shop-worker-1")).await;
    bench.converged("shop").await;
    bench.silent().await;
}

#[tokio::test(start_paused = true)]
async fn a_broken_file_holds_its_project_at_the_last_good_version_even_over_a_restart() {
    let mut bench = Bench::new(12);
    bench.write("shop", TWO);
    bench.write("blog", ONE);
    bench.start();
    bench.converged("shop").await;
    bench.converged("blog").await;
    bench.write("shop", "services: {web: {image: [");
    bench
        .until("the file is reported", |bench| bench.held("shop").contains(&"InvalidManifest"))
        .await;
    bench.engine.docker_rm("shop-worker-1", false).unwrap();
    bench.until("the last good version heals", |bench| bench.runs("shop-worker-1")).await;
    assert!(bench.is_ready("blog"));
    bench.kill().await;
    bench.engine.docker_rm("shop-web-1", false).unwrap();
    bench.start();
    bench.until("after a restart too", |bench| bench.runs("shop-web-1")).await;
    bench.write("shop", TWO);
    bench.converged("shop").await;
    bench.silent().await;
}

#[tokio::test(start_paused = true)]
async fn a_deleted_project_goes_and_its_volume_stays() {
    let mut bench = Bench::new(13);
    bench.write("shop", ONE);
    bench.write("blog", ONE);
    bench.start();
    bench.converged("shop").await;
    bench.remove("shop");
    bench.until("it is gone", |bench| !bench.phases().contains_key("shop-web-1")).await;
    bench.until("nothing is shown", |bench| bench.status("shop").is_none()).await;
    assert!(bench.engine.volume_names().contains(&"shop_data".to_owned()));
    assert!(bench.runs("blog-web-1"));
    assert!(!bench.ledger().load_host().0.projects.contains_key(&"shop".into()));
    bench.write("shop", ONE);
    bench.converged("shop").await;
    bench.silent().await;
}

#[tokio::test(start_paused = true)]
async fn a_mass_removal_waits_for_a_person() {
    let mut bench = Bench::new(14);
    for name in ["a", "b", "c", "d"] {
        bench.write(name, ONE);
    }
    bench.start();
    for name in ["a", "b", "c", "d"] {
        bench.converged(name).await;
    }
    for name in ["a", "b", "c"] {
        bench.remove(name);
    }
    bench.until("it is asked", |bench| bench.held("a").contains(&"PruneNeedsConfirmation")).await;
    bench.pass(600).await;
    assert_eq!(bench.phases().len(), 4);
    bench.kill().await;
    bench.start();
    bench.pass(120).await;
    assert_eq!(bench.phases().len(), 4, "also after a restart\n{}", bench.story());
    bench.write("a", ONE);
    bench.pass(30).await;
    bench.ask(&Request::Confirm { project: None });
    bench.until("the confirmed ones go", |bench| bench.phases().len() == 2).await;
    assert!(bench.runs("a-web-1") && bench.runs("d-web-1"));
    assert_eq!(bench.engine.volume_names().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_root_that_goes_away_or_is_emptied_changes_nothing() {
    let mut bench = Bench::new(15);
    bench.write("a", ONE);
    bench.start();
    bench.converged("a").await;
    let aside = bench.aside();
    std::fs::rename(bench.root(), &aside).unwrap();
    bench.pass(120).await;
    assert!(bench.runs("a-web-1"));
    bench.engine.docker_rm("a-web-1", false).unwrap();
    bench.until("healing goes on", |bench| bench.runs("a-web-1")).await;
    std::fs::create_dir(bench.root()).unwrap();
    bench.pass(120).await;
    assert!(bench.runs("a-web-1"), "another root is not believed\n{}", bench.story());
    assert!(bench.held("a").contains(&"PruneNeedsConfirmation"));
    std::fs::remove_dir(bench.root()).unwrap();
    std::fs::rename(&aside, bench.root()).unwrap();
    bench.converged("a").await;
    bench.silent().await;
}

#[tokio::test(start_paused = true)]
async fn two_claimants_of_one_name_are_both_held() {
    let mut bench = Bench::new(16);
    bench.write("shop", ONE);
    bench.start();
    bench.converged("shop").await;
    bench.write("copy", &format!("name: shop\n{TWO}"));
    bench.until("it is reported", |bench| bench.held("shop").contains(&"InvalidManifest")).await;
    bench.pass(60).await;
    assert!(bench.runs("shop-web-1"));
    assert!(!bench.phases().contains_key("shop-worker-1"));
    bench.remove("copy");
    bench.converged("shop").await;
    bench.silent().await;
}

#[tokio::test(start_paused = true)]
async fn suspend_and_resume_by_request() {
    let mut bench = Bench::new(17);
    bench.write("shop", ONE);
    bench.start();
    bench.converged("shop").await;
    let id = bench.ask(&Request::Suspend {
        project: "shop".into(),
        service: None,
        reason: "by hand".to_owned(),
        until: None,
    });
    bench.until("it is suspended", |bench| bench.held("shop").contains(&"Suspended")).await;
    bench.pass(1).await;
    assert_eq!(bench.ledger().take_answer(&id).as_deref(), Some("suspended"));
    bench.engine.docker_kill("shop-web-1").unwrap();
    bench.pass(120).await;
    assert!(!bench.runs("shop-web-1"));
    bench.ask(&Request::Resume { project: "shop".into(), service: None });
    bench.converged("shop").await;
    assert!(bench.runs("shop-web-1"));
}
