//! Just enough of HTTP: the head of a message and how long its body is.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

/// A call that the engine does to its end though nobody waits for the answer any more.
pub(super) const NETWORK_CREATE: &str = "/networks/create";

/// Name and value of a header, as they were sent.
type Header = (String, String);

/// A call, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// HTTP method.
    pub(crate) method: String,
    /// Path and query as sent.
    pub(crate) target: String,
    headers: Vec<Header>,
    /// Its body, chunks joined.
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Reads one; `None` if the connection ended instead.
    pub(super) async fn read(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Self>> {
        let Some((first, headers)) = read_head(reader).await? else {
            return Ok(None);
        };
        let mut words = first.split(' ').map(str::to_owned);
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(io::Error::other(format!("no request: {first:?}")));
        };
        let body = if header(&headers, "transfer-encoding").is_some_and(|it| it == "chunked") {
            read_chunks(reader).await?
        } else {
            let mut body = vec![0; length(&headers).unwrap_or(0)];
            reader.read_exact(&mut body).await?;
            body
        };
        Ok(Some(Self { method, target, headers, body }))
    }

    /// Path and query without the version.
    pub(super) fn unversioned(&self) -> &str {
        let rest = self.target.strip_prefix("/v1.");
        rest.and_then(|rest| rest.find('/').and_then(|at| rest.get(at..))).unwrap_or(&self.target)
    }

    /// Path without version and query.
    pub(crate) fn path(&self) -> &str {
        let path = self.unversioned();
        path.split_once('?').map_or(path, |(path, _)| path)
    }

    /// A value of the query, not decoded.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        let query = self.target.split_once('?')?.1;
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|it| it.1)
    }

    /// Whether it changes an object of the engine.
    pub(crate) fn changes(&self) -> bool {
        !matches!(self.method.as_str(), "GET" | "HEAD")
            && !self.executes()
            && !self.path().ends_with("/wait")
    }

    /// Whether the engine does it to its end when the client goes away. It asks no name of networks to be unique then.
    pub(super) fn outlives_its_client(&self) -> bool {
        self.unversioned() == NETWORK_CREATE
    }

    /// Whether it runs something in a container: that changes no object.
    pub(super) fn executes(&self) -> bool {
        self.path().ends_with("/exec") || self.path().starts_with("/exec/")
    }

    /// Whether the connection becomes a plain stream.
    pub(super) fn upgrades(&self) -> bool {
        header(&self.headers, "upgrade").is_some()
    }

    /// As it is passed on: HTTP/1.0, so that the end of the answer is the end of the connection. What upgrades goes on as it
    /// came.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let version = if self.upgrades() { "1.1" } else { "1.0" };
        let mut head = format!("{} {} HTTP/{version}\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            let lower = name.to_ascii_lowercase();
            let ours = ["transfer-encoding", "content-length"].contains(&lower.as_str())
                || lower == "connection" && !self.upgrades();
            if !ours {
                head.extend([name, ": ", value, "\r\n"]);
            }
        }
        head.extend(["Content-Length: ", &self.body.len().to_string(), "\r\n\r\n"]);
        [head.into_bytes(), self.body.clone()].concat()
    }
}

/// The head of an answer.
#[derive(Clone, Debug)]
pub(super) struct Head {
    /// HTTP status.
    pub(super) status: u16,
    headers: Vec<Header>,
}

impl Head {
    /// Reads one.
    pub(super) async fn read(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Self> {
        let none = || io::Error::other("the engine closed the connection");
        let (first, headers) = read_head(reader).await?.ok_or_else(none)?;
        let status = first.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(none)?;
        Ok(Self { status, headers })
    }

    /// Whether a body follows an answer to this method.
    pub(super) fn has_body(&self, method: &str) -> bool {
        method != "HEAD" && !matches!(self.status, 100..=199 | 204 | 304)
    }

    /// As it is sent on: one answer per connection, the body in chunks, so that its end can be told from a cut.
    pub(super) fn bytes(&self, body: bool) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Status\r\n", self.status);
        for (name, value) in &self.headers {
            let lower = name.to_ascii_lowercase();
            if !["transfer-encoding", "content-length", "connection"].contains(&lower.as_str()) {
                head.extend([name, ": ", value, "\r\n"]);
            }
        }
        head.push_str("Connection: close\r\n");
        head.push_str(if body { "Transfer-Encoding: chunked\r\n\r\n" } else { "\r\n" });
        head.into_bytes()
    }
}

/// A piece of a body that is sent in chunks.
pub(super) fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

async fn read_head(
    reader: &mut (impl AsyncBufRead + Unpin),
) -> io::Result<Option<(String, Vec<Header>)>> {
    let mut first = String::new();
    if reader.read_line(&mut first).await? == 0 {
        return Ok(None);
    }
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some((name, value)) = line.trim_end().split_once(':') else {
            return Ok(Some((first.trim_end().to_owned(), headers)));
        };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
}

async fn read_chunks(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).await?;
        let size = usize::from_str_radix(line.trim().split(';').next().unwrap_or(""), 16)
            .map_err(io::Error::other)?;
        let mut piece = vec![0; size + 2];
        reader.read_exact(&mut piece).await?;
        piece.truncate(size);
        body.extend(piece);
        if size == 0 {
            return Ok(body);
        }
    }
}

fn header<'a>(headers: &'a [Header], name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn length(headers: &[Header]) -> Option<usize> {
    header(headers, "content-length")?.parse().ok()
}
