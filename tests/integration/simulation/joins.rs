//! Services that share with others, through everything that becomes of these.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]

use serde_json::Value;

use super::bench::Bench;

const SHOP: &str = "
services:
  vpn:
    image: app
    restart: unless-stopped
    volumes: [/state]
  web:
    image: app
    restart: unless-stopped
    network_mode: service:vpn
    pid: service:vpn
  reader:
    image: app
    restart: unless-stopped
    volumes_from: ['vpn:ro']
    links: ['vpn:tunnel']
";

async fn shop(seed: u64) -> Bench {
    let mut bench = Bench::new(seed);
    bench.write("shop", SHOP);
    bench.start();
    bench.converged("shop").await;
    bench
}

/// What `inspect` of the simulated engine tells.
fn inspect(bench: &Bench, name: &str) -> Value {
    bench.engine.inspected(name).unwrap()
}

fn text(bench: &Bench, name: &str, pointer: &str) -> String {
    let json = inspect(bench, name);
    json.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Everybody shares with the present container of `vpn`, in its present run.
fn assert_shares(bench: &Bench, way: &str) {
    let id = text(bench, "shop-vpn-1", "/Id");
    let story = || format!("{way}\n{}", bench.story());
    for mode in ["/HostConfig/NetworkMode", "/HostConfig/PidMode"] {
        assert_eq!(text(bench, "shop-web-1", mode), format!("container:{id}"), "{}", story());
    }
    let since = |name: &str| text(bench, name, "/State/StartedAt");
    assert!(since("shop-vpn-1") <= since("shop-web-1"), "{}", story());
    assert_eq!(text(bench, "shop-reader-1", "/HostConfig/VolumesFrom/0"), format!("{id}:ro"));
    let volume = |name: &str| text(bench, name, "/Mounts/0/Name");
    assert_eq!(volume("shop-vpn-1"), volume("shop-reader-1"), "{}", story());
    assert_eq!(inspect(bench, "shop-reader-1").pointer("/Mounts/0/RW"), Some(&Value::Bool(false)));
    let links = inspect(bench, "shop-reader-1");
    let links = links.pointer("/NetworkSettings/Networks/shop_default/Links").unwrap().to_string();
    for name in ["tunnel", "vpn-1", "shop-vpn-1"] {
        assert!(links.contains(&format!("shop-vpn-1:{name}")), "{links}");
    }
    for name in ["shop-vpn-1", "shop-web-1", "shop-reader-1"] {
        assert!(bench.runs(name), "{name} {}", story());
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_shares_follows_whatever_becomes_of_the_owner() {
    let bench = shop(11).await;
    assert_shares(&bench, "made");
    let volume = text(&bench, "shop-vpn-1", "/Mounts/0/Name");
    for way in ["kill", "stop", "rm -f", "edit"] {
        let before = bench.engine.mutating_calls();
        match way {
            "kill" => bench.engine.docker_kill("shop-vpn-1").unwrap(),
            "stop" => bench.engine.docker_stop("shop-vpn-1").unwrap(),
            "rm -f" => bench.engine.docker_rm("shop-vpn-1", false).unwrap(),
            _ => bench.write("shop", &SHOP.replacen("image: app", "image: app\n    tty: true", 1)),
        }
        let acts = |bench: &Bench| bench.engine.mutating_calls() > before;
        bench.until(&format!("something is done after {way}"), acts).await;
        bench.converged("shop").await;
        assert_shares(&bench, way);
        assert_eq!(text(&bench, "shop-vpn-1", "/Mounts/0/Name"), volume, "{way}: data flow on");
        assert_eq!(bench.phases().len(), 3, "{way}\n{}", bench.story());
        bench.silent().await;
    }
}
