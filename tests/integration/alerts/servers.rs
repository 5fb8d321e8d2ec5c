//! Servers on loopback: one that takes posts, one that takes mail.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::tls::self_signed;

/// What was posted.
#[derive(Clone, Debug)]
pub(crate) struct Posted {
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// A server that takes posts, as Slack or any webhook does.
pub(crate) struct PostServer {
    pub(crate) port: u16,
    pub(crate) posted: mpsc::Receiver<Posted>,
}

impl PostServer {
    /// Starts one that answers with these statuses first, and 200 after them. Status 0: it never answers.
    pub(crate) async fn start(statuses: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, posted) = mpsc::channel(1000);
        let statuses: Arc<Mutex<VecDeque<u16>>> =
            Arc::new(Mutex::new(statuses.iter().copied().collect()));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (sender, statuses) = (sender.clone(), Arc::clone(&statuses));
                tokio::spawn(async move {
                    let mut stream = BufStream::new(stream);
                    while let Some(posted) = read_post(&mut stream).await {
                        let status = statuses.lock().unwrap().pop_front().unwrap_or(200);
                        drop(sender.send(posted).await);
                        if status == 0 {
                            std::future::pending::<()>().await;
                        }
                        let answer = format!("HTTP/1.1 {status} Said\r\ncontent-length: 0\r\n\r\n");
                        if stream.write_all(answer.as_bytes()).await.is_err() {
                            return;
                        }
                        drop(stream.flush().await);
                    }
                });
            }
        });
        Self { port, posted }
    }

    pub(crate) async fn next(&mut self) -> Posted {
        self.posted.recv().await.unwrap()
    }
}

async fn read_post(stream: &mut BufStream<TcpStream>) -> Option<Posted> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let (mut headers, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        let (name, value) = (name.to_ascii_lowercase(), value.to_owned());
        if name == "content-length" {
            length = value.parse().ok()?;
        }
        headers.push((name, value));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Posted { path, headers, body })
}

/// A mail server with STARTTLS and a certificate of its own; it takes mail from `me` with the password `hunter2`.
pub(crate) struct MailServer {
    pub(crate) port: u16,
    /// PEM.
    pub(crate) certificate: String,
    pub(crate) letters: mpsc::Receiver<String>,
}

impl MailServer {
    pub(crate) async fn start() -> Self {
        let (acceptor, certificate) = self_signed("localhost");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, letters) = mpsc::channel(1000);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (sender, acceptor) = (sender.clone(), acceptor.clone());
                tokio::spawn(async move {
                    let mut plain = BufStream::new(stream);
                    drop(plain.write_all(b"220 localhost ESMTP\r\n").await);
                    drop(plain.flush().await);
                    if talk(&mut plain, false, &sender).await == Some(Next::StartTls)
                        && let Ok(tls) = acceptor.accept(plain.into_inner()).await
                    {
                        talk(&mut BufStream::new(tls), true, &sender).await;
                    }
                });
            }
        });
        Self { port, certificate, letters }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Next {
    StartTls,
    End,
}

/// One conversation. Without TLS nothing but STARTTLS is possible.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufStream<S>,
    is_protected: bool,
    letters: &mpsc::Sender<String>,
) -> Option<Next> {
    let right = STANDARD.encode("\0me\0hunter2");
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return Some(Next::End);
        }
        let command = line.trim_end().to_owned();
        let word = command.split(' ').next().unwrap().to_ascii_uppercase();
        let answer = match word.as_str() {
            "EHLO" if is_protected => "250-localhost\r\n250 AUTH PLAIN\r\n",
            "EHLO" => "250-localhost\r\n250 STARTTLS\r\n",
            "STARTTLS" => "220 go on\r\n",
            "QUIT" => "221 bye\r\n",
            _ if !is_protected => "530 Must issue a STARTTLS command first\r\n",
            "AUTH" if command.ends_with(&right) => "235 ok\r\n",
            "AUTH" => "535 wrong password\r\n",
            "MAIL" | "RCPT" => "250 ok\r\n",
            "DATA" => "354 go on\r\n",
            _ => "500 what?\r\n",
        };
        stream.write_all(answer.as_bytes()).await.ok()?;
        stream.flush().await.ok()?;
        match word.as_str() {
            "STARTTLS" => return Some(Next::StartTls),
            "DATA" => {
                let mut letter = String::new();
                while !letter.ends_with("\r\n.\r\n") {
                    stream.read_line(&mut letter).await.ok()?;
                }
                drop(letters.send(letter).await);
                stream.write_all(b"250 taken\r\n").await.ok()?;
                stream.flush().await.ok()?;
            }
            _ => {}
        }
    }
}
