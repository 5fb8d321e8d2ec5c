//! The proxy itself, before an engine of three answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use tempfile::TempDir;

use crate::fault_proxy::{EventFault, Fault, Proxy, Reply, Rule};

const ID: &str = "0123456789abcdef";

/// An engine that creates, tells its version and four events.
fn engine(directory: &TempDir) -> std::path::PathBuf {
    let path = directory.path().join("engine.sock");
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            drop(answer(stream));
        }
    });
    path
}

fn answer(mut stream: UnixStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body)?;
    let (status, said) = match head.split(' ').nth(1).unwrap_or_default() {
        path if path.ends_with("/version") => ("200 OK", r#"{"ApiVersion":"1.41"}"#.to_owned()),
        path if path.contains("/create") => ("201 Created", format!(r#"{{"Id":"{ID}"}}"#)),
        path if path.contains("/events") => ("200 OK", "{1}\n{2}\n{3}\n{4}\n".to_owned()),
        path if path.ends_with("/start") => ("204 No Content", String::new()),
        _ => ("404 Not Found", "{}".to_owned()),
    };
    write!(stream, "HTTP/1.0 {status}\r\nApi-Version: 1.41\r\n\r\n{said}")
}

/// What a client gets.
#[derive(Debug, PartialEq, Eq)]
struct Got {
    /// 0 without an answer.
    status: u16,
    body: String,
    /// Whether the body came to its end.
    whole: bool,
}

fn got(status: u16, body: &str, whole: bool) -> Got {
    Got { status, body: body.to_owned(), whole }
}

struct Set {
    proxy: Proxy,
    socket: std::path::PathBuf,
    _directory: TempDir,
}

impl Set {
    fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        let directory = TempDir::with_prefix("composelet-proxy-").unwrap();
        let socket = directory.path().join("proxy.sock");
        let proxy = Proxy::start(&socket, &engine(&directory));
        for rule in rules {
            proxy.rule(rule);
        }
        Self { proxy, socket, _directory: directory }
    }

    fn open(&self, method: &str, path: &str, body: &str) -> UnixStream {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: docker\r\n");
        write!(stream, "{head}Transfer-Encoding: chunked\r\n\r\n").unwrap();
        if !body.is_empty() {
            write!(stream, "{:x}\r\n{body}\r\n", body.len()).unwrap();
        }
        write!(stream, "0\r\n\r\n").unwrap();
        stream
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Got {
        let mut text = String::new();
        self.open(method, path, body).read_to_string(&mut text).unwrap();
        let Some((head, rest)) = text.split_once("\r\n\r\n") else { return got(0, "", false) };
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        if !head.contains("chunked") {
            return got(status, rest, true);
        }
        let (mut body, mut rest) = (String::new(), rest);
        while let Some((size, more)) = rest.split_once("\r\n") {
            let size = usize::from_str_radix(size, 16).unwrap();
            if size == 0 {
                return got(status, &body, true);
            }
            body.push_str(&more[..size]);
            rest = &more[size + 2..];
        }
        got(status, &body, false)
    }

    fn create(&self, name: &str) -> Got {
        self.ask(
            "POST",
            &format!("/v1.41/containers/create?name={name}"),
            r#"{"Labels":{"app":"a"}}"#,
        )
    }

    /// The last line of the trace without its time.
    fn last(&self) -> String {
        let lines = self.proxy.lines();
        lines.last().unwrap().split_once(" ms ").unwrap().1.trim().to_owned()
    }
}

fn created() -> Got {
    got(201, &format!(r#"{{"Id":"{ID}"}}"#), true)
}

#[test]
fn without_rules_everything_is_passed_on_and_written_down_with_names() {
    let set = Set::new([]);
    assert_eq!(set.create("web"), created());
    assert_eq!(set.last(), "#1 POST   /containers/create?name=web -> 201");
    assert_eq!(set.ask("POST", &format!("/v1.41/containers/{ID}/start"), ""), got(204, "", true));
    assert_eq!(set.last(), "#2 POST   /containers/{web}/start -> 204");
    assert_eq!(set.ask("GET", "/v1.41/containers/json?all=1", "").status, 404);
    assert_eq!(set.last(), "- GET    /containers/json -> 404");
    assert_eq!(set.proxy.changes().len(), 2);
}

#[test]
fn rules_pick_by_method_path_body_and_number() {
    let no = || Fault::Answer(Reply::new(500, "no"));
    let refused = got(500, r#"{"message":"no"}"#, true);
    let set = Set::new([
        Rule::on("POST", "/containers/*", no()).nth(2),
        Rule::on("GET", "/version", no()).first(1),
        Rule::on("*", "*", no()).with_body("\"other\""),
    ]);
    assert_eq!(set.create("a"), created());
    assert_eq!(set.create("b"), refused);
    assert_eq!(set.create("c"), created());
    assert_eq!(set.ask("GET", "/version", ""), refused);
    assert_eq!(set.ask("GET", "/version", "").status, 200);
    assert_eq!(set.ask("POST", "/volumes/create", "{\"other\":1}"), refused);
    set.proxy.heal();
    assert_eq!(set.ask("POST", "/volumes/create", "{\"other\":1}"), created());
}

/// Each fault, what the client gets, and whether the engine saw the call.
#[test]
fn a_call_fails_as_the_rule_says() {
    let busy = Reply::new(429, "slow down").retry_after(7);
    let table = [
        (Fault::Answer(busy.clone()), got(429, r#"{"message":"slow down"}"#, true), "429"),
        (Fault::ForwardThenAnswer(busy), got(429, r#"{"message":"slow down"}"#, true), "429"),
        (Fault::ForwardThenClose, got(0, "", false), "hung up"),
        (Fault::Reset, got(0, "", false), "hung up"),
        (Fault::Cut(5), got(201, r#"{"Id""#, false), "201"),
        (Fault::Corrupt, got(201, "<html>{\"Id\": ", true), "201"),
        (Fault::Delay(Duration::from_millis(1)), created(), "201"),
        (Fault::Drip(Duration::from_millis(1)), created(), "201"),
    ];
    for (fault, expected, status) in table {
        let set = Set::new([Rule::on_change(fault.clone())]);
        assert_eq!(set.create("a"), expected, "{fault:?}");
        let line = set.last();
        assert!(line.contains(&format!("-> {status}  ! ")), "{line}");
    }
}

#[test]
fn an_error_line_comes_in_a_stream_that_succeeds() {
    let set = Set::new([Rule::on("POST", "/images/create", Fault::ErrorLine("denied".into()))]);
    let got = set.ask("POST", "/v1.41/images/create?fromImage=a", "");
    assert_eq!(got.status, 201);
    assert!(got.body.contains(r#""error":"denied""#), "{}", got.body);
}

#[test]
fn retry_after_is_a_header() {
    let reply = Reply::new(503, "busy").retry_after(9);
    let set = Set::new([Rule::on("*", "*", Fault::Answer(reply))]);
    let mut text = String::new();
    set.open("GET", "/_ping", "").read_to_string(&mut text).unwrap();
    assert!(text.contains("Retry-After: 9\r\n"), "{text}");
}

#[test]
fn another_version_is_claimed() {
    let set = Set::new([Rule::on("GET", "/version", Fault::ApiVersion("1.99".into()))]);
    assert!(set.ask("GET", "/version", "").body.contains(r#""ApiVersion":"1.99""#));
}

#[test]
fn streams_of_events_lie() {
    for (fault, body) in [
        (EventFault::DropAll, ""),
        (EventFault::Duplicate, "{1}\n{1}\n{2}\n{2}\n{3}\n{3}\n{4}\n{4}\n"),
        (EventFault::Reorder, "{2}\n{1}\n{4}\n{3}\n"),
        (EventFault::Replay(3), "{1}\n{2}\n{3}\n{1}\n{2}\n{3}\n{4}\n"),
        (EventFault::CloseEvery(2), "{1}\n{2}\n"),
    ] {
        let set = Set::new([Rule::on("GET", "/events", Fault::Events(fault))]);
        assert_eq!(set.ask("GET", "/v1.41/events?since=1", ""), got(200, body, true), "{fault:?}");
    }
}

#[test]
fn what_hangs_gives_no_answer_until_the_client_goes() {
    for fault in [Fault::HangBefore, Fault::HangAfter] {
        let set = Set::new([Rule::on_change(fault)]);
        let mut stream = set.open("POST", "/containers/create?name=a", "");
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let error = stream.read(&mut [0; 1]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
        assert!(set.last().contains("no answer"), "{}", set.last());
    }
}

#[test]
fn a_socket_that_refuses_can_listen_again() {
    let set = Set::new([]);
    set.proxy.refuse();
    // The listener ends in a thread of its own: a connection that came before it is closed without an answer.
    while UnixStream::connect(&set.socket).is_ok() {
        std::thread::yield_now();
    }
    set.proxy.listen();
    assert_eq!(set.create("a"), created());
}
