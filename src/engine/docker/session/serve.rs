//! What the engine may ask for in a session, and the answers.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use futures::future::BoxFuture;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioExecutor;
use tokio::io::AsyncReadExt;
use tokio_util::task::AbortOnDropHandle;

use super::dial::Address;
use super::grpc::{Replies, Reply, Status, message, messages, one, reply};
use super::proto::{
    BytesMessage, CredentialsRequest, CredentialsResponse, HealthCheckResponse, IdRequest,
};
use super::{file_sync, ssh};
use crate::engine::build_input::BuildInput;
use crate::engine::credentials::RegistryLogin;
use crate::engine::failure::CallError;
use crate::model::build::BuildSecret;
use crate::model::observed::ApiVersion;
use crate::model::path::LocalPath;

/// Largest secret, in bytes; BuildKit's own limit.
const SECRET_LIMIT: u64 = 500 << 10;
/// Window of a stream, in bytes: requests for files wait in it while files are sent.
const WINDOW: u32 = 4 << 20;

const HEALTH: &str = "/grpc.health.v1.Health/Check";
const FILES: &str = "/moby.filesync.v1.FileSync/DiffCopy";
const LOGIN: &str = "/moby.filesync.v1.Auth/Credentials";
const SECRET: &str = "/moby.buildkit.secrets.v1.Secrets/GetSecret";
const CHECK_AGENT: &str = "/moby.sshforward.v1.SSH/CheckAgent";
const FORWARD_AGENT: &str = "/moby.sshforward.v1.SSH/ForwardAgent";

/// Finds the login of a registry.
pub(in crate::engine) type FindLogin =
    Box<dyn Fn(String) -> BoxFuture<'static, Option<RegistryLogin>> + Send + Sync>;

/// What there is to ask for.
pub(in crate::engine) struct Answers {
    /// Files.
    pub(in crate::engine) input: Arc<dyn BuildInput>,
    /// Secrets by id.
    pub(in crate::engine) secrets: BTreeMap<String, BuildSecret>,
    /// Agents by id.
    pub(in crate::engine) agents: BTreeMap<String, Option<LocalPath>>,
    /// Logins.
    pub(in crate::engine) login: FindLogin,
    /// Under this the engine keeps the files for the next build.
    pub(in crate::engine) shared_key: String,
}

/// An open session. It ends when it is dropped.
pub(in crate::engine) struct Session {
    /// Its id, for the build that belongs to it.
    pub(in crate::engine) id: String,
    _server: AbortOnDropHandle<()>,
}

impl Session {
    /// Opens a session.
    ///
    /// # Errors
    /// If the engine cannot be reached, or opens none.
    pub(in crate::engine) async fn open(
        address: &Address,
        api: ApiVersion,
        answers: Answers,
    ) -> Result<Self, CallError> {
        let id = fresh_id();
        let mut headers = vec![
            ("x-docker-expose-session-uuid", id.clone()),
            ("x-docker-expose-session-name", "composelet".to_owned()),
            ("x-docker-expose-session-sharedkey", answers.shared_key.clone()),
        ];
        let methods = [HEALTH, FILES, LOGIN, SECRET, CHECK_AGENT, FORWARD_AGENT];
        headers.extend(
            methods.map(|method| ("x-docker-expose-session-grpc-method", method.to_owned())),
        );
        let connection = address.session(api, &headers).await?;
        let answers = Arc::new(answers);
        let server = async move {
            let service = service_fn(move |request| answer(Arc::clone(&answers), request));
            let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            builder.initial_stream_window_size(WINDOW).initial_connection_window_size(2 * WINDOW);
            // However it ends, the build it belongs to says what went wrong.
            builder.serve_connection(connection, service).await.ok();
        };
        Ok(Self { id, _server: AbortOnDropHandle::new(tokio::spawn(server)) })
    }
}

/// A name that no other session has.
fn fresh_id() -> String {
    let part = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", part(), part())
}

async fn answer(
    answers: Arc<Answers>,
    request: Request<Incoming>,
) -> Result<Response<Reply>, std::convert::Infallible> {
    let replies = answers.to(request).await;
    Ok(reply(replies.unwrap_or_else(|status| {
        Box::pin(futures::stream::iter([Err::<Vec<u8>, Status>(status)]))
    })))
}

impl Answers {
    async fn to(&self, request: Request<Incoming>) -> Result<Replies, Status> {
        let header = |name: &str| {
            let value = request.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        match request.uri().path() {
            HEALTH => Ok(one(&HealthCheckResponse { status: 1 })),
            FILES => {
                let directory = header("dir-name");
                let requests = messages(request.into_body());
                Ok(file_sync::diff_copy(&directory, Arc::clone(&self.input), requests))
            }
            LOGIN => {
                let asked: CredentialsRequest = message(request.into_body()).await?;
                Ok(one(&self.login(asked.host).await))
            }
            SECRET => {
                let asked: IdRequest = message(request.into_body()).await?;
                Ok(one(&BytesMessage { data: self.secret(&asked.id).await? }))
            }
            CHECK_AGENT => {
                let asked: IdRequest = message(request.into_body()).await?;
                drop(self.agent(&asked.id).await?);
                Ok(one(&IdRequest::default()))
            }
            FORWARD_AGENT => {
                let agent = self.agent(&header("buildkit.ssh.id")).await?;
                Ok(ssh::forward(agent, messages(request.into_body())))
            }
            _ => Err(Status::unimplemented()),
        }
    }

    /// A login, empty if there is none: the engine then asks as nobody.
    async fn login(&self, host: String) -> CredentialsResponse {
        let host = if host == "registry-1.docker.io" { "docker.io/".to_owned() } else { host };
        let found = (self.login)(host).await;
        let (username, secret) = found.map(|login| login.to_pair()).unwrap_or_default();
        CredentialsResponse { username, secret }
    }

    async fn secret(&self, id: &str) -> Result<Vec<u8>, Status> {
        let missing = |why: String| Status::not_found(format!("the secret {id} {why}"));
        match self.secrets.get(id) {
            None => Err(missing("is not among build.secrets".to_owned())),
            Some(BuildSecret::Value(value)) => Ok(value.expose().as_bytes().to_vec()),
            Some(BuildSecret::File(path)) => {
                let unreadable =
                    |error: std::io::Error| missing(format!("cannot be read: {error}"));
                let file = tokio::fs::File::open(path.as_path()).await.map_err(unreadable)?;
                let mut bytes = Vec::new();
                let mut limited = file.take(SECRET_LIMIT + 1);
                limited.read_to_end(&mut bytes).await.map_err(unreadable)?;
                if u64::try_from(bytes.len()).is_ok_and(|length| length > SECRET_LIMIT) {
                    return Err(missing("is larger than 500 KiB".to_owned()));
                }
                Ok(bytes)
            }
        }
    }

    async fn agent(&self, id: &str) -> Result<tokio::net::UnixStream, Status> {
        let id = if id.is_empty() { "default" } else { id };
        let socket = self.agents.get(id).and_then(Option::as_ref).map(LocalPath::as_path);
        ssh::agent(socket, id).await
    }
}

#[cfg(test)]
mod tests {
    use super::super::grpc::framed;
    use super::super::proto::{Packet, PacketType, Stat};
    use super::*;
    use crate::engine::build_input::{BuildContext, InputFile, InputKind};
    use crate::model::secret::Secret;
    use bytes::Bytes;
    use http_body_util::{BodyExt, Full};
    use hyper_util::rt::TokioIo;
    use prost::Message;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    /// One file `a` with the text `hello`.
    struct Input;

    impl BuildInput for Input {
        fn archive(&self) -> BuildContext {
            Box::pin(futures::stream::empty())
        }

        fn instructions(&self) -> std::io::Result<String> {
            Ok("FROM scratch".to_owned())
        }

        fn files(&self) -> std::io::Result<Vec<InputFile>> {
            let open: crate::engine::OpenFile =
                Arc::new(|| Ok(Box::new(std::io::Cursor::new(b"hello"))));
            let kind = InputKind::File(5);
            Ok(vec![InputFile { path: "a".into(), kind, mode: 0o644, modified_ns: 1, open }])
        }
    }

    type Client = hyper::client::conn::http2::SendRequest<Full<Bytes>>;

    /// A session as the engine has it: the request for it, and the client of its end.
    async fn session() -> (Session, String, Client) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address::Tcp(listener.local_addr().unwrap().to_string());
        let answers = Answers {
            input: Arc::new(Input),
            secrets: [("token".to_owned(), BuildSecret::Value(Secret::from("hunter2")))].into(),
            agents: [("default".to_owned(), None)].into(),
            login: Box::new(|_| Box::pin(async { None })),
            shared_key: "k".to_owned(),
        };
        let engine = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                asked.push(stream.read_u8().await.unwrap());
            }
            let answer = b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
            stream.write_all(answer).await.unwrap();
            let io = TokioIo::new(stream);
            let shake = hyper::client::conn::http2::handshake(TokioExecutor::new(), io);
            let (client, connection) = shake.await.unwrap();
            drop(tokio::spawn(connection));
            (String::from_utf8(asked).unwrap(), client)
        };
        let open = Session::open(&address, ApiVersion::v1(41), answers);
        let (session, (asked, client)) = tokio::join!(open, engine);
        (session.unwrap(), asked, client)
    }

    /// Messages of the answer, and its status.
    async fn call(
        client: &mut Client,
        method: &str,
        directory: &str,
        messages: &[Vec<u8>],
    ) -> (Vec<Bytes>, String) {
        let body: Vec<u8> = messages.iter().flat_map(|message| framed(message)).collect();
        let request = Request::post(format!("http://engine{method}"))
            .header("dir-name", directory)
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        let response = client.send_request(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap();
        let status = body.trailers().unwrap()["grpc-status"].to_str().unwrap().to_owned();
        let mut rest = body.to_bytes();
        let mut out = Vec::new();
        while let Some(head) = rest.get(1..5) {
            let length = u32::from_be_bytes(head.try_into().unwrap()).try_into().unwrap();
            let mut message = rest.split_off(5);
            rest = message.split_off(length);
            out.push(message);
        }
        (out, status)
    }

    #[tokio::test]
    async fn the_engine_gets_what_it_asks_for_and_nothing_else() {
        let (session, asked, mut client) = session().await;
        assert!(asked.starts_with("POST /v1.41/session HTTP/1.1"), "{asked}");
        assert!(asked.contains(&session.id) && asked.contains("GetSecret"), "{asked}");
        let id = |id: &str| vec![IdRequest { id: id.to_owned() }.encode_to_vec()];
        let (answer, status) = call(&mut client, SECRET, "", &id("token")).await;
        assert_eq!(BytesMessage::decode(answer[0].clone()).unwrap().data, b"hunter2");
        assert_eq!(status, "0");
        assert_eq!(call(&mut client, SECRET, "", &id("other")).await, (vec![], "5".to_owned()));
        let agent = call(&mut client, CHECK_AGENT, "", &id("default")).await;
        assert_eq!(agent, (vec![], "5".to_owned()), "no agent is let in");
        assert_eq!(call(&mut client, "/x/Y", "", &[]).await.1, "12");
        assert_eq!(call(&mut client, HEALTH, "", &[]).await.1, "0");
        assert_eq!(call(&mut client, LOGIN, "", &[]).await.1, "0");
    }

    #[tokio::test]
    async fn files_are_listed_and_sent_when_they_are_asked_for() {
        let (_session, _, mut client) = session().await;
        let packet = |kind: PacketType| {
            Packet { kind: kind.into(), stat: None, id: 0, data: Vec::new() }.encode_to_vec()
        };
        let ask = [packet(PacketType::Request), packet(PacketType::Finished)];
        for (directory, path, text) in
            [("context", "a", &b"hello"[..]), ("dockerfile", "Dockerfile", b"FROM scratch")]
        {
            let (answer, status) = call(&mut client, FILES, directory, &ask).await;
            assert_eq!(status, "0");
            let packets: Vec<Packet> =
                answer.into_iter().map(|packet| Packet::decode(packet).unwrap()).collect();
            let kinds: Vec<PacketType> = packets.iter().map(Packet::kind).collect();
            let expected = [
                PacketType::Stat,
                PacketType::Stat,
                PacketType::Data,
                PacketType::Data,
                PacketType::Finished,
            ];
            assert_eq!(kinds, expected);
            let stat: &Stat = packets[0].stat.as_ref().unwrap();
            assert_eq!((stat.path.as_str(), stat.mode), (path, 0o644));
            assert_eq!(packets[1].stat, None, "ends the list");
            assert_eq!(packets[2].data, text);
            assert!(packets[3].data.is_empty(), "ends the file");
        }
    }
}
