//! From a push to the engine: a signed webhook makes the source look at once, the forge is told how far the commit is, and
//! what is not signed does nothing. PUSHES=50 measures more; the figures go to standard error.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use composelet::controller::{Clock, SystemClock};
use composelet::model::time::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::git_sources::{GOOD, Pushed, manifest};
use crate::support_real::wait::{eventually, hold};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A forge that takes the states of commits: path, authorization and body of each request.
#[derive(Clone, Default)]
struct Forge(Arc<Mutex<Vec<(String, String, Value)>>>);

impl Forge {
    fn start(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let told = Arc::clone(&self.0);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                told.lock().unwrap().extend(take(stream));
            }
        });
        address
    }

    /// The states that were told of a commit, oldest first.
    fn states(&self, commit: &str) -> Vec<String> {
        let told = self.0.lock().unwrap();
        let own = told
            .iter()
            .filter(|(path, ..)| path.ends_with(&format!("/repos/team/shop/statuses/{commit}")));
        own.map(|(_, _, body)| body["state"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

/// Reads one request and answers it.
fn take(mut stream: TcpStream) -> Option<(String, String, Value)> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let header = |name: &str| {
                let lines = head.lines().filter_map(|line| line.split_once(": "));
                lines
                    .filter(|(known, _)| known.eq_ignore_ascii_case(name))
                    .map(|(_, value)| value.to_owned())
                    .next()
            };
            if body.len() >= header("content-length")?.parse().ok()? {
                stream
                    .write_all(
                        b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                    )
                    .ok()?;
                let path = head.split(' ').nth(1)?.to_owned();
                return Some((path, header("authorization")?, serde_json::from_str(body).ok()?));
            }
        }
        match stream.read(&mut piece) {
            Ok(count) if count > 0 => bytes.extend_from_slice(&piece[..count]),
            _ => return None,
        }
    }
}

/// Sends what GitHub sends after a push; the status of the answer.
fn post(address: SocketAddr, url: &str, commit: &str, secret: &str) -> u16 {
    let repository =
        json!({"full_name": "team/shop", "clone_url": url, "ssh_url": url, "html_url": url});
    let body = json!({"ref": "refs/heads/main", "before": "0".repeat(40), "after": commit, "repository": repository});
    let body = body.to_string();
    let mut code = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    code.update(body.as_bytes());
    let code: String =
        code.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /hooks/shop HTTP/1.1\r\nhost: h\r\nx-github-event: push\r\nx-github-delivery: {commit}\r\n\
         x-hub-signature-256: sha256={code}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

fn now() -> i64 {
    SystemClock::start().now().as_millis()
}

#[tokio::test]
async fn a_signed_push_reaches_the_engine_at_once_and_the_forge_is_told() {
    let forge = Forge::default();
    let (api, address) =
        (forge.start(), TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    // Nothing but a webhook makes it look.
    let status =
        "    status: {forge: gitea, repository: team/shop, token: {env: FORGE_TOKEN}, api: ";
    let mut pushed = Pushed::new("1h", &format!("{status}'http://{api}'}}\n"));
    let config = pushed.host.aside().join("composelet.yaml");
    let hooks = format!(
        "webhooks:\n  listen: {address}\n  hooks: [{{name: shop, forge: github, source: shop, secrets: [{{env: HOOK_SECRET}}]}}]\n"
    );
    fs::write(&config, fs::read_to_string(&config).unwrap() + &hooks).unwrap();
    pushed.host.environment.push(("HOOK_SECRET".to_owned(), SECRET.to_owned()));
    pushed.host.environment.push(("FORGE_TOKEN".to_owned(), "canary-forge".to_owned()));
    let first = pushed.push(&[("compose.yaml", manifest(0, GOOD)), ("page", "one".to_owned())]);
    pushed.host.start();
    pushed.host.ready(&pushed.project).await;
    pushed.holds(&first).await;
    eventually("the listener is there", || {
        hold(TcpStream::connect(address).is_ok(), || "nobody listens".to_owned())
    })
    .await;
    eventually("the forge knows", || {
        let seen = forge.states(&first);
        hold(seen == ["pending", "success"], || format!("{seen:?}"))
    })
    .await;

    let url = pushed.url();
    let count: u32 = std::env::var("PUSHES").map_or(3, |text| text.parse().unwrap());
    let mut times = Vec::new();
    for number in 1..=count {
        let commit = pushed.push(&[("compose.yaml", manifest(number, GOOD))]);
        assert_eq!(post(address, &url, &commit, "another secret, and long enough"), 401);
        let begin = now();
        assert_eq!(post(address, &url, &commit, SECRET), 202);
        let wanted = format!("VERSION={number}");
        let created = eventually("the new version is made", || {
            let all = pushed.host.engine.containers_of(&pushed.project);
            let new = all.iter().find(|one| one.environment().contains(&wanted.as_str()));
            new.map(|one| one.text("/Created").to_owned()).ok_or_else(|| "not yet".to_owned())
        })
        .await;
        times.push(Timestamp::parse_rfc3339(&created).unwrap().as_millis() - begin);
        pushed.host.ready(&pushed.project).await;
    }
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    eprintln!(
        "from a push to the new container, {count} pushes: p50 {} ms, p95 {} ms, most {} ms",
        at(50),
        at(95),
        at(100)
    );

    // A bad one goes back, and the forge knows that, too.
    let good = pushed.push(&[("page", "held".to_owned())]);
    assert_eq!(post(address, &url, &good, SECRET), 202);
    pushed.holds(&good).await;
    let bad = pushed.push(&[("compose.yaml", manifest(1000, "[sh, -c, 'exit 7']"))]);
    assert_eq!(post(address, &url, &bad, SECRET), 202);
    eventually("the forge knows that it went back", || {
        let seen = forge.states(&bad);
        hold(seen == ["pending", "failure"], || format!("{seen:?}"))
    })
    .await;
    let told = forge.0.lock().unwrap().clone();
    assert!(told.iter().all(|(_, authorization, _)| authorization == "token canary-forge"));
    let shown = pushed.host.expect(&["webhooks"]);
    assert!(!shown.contains(SECRET) && !shown.contains("canary"), "{shown}");
}
