//! Who waits for a healthy service does not wait for the engine's next probe.

use crate::real::text::{SLEEP, file, service};
use crate::support_real::host::Host;
use crate::support_real::wait::{eventually, hold};

/// Ready in a moment, asked by the engine once in ten minutes.
const CHECK: &str = "healthcheck: { test: [CMD, test, -f, /tmp/up], interval: 10m, timeout: 5s }";
const AFTER_DB: &str = "depends_on: { db: { condition: service_healthy } }";
const AFTER_API: &str = "depends_on: { api: { condition: service_healthy } }";

#[tokio::test]
async fn two_layers_are_up_before_the_engine_has_judged_one() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let up = "sleep 1; touch /tmp/up; exec sleep 1000000";
    host.write(
        &shop,
        &file(&[
            service("db", up, &[CHECK]),
            service("api", up, &[CHECK, AFTER_DB]),
            service("web", SLEEP, &[AFTER_API]),
        ]),
    );
    host.start();
    host.running(&shop, "web").await;
    for name in ["db", "api"] {
        let one = host.only(&shop, name).unwrap();
        assert_eq!(one.health(), "starting", "{}", one.line());
    }
}

/// As the official images of databases begin: a server that answers the health command, but listens on loopback only; then
/// the real one. A check that is content with the first lets dependants in too early.
#[tokio::test]
async fn a_server_that_only_initialises_is_not_taken_for_the_real_one() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let db = "mkdir /www; echo up > /www/index.html; touch /tmp/up; \
              httpd -f -p 127.0.0.1:5432 -h /www & sleep 6; kill $$!; wait; exec httpd -f -p 5432 -h /www";
    let web = "ip=$$(nslookup db | sed -n 's/^Address: //p' | tail -n 1); \
               printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 $$ip 5432 | grep -q up && echo up > /tmp/found; \
               test -f /tmp/found || echo refused > /tmp/found; exec sleep 1000000";
    host.write(
        &shop,
        &file(&[service("db", db, &["expose: [5432]", CHECK]), service("web", web, &[AFTER_DB])]),
    );
    host.start();
    let web = host.running(&shop, "web").await;
    let found = eventually("web has tried", || {
        let found = host.engine.exec(web.id(), &["sh", "-c", "cat /tmp/found || true"]);
        hold(!found.trim().is_empty(), || found.clone())?;
        Ok(found)
    })
    .await;
    assert_eq!(found.trim(), "up");
}
