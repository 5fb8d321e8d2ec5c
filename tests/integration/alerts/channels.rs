//! Channels over loopback: what arrives, what is tried again, what is dropped, and what is never said.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use composelet::alerts::{
    Address, Channel, Filter, Mail, MailTls, Message, Notifications, Outside, Pace, Severity, Way,
    deliver_once, notify,
};
use composelet::controller::EventSink;
use composelet::model::event::EventKind;
use composelet::model::id::ProjectName;
use composelet::model::secret::Secret;
use composelet::model::secret_place::SecretPlace;
use composelet::model::time::Timestamp;
use composelet::webhook::{Check, Forge, Hook, HookParts, Presented};
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio_util::sync::CancellationToken;

use super::servers::{MailServer, PostServer};
use super::statuses::{Says, at, event, stable, status};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// What was dropped: channel, how many, why.
type Dropped = Arc<Mutex<Vec<(String, u64, String)>>>;

/// The secrets of the test: a variable is its own value.
fn outside() -> (Outside, Dropped) {
    let dropped = Dropped::default();
    let list = Arc::clone(&dropped);
    let outside = Outside {
        now: Arc::new(|| at(0)),
        secret: Arc::new(|place: &SecretPlace| match place {
            SecretPlace::Env(value) => Ok(value.clone()),
            SecretPlace::File(_) => Err("none".to_owned()),
        }),
        dropped: Arc::new(move |channel, count, why| {
            list.lock().unwrap().push((channel.to_owned(), count, why));
        }),
    };
    (outside, dropped)
}

fn channel(way: Way) -> Channel {
    let filter = Filter { severity: Severity::Info, projects: Vec::new() };
    Channel { name: "ops".to_owned(), filter, template: None, log_lines: 0, way }
}

fn slack(port: u16) -> Channel {
    let url = SecretPlace::Env(format!("http://127.0.0.1:{port}/services/T0/B0/hunter2"));
    channel(Way::Slack { url })
}

fn told(channels: Vec<Channel>) -> Notifications {
    Notifications { installation: "test".to_owned(), pace: Pace::default(), channels }
}

fn release(events: &EventSink, number: u64) {
    let of = event(0, status(Says::Ready, vec![stable(1), stable(number)]));
    let EventKind::Published(status) = of.kind else { unreachable!() };
    let name = ProjectName::from("shop");
    events.send(Timestamp::default(), Some(&name), EventKind::Published(status));
}

#[tokio::test]
async fn a_chat_is_told_and_a_failure_is_tried_again() {
    let mut server = PostServer::start(&[503]).await;
    let (outside, dropped) = outside();
    let (events, ended) = (EventSink::default(), CancellationToken::new());
    let known = vec![status(Says::Ready, vec![stable(1)])];
    let notifications = (told(vec![slack(server.port)]), known);
    let task = tokio::spawn(notify(events.subscribe(), notifications, outside, ended.clone()));
    release(&events, 2);
    let (first, again) = (server.next().await, server.next().await);
    assert_eq!(first.body, again.body, "the same message, once more");
    assert_eq!(again.path, "/services/T0/B0/hunter2");
    let text = String::from_utf8(again.body).unwrap();
    assert!(text.contains("shop: revision 2 is rolled out"), "{text}");
    assert!(text.contains("&lt;!channel&gt;"), "{text}");
    ended.cancel();
    task.await.unwrap();
    assert!(dropped.lock().unwrap().is_empty());
}

#[tokio::test]
async fn another_composelet_takes_the_signature() {
    let mut server = PostServer::start(&[]).await;
    let url = Address::Plain(format!("http://127.0.0.1:{}/hooks/staging", server.port));
    let secret = Some(SecretPlace::Env(SECRET.to_owned()));
    let channel = channel(Way::Webhook { url, secret, header: "X-Signature".to_owned() });
    deliver_once(&channel, &Message::example(), &outside().0).await.unwrap();
    let posted = server.next().await;
    let mut headers = HeaderMap::new();
    for (name, value) in &posted.headers {
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    let hook = Hook::new(HookParts {
        name: "staging".to_owned(),
        path: None,
        forge: Forge::Hmac,
        secrets: vec![Secret::new(SECRET)],
        source: Some("shop".to_owned()),
        header: None,
        prefix: None,
        algorithm: None,
        registry: None,
    })
    .unwrap();
    let presented = Presented { headers: &headers, token: None, wall: at(0) };
    let mut check = Check::begin(&hook, &presented).unwrap();
    check.update(&posted.body);
    check.finish().unwrap();
    let body: serde_json::Value = serde_json::from_slice(&posted.body).unwrap();
    assert_eq!(body["reason"], "RevisionRejected");
}

#[tokio::test]
async fn a_letter_arrives_over_starttls() {
    let mut server = MailServer::start().await;
    let directory = tempfile::tempdir().unwrap();
    let ca_file = directory.path().join("ca.pem");
    std::fs::write(&ca_file, &server.certificate).unwrap();
    let mail = |password: &str, ca_file| Mail {
        server: "localhost".to_owned(),
        port: server.port,
        tls: MailTls::StartTls,
        ca_file,
        login: Some(("me".to_owned(), SecretPlace::Env(password.to_owned()))),
        from: "composelet <composelet@shop.test>".to_owned(),
        to: vec!["ana@shop.test".to_owned(), "ben@shop.test".to_owned()],
    };
    let (outside, message) = (outside().0, Message::example());
    let send =
        async |mail: Mail| deliver_once(&channel(Way::Email(mail)), &message, &outside).await;
    send(mail("hunter2", Some(ca_file.clone()))).await.unwrap();
    let letter = server.letters.recv().await.unwrap();
    for part in
        ["Subject: [composelet default] [error] shop: revision 5", "To: ana@shop.test, ben@"]
    {
        assert!(letter.contains(part), "{part}: {letter}");
    }
    assert!(letter.contains("it ended 3 times"), "{letter}");
    let error = send(mail("s3same-open", Some(ca_file))).await.unwrap_err();
    assert!(error.contains("535") && !error.contains("s3same"), "{error}");
    let error = send(mail("hunter2", None)).await.unwrap_err();
    assert!(error.contains("localhost") && !error.contains("hunter2"), "untrusted: {error}");
    assert!(server.letters.try_recv().is_err(), "nothing was sent to a server that is not trusted");
}

#[tokio::test]
async fn what_cannot_be_delivered_is_dropped_and_counted() {
    let mut gone = PostServer::start(&[404]).await;
    let mut deaf = PostServer::start(&[0]).await;
    let (outside, dropped) = outside();
    let (events, ended) = (EventSink::default(), CancellationToken::new());
    let known = vec![status(Says::Ready, vec![stable(1)])];
    let (mut one, mut other) = (slack(gone.port), slack(deaf.port));
    (one.name, other.name) = ("gone".to_owned(), "deaf".to_owned());
    one.filter.projects = vec![composelet::model::glob::Glob::new("sho*")];
    let notifications = (told(vec![one, other]), known);
    let task = tokio::spawn(notify(events.subscribe(), notifications, outside, ended.clone()));
    for number in 2..120 {
        release(&events, number);
        tokio::task::yield_now().await;
    }
    gone.next().await;
    deaf.next().await;
    let lost = |channel: &str| {
        let lost = dropped.lock().unwrap();
        let mine: Vec<_> = lost.iter().filter(|one| one.0 == channel).cloned().collect();
        mine
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), async {
        while lost("gone").is_empty() || lost("deaf").is_empty() {
            tokio::task::yield_now().await;
        }
    });
    waited.await.expect("both lose messages");
    ended.cancel();
    task.await.unwrap();
    let full = lost("deaf");
    assert!(full.iter().all(|one| one.2 == "64 messages wait already"), "{full:?}");
    let counts: Vec<u64> = full.iter().map(|one| one.1).collect();
    assert_eq!(counts, (1..=u64::try_from(full.len()).unwrap()).collect::<Vec<_>>());
    assert!(lost("gone").iter().any(|one| one.2.contains("404")), "{:?}", lost("gone"));
    let said = format!("{:?}", dropped.lock().unwrap());
    assert!(!said.contains("hunter2"), "an address is a secret: {said}");
}
