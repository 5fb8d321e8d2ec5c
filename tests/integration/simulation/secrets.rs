//! Encrypted values over a whole life: they reach containers, their changes are followed, and they show nowhere else.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests: a panic is a failed test"
)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use composelet::ledger::{Request, Storage};
use composelet::model::path::LocalPath;
use composelet::model::secret_place::SecretPlace;

use super::bench::Bench;
use crate::secrets::encoder::{Sops, age};
use crate::secrets::place;

const COMPOSE: &str = "
services:
  web:
    image: app
    environment: {FROM_DOTENV: \"${DOTENV}\"}
    env_file: app.env
    secrets: [token]
    healthcheck: {test: [CMD, check, \"${DOTENV}\"]}
  proxy:
    image: app
    secrets: [token]
    x-composelet: {on_change: {signal: SIGHUP}}
secrets: {token: {file: token.age}}
";

/// What the log says, kept in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Shop {
    bench: Bench,
    log: Log,
    events: tokio::sync::broadcast::Receiver<Arc<composelet::model::event::Event>>,
}

impl Shop {
    fn new(seed: u64) -> Self {
        let mut bench = Bench::new(seed);
        let key = bench.root().with_file_name("age.key");
        std::fs::copy(place("one.key"), &key).unwrap();
        bench.keys = vec![SecretPlace::File(LocalPath::new(&key))];
        let events = bench.events.subscribe();
        Self { bench, log: Log::default(), events }
    }

    /// Files whose values are of this generation; each writing has other bytes.
    fn write(&self, generation: &str, seed: u8, keys: &[&str]) {
        self.bench.write("shop", COMPOSE);
        let put = |name: &str, text: &str| {
            std::fs::write(self.bench.root().join("shop").join(name), text).unwrap();
        };
        let sops = Sops { keys, ..Sops::new(seed) };
        put(".env", &age(format!("DOTENV=canary-dotenv-{generation}\n").as_bytes(), keys));
        put("app.env", &sops.dotenv(&[("PASSWORD", &format!("canary-password-{generation}"))]));
        put("token.age", &age(format!("canary-token-{generation}").as_bytes(), keys));
    }

    fn variable(&self, name: &str) -> String {
        let found = self.bench.engine.inspected("shop-web-1").unwrap_or_default();
        let begin = format!("{name}=");
        let all = found["Config"]["Env"].as_array().cloned().unwrap_or_default();
        let one = all.iter().find_map(|one| one.as_str()?.strip_prefix(&begin));
        one.unwrap_or_default().to_owned()
    }

    async fn has(&self, generation: &str) {
        self.gets(generation).await;
        self.bench.converged("shop").await;
    }

    async fn gets(&self, generation: &str) {
        let wanted = format!("canary-password-{generation}");
        let what = format!("the values are those of {generation}");
        self.bench.until(&what, |_| self.variable("PASSWORD") == wanted).await;
        assert_eq!(self.variable("FROM_DOTENV"), format!("canary-dotenv-{generation}"));
        let token = self.mounted("shop-web-1");
        assert_eq!(token, format!("canary-token-{generation}"), "the file behind the mount");
    }

    /// What a container sees as its secret.
    fn mounted(&self, container: &str) -> String {
        let found = self.bench.engine.inspected(container).unwrap();
        let mounts = found["Mounts"].as_array().unwrap();
        let token = mounts.iter().find(|one| one["Destination"] == "/run/secrets/token").unwrap();
        std::fs::read_to_string(token["Source"].as_str().unwrap()).unwrap()
    }

    /// Looks at all that anybody but the container can see.
    fn sweep(&mut self) {
        let mut seen = vec![("the log".to_owned(), self.log.0.lock().unwrap().clone())];
        let mut count = 0;
        while let Ok(event) = self.events.try_recv() {
            count += 1;
            seen.push(("an event".to_owned(), format!("{event:?}").into_bytes()));
        }
        assert!(count > 0, "nothing was heard");
        stored(&self.bench.storage, "", &mut seen);
        for file in files(&self.bench.root()) {
            seen.push((file.display().to_string(), std::fs::read(&file).unwrap()));
        }
        for name in ["shop-web-1", "shop-proxy-1"] {
            let labels = self.bench.engine.inspected(name).unwrap()["Config"]["Labels"].to_string();
            seen.push((format!("labels of {name}"), labels.into_bytes()));
        }
        let statuses = format!("{:?}", self.bench.ledger().statuses());
        seen.push(("a status".to_owned(), statuses.into_bytes()));
        for (what, bytes) in seen {
            let text = String::from_utf8_lossy(&bytes);
            let at = text.find("canary");
            assert!(at.is_none(), "{what} holds a secret: {}", &text[at.unwrap_or(0)..]);
        }
    }
}

fn stored(storage: &dyn Storage, directory: &str, seen: &mut Vec<(String, Vec<u8>)>) {
    for name in storage.list(directory).unwrap() {
        let path = if directory.is_empty() { name } else { format!("{directory}/{name}") };
        match storage.read(&path) {
            Ok(bytes) => seen.push((path, bytes)),
            Err(_) => stored(storage, &path, seen),
        }
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test(start_paused = true)]
async fn invariant_17_encrypted_values_reach_containers_and_nobody_else() {
    let mut shop = Shop::new(71);
    let log = shop.log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(move || log.clone())
        .finish();
    let _listening = tracing::subscriber::set_default(subscriber);

    shop.write("one", 1, &["one.key"]);
    shop.bench.start();
    shop.has("one").await;
    shop.bench.pass(900).await;
    let revisions = shop.bench.status("shop").unwrap().revisions.len();
    shop.sweep();

    // The same values for one key more: the same version, and what is kept of it is for both keys.
    shop.write("one", 2, &["one.key", "two.key"]);
    shop.bench.silent().await;
    assert_eq!(shop.bench.status("shop").unwrap().revisions.len(), revisions);
    std::fs::copy(place("two.key"), shop.bench.root().with_file_name("age.key")).unwrap();
    shop.bench.silent().await;

    // Other values: as `on_change` says.
    let proxy = shop.bench.engine.inspected("shop-proxy-1").unwrap()["Id"].clone();
    shop.write("two", 3, &["two.key"]);
    shop.has("two").await;
    let after = &shop.bench.engine.inspected("shop-proxy-1").unwrap()["Id"];
    assert_eq!(&proxy, after, "it is the same container, which reads its file again");
    assert_eq!(shop.mounted("shop-proxy-1"), "canary-token-two");
    shop.bench.pass(900).await;
    shop.sweep();

    shop.bench.kill().await;
    shop.bench.start();
    shop.bench.converged("shop").await;
    shop.bench.silent().await;

    // The version before, whose files are kept encrypted.
    shop.bench.ask(&Request::Rollback { project: "shop".into(), to: None });
    shop.gets("one").await;
    shop.bench.until("it says so", |bench| bench.held("shop").contains(&"RevisionPinned")).await;
    shop.bench.silent().await;
    shop.sweep();
}

/// A key that comes later needs neither a restart nor another file.
#[tokio::test(start_paused = true)]
async fn without_its_key_a_project_stays_as_it_is_until_the_key_comes() {
    let mut shop = Shop::new(72);
    shop.write("one", 1, &["one.key"]);
    shop.bench.start();
    shop.has("one").await;
    shop.write("two", 2, &["two.key"]);
    shop.bench.until("it is held", |bench| bench.held("shop").contains(&"InvalidManifest")).await;
    assert_eq!(shop.variable("PASSWORD"), "canary-password-one");
    let status = shop.bench.status("shop").unwrap();
    let told: Vec<&str> = status.diagnostics.iter().map(|one| one.code.as_str()).collect();
    assert!(told.contains(&"encrypted-file"), "{told:?}");
    shop.sweep();
    std::fs::copy(place("two.key"), shop.bench.root().with_file_name("age.key")).unwrap();
    shop.has("two").await;
    shop.bench.silent().await;
}
