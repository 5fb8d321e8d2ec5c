//! Probes from the host against real containers, of an image without curl.

use crate::real::text::{SLEEP, file, service};
use crate::support_real::host::Host;
use crate::support_real::wait::{eventually, hold};

const READINESS: &str = "x-composelet: {probe: {readiness: {http: {path: /up.html, port: 8000}, period: 1s, timeout: 2s}}}";
const LIVENESS: &str = "x-composelet: {probe: {liveness: {exec: {command: [test, \"!\", -f, /tmp/ill]}, period: 1s, timeout: 5s}}}";
const AFTER_WEB: &str = "depends_on: { web: { condition: service_healthy } }";

#[tokio::test]
async fn readiness_by_http_opens_the_way_and_closes_nothing() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let web = "mkdir /www; exec httpd -f -p 8000 -h /www";
    host.write(
        &shop,
        &file(&[service("web", web, &[READINESS]), service("front", SLEEP, &[AFTER_WEB])]),
    );
    host.start();
    let web = host.running(&shop, "web").await;
    let said = ["ContainersNotReady", "readiness probe failed: GET http://", ":8000/up.html: 404"];
    host.described(&format!("{shop}/web"), &said).await;
    assert_eq!(host.only(&shop, "front").unwrap().state(), "created");
    host.engine.exec(web.id(), &["touch", "/www/up.html"]);
    host.running(&shop, "front").await;
    host.ready(&shop).await;
    host.engine.exec(web.id(), &["rm", "/www/up.html"]);
    host.described(&format!("{shop}/web"), &["not ready", "ContainersNotReady"]).await;
    host.engine.exec(web.id(), &["touch", "/www/up.html"]);
    host.ready(&shop).await;
    let now = host.only(&shop, "web").unwrap();
    assert_eq!((now.id(), now.started_at()), (web.id(), web.started_at()), "the same run");
}

#[tokio::test]
async fn liveness_inside_restarts_the_container() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let web = format!("rm -f /tmp/ill; {SLEEP}");
    host.write(&shop, &file(&[service("web", &web, &[LIVENESS, "restart: always"])]));
    host.start();
    host.ready(&shop).await;
    let web = host.only(&shop, "web").unwrap();
    host.engine.exec(web.id(), &["touch", "/tmp/ill"]);
    eventually("web was restarted", || {
        let now = host.only(&shop, "web")?;
        hold(now.started_at() != web.started_at(), || now.line())?;
        hold(now.id() == web.id(), || "another container".to_owned())
    })
    .await;
    host.ready(&shop).await;
    host.described(&format!("{shop}/web"), &["liveness probe failed: exit code 1"]).await;
}
