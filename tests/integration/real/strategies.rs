//! Blue-green and canary behind a real nginx on the real engine: who answers before and after the promotion.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use composelet::model::revision::Verdict;

use crate::support_real::host::Host;
use crate::support_real::wait::{eventually, hold};

/// An application that serves its version, and an nginx that is told by a command whom to ask, with weights.
fn manifest(version: &str, strategy: &str) -> String {
    format!(
        r#"
services:
  web:
    image: composelet-test/busybox:1
    init: true
    restart: always
    expose: ["8000"]
    environment: {{VERSION: "{version}"}}
    command: ["sh", "-c", "mkdir -p /www; echo $$VERSION > /www/index.html; exec httpd -f -p 8000 -h /www"]
    healthcheck: {{test: [CMD, wget, -q, -O, /dev/null, "http://127.0.0.1:8000/"], interval: 1s, timeout: 1s, retries: 5}}
    deploy: {{replicas: 2, update_config: {{monitor: 1s}}}}
    x-composelet: {{strategy: {strategy}, drain: 1s}}
  nginx:
    image: composelet-test/nginx:1
    restart: always
    depends_on: [web]
    command:
      - sh
      - -c
      - |
        echo 'upstream web {{ server 127.0.0.1:1; }} server {{ listen 80; location / {{ proxy_pass http://web; }} }}' > /etc/nginx/conf.d/default.conf
        exec nginx -g 'daemon off;'
    x-composelet:
      on_endpoints_change:
        services: [web]
        command:
          - sh
          - -c
          - |
            servers=
            for one in $$COMPOSELET_WEIGHTS_WEB; do servers="$$servers server $${{one%=*}}:8000 weight=$${{one#*=}};"; done
            echo "upstream web {{ $$servers }} server {{ listen 80; location / {{ proxy_pass http://web; }} }}" > /etc/nginx/conf.d/default.conf
            nginx -t && nginx -s reload
"#
    )
}

/// What nginx answers, each time over a connection of its own.
fn answers(host: &Host, shop: &str, times: u32) -> Result<Vec<String>, String> {
    let nginx = host.only(shop, "nginx")?;
    let address = nginx.text(&format!("/NetworkSettings/Networks/{shop}_default/IPAddress"));
    let address: SocketAddr = format!("{address}:80").parse().map_err(|_| nginx.line())?;
    (0..times).map(|_| answer(address)).collect()
}

fn answer(address: SocketAddr) -> Result<String, String> {
    let ask = || {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok::<String, std::io::Error>(text)
    };
    let text = ask().map_err(|error| error.to_string())?;
    match text.split_once("\r\n\r\n") {
        Some((head, body)) if head.contains(" 200 ") => Ok(body.trim().to_owned()),
        _ => Err(text.lines().next().unwrap_or_default().to_owned()),
    }
}

/// Waits until everybody who answers is one of these, and both are if there are two.
async fn answered_by(host: &Host, shop: &str, versions: &[&str]) {
    let wanted: BTreeSet<String> = versions.iter().map(|one| (*one).to_owned()).collect();
    eventually(&format!("answers of {versions:?}"), || {
        let seen: BTreeSet<String> = answers(host, shop, 40)?.into_iter().collect();
        hold(seen == wanted, || format!("{seen:?}"))
    })
    .await;
}

/// Asks for as long as `until` does not hold; every answer has to be one of `versions`.
async fn only(host: &Host, shop: &str, versions: &[&str], until: &[&str]) {
    eventually(&format!("describe shows {until:?}"), || {
        for one in answers(host, shop, 20).unwrap_or_else(|error| panic!("a request lost: {error}"))
        {
            assert!(versions.contains(&one.as_str()), "{one} of {versions:?}");
        }
        let run = host.run(&["describe", shop]);
        hold(until.iter().all(|word| run.out.contains(word)), || run.out.clone())
    })
    .await;
}

/// Asks until all answers are those of `version`; none may be lost.
async fn becomes(host: &Host, shop: &str, version: &str) {
    eventually(&format!("answers of {version} alone"), || {
        let seen = answers(host, shop, 20);
        let seen = seen.unwrap_or_else(|error| panic!("a request lost: {error}"));
        hold(seen.iter().all(|one| one == version), || format!("{seen:?}"))
    })
    .await;
}

/// Only what has held is gone back to.
async fn holds(host: &Host, shop: &str, number: u64) {
    eventually(&format!("revision {number} holds"), || {
        let status = host.status(shop)?;
        let one = status.revisions.iter().find(|one| one.number == number);
        let verdict = one.map(|one| one.verdict.clone());
        hold(matches!(verdict, Some(Verdict::Stable { .. })), || format!("{verdict:?}"))
    })
    .await;
}

#[tokio::test]
async fn blue_green_behind_nginx_is_promoted_and_aborted_without_loss() {
    let strategy = "{type: blue-green, auto_promote: false, scale_down_delay: 2s, analysis: {http: {port: 8000}, count: 2, interval: 1s}}";
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &manifest("1", strategy));
    host.start();
    host.ready(&shop).await;
    answered_by(&host, &shop, &["1"]).await;

    host.write(&shop, &manifest("2", strategy));
    only(
        &host,
        &shop,
        &["1"],
        &["AwaitingPromotion", "2 of 2 replicas are new and get no traffic"],
    )
    .await;
    assert_eq!(host.containers(&shop, "web").iter().filter(|one| one.runs()).count(), 4);
    only(&host, &shop, &["1"], &[]).await;
    host.expect(&["promote", &format!("{shop}/web")]);
    becomes(&host, &shop, "2").await;
    host.ready(&shop).await;
    only(&host, &shop, &["2"], &[]).await;
    holds(&host, &shop, 2).await;

    host.write(&shop, &manifest("3", strategy));
    only(&host, &shop, &["2"], &["AwaitingPromotion"]).await;
    host.expect(&["abort", &shop]);
    only(&host, &shop, &["2"], &["RevisionRejected", "aborted by a person"]).await;
    assert_eq!(host.run(&["rollout", "status", &shop]).code, 5);
    only(&host, &shop, &["2"], &[]).await;
    assert_eq!(host.run(&["promote", &shop]).code, 2, "nothing waits for it any more");
}

#[tokio::test]
async fn a_canary_behind_nginx_gets_its_weight_and_goes_on() {
    let strategy =
        "{type: canary, steps: [{weight: 10}, {pause: true}, {weight: 50}, {pause: true}]}";
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &manifest("1", strategy));
    host.start();
    host.ready(&shop).await;
    answered_by(&host, &shop, &["1"]).await;

    host.write(&shop, &manifest("2", strategy));
    let first = ["AwaitingPromotion", "step 2 of 4", "1 of 2 replicas are new and get 10 %"];
    only(&host, &shop, &["1", "2"], &first).await;
    // One candidate of 10 % beside two of 45: smooth weighted round robin keeps to it in every 20 answers.
    let new = answers(&host, &shop, 200).unwrap().iter().filter(|one| *one == "2").count();
    assert!((10..=30).contains(&new), "{new} of 200 answers are new, 20 should be");
    host.expect(&["promote", &shop]);
    only(&host, &shop, &["1", "2"], &["AwaitingPromotion", "step 4 of 4"]).await;
    let new = answers(&host, &shop, 200).unwrap().iter().filter(|one| *one == "2").count();
    assert!((80..=120).contains(&new), "{new} of 200 answers are new, 100 should be");
    host.expect(&["promote", &shop]);
    becomes(&host, &shop, "2").await;
    host.ready(&shop).await;
    only(&host, &shop, &["2"], &[]).await;
}
