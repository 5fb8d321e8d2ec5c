//! The socket, and the way of one call through the rules.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::fault_proxy::answer::{Answer, Sent, reply};
use crate::fault_proxy::faults::{Fault, Moment};
use crate::fault_proxy::http::{Head, NETWORK_CREATE, Request};
use crate::fault_proxy::rule::Rule;
use crate::fault_proxy::trace::Trace;
use crate::sim::{CallKind, TracedCall};

/// A proxy that runs, in threads of its own: tests block theirs. Dropping it cuts all connections.
#[derive(Debug)]
pub(crate) struct Proxy {
    runtime: Option<Runtime>,
    shared: Arc<Shared>,
    /// Ends the listener and all its connections.
    listening: Mutex<CancellationToken>,
}

#[derive(Debug)]
struct Shared {
    socket: PathBuf,
    engine: PathBuf,
    begin: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    rules: Vec<Rule>,
    trace: Trace,
}

impl Proxy {
    /// Listens at `socket` for the engine behind `engine`.
    pub(crate) fn start(socket: &Path, engine: &Path) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (socket, engine) = (socket.to_owned(), engine.to_owned());
        let state = Mutex::default();
        let shared = Arc::new(Shared { socket, engine, begin: Instant::now(), state });
        let proxy = Self { runtime: Some(runtime), shared, listening: Mutex::default() };
        proxy.listen();
        proxy
    }

    /// Nobody listens any more, and every connection is cut: what the client sees when the daemon dies.
    pub(crate) fn refuse(&self) {
        self.lock_listening().cancel();
    }

    /// Listens again.
    pub(crate) fn listen(&self) {
        let token = CancellationToken::new();
        *self.lock_listening() = token.clone();
        drop(std::fs::remove_file(&self.shared.socket));
        let runtime = self.runtime.as_ref().unwrap();
        let _inside = runtime.enter();
        let listener = UnixListener::bind(&self.shared.socket).unwrap();
        runtime.spawn(accept(listener, Arc::clone(&self.shared), token));
    }

    /// The address as `--host` takes it.
    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.shared.socket.display())
    }

    /// One more rule, after those that are there.
    pub(crate) fn rule(&self, rule: Rule) {
        self.shared.lock().rules.push(rule);
    }

    /// From now on nothing goes wrong. What hangs goes on hanging.
    pub(crate) fn heal(&self) {
        self.shared.lock().rules.clear();
    }

    /// One line per call since the beginning.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.shared.lock().trace.lines()
    }

    /// All calls so far.
    pub(crate) fn calls(&self) -> Vec<TracedCall> {
        self.shared.lock().trace.calls()
    }

    /// Calls so far that change an object.
    pub(crate) fn changes(&self) -> Vec<TracedCall> {
        let mut calls = self.calls();
        calls.retain(|call| call.kind == CallKind::Mutating);
        calls
    }

    /// Whether every call that outlives its client has its effect: what a dead client asked for cannot come later.
    pub(crate) fn answered(&self) -> bool {
        self.changes().iter().all(|call| call.path != NETWORK_CREATE || call.status.is_some())
    }

    fn lock_listening(&self) -> MutexGuard<'_, CancellationToken> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        drop(std::fs::remove_file(&self.shared.socket));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Numbers a call and says what happens to it.
    fn begin(&self, request: &Request) -> (usize, Fault) {
        let mut state = self.lock();
        let picked: Vec<Fault> =
            state.rules.iter_mut().filter_map(|rule| rule.picks(request)).collect();
        let fault = picked.into_iter().next().unwrap_or(Fault::Pass);
        let index = state.trace.begin(request, self.begin.elapsed(), fault.word());
        (index, fault)
    }
}

async fn accept(listener: UnixListener, shared: Arc<Shared>, token: CancellationToken) {
    let mut calls = JoinSet::new();
    loop {
        tokio::select! {
            () = token.cancelled() => return,
            Some(_) = calls.join_next(), if !calls.is_empty() => {}
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    let shared = Arc::clone(&shared);
                    calls.spawn(async move { drop(serve(stream, &shared).await) });
                }
            }
        }
    }
}

/// One call per connection.
async fn serve(stream: UnixStream, shared: &Shared) -> io::Result<()> {
    let caller = stream.peer_cred()?.pid().and_then(Pid::from_raw);
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let Some(request) = Request::read(&mut read).await? else {
        return Ok(());
    };
    let (index, fault) = shared.begin(&request);
    if request.upgrades() {
        return plain(&request, read, write, shared, index).await;
    }
    let call = Call { request: &request, index, shared, caller };
    let mut rest = [0; 1];
    let stays = matches!(fault, Fault::Signal(Moment::After, _)) || request.outlives_its_client();
    tokio::select! {
        served = call.serve(&mut write, &fault) => served,
        // A client that goes away takes its call with it, as it would without us.
        _ = read.read(&mut rest), if !stays => Ok(()),
    }
}

/// What becomes a plain stream is only passed on.
async fn plain(
    request: &Request,
    mut read: impl tokio::io::AsyncRead + Unpin,
    mut write: OwnedWriteHalf,
    shared: &Shared,
    index: usize,
) -> io::Result<()> {
    let mut engine = UnixStream::connect(&shared.engine).await?;
    engine.write_all(&request.bytes()).await?;
    shared.lock().trace.end(index, 101);
    let (mut from, mut to) = engine.split();
    tokio::select! {
        copied = tokio::io::copy(&mut from, &mut write) => copied.map(drop),
        copied = async {
            tokio::io::copy(&mut read, &mut to).await?;
            to.shutdown().await?;
            std::future::pending().await
        } => copied,
    }
}

struct Call<'a> {
    request: &'a Request,
    index: usize,
    shared: &'a Shared,
    caller: Option<Pid>,
}

impl Call<'_> {
    async fn serve(&self, to: &mut OwnedWriteHalf, fault: &Fault) -> io::Result<()> {
        match fault {
            Fault::Answer(said) => {
                self.end(said.status);
                return reply(to, said).await;
            }
            Fault::Reset => {
                self.end(0);
                return Ok(());
            }
            Fault::HangBefore => std::future::pending().await,
            Fault::Delay(time) => tokio::time::sleep(*time).await,
            Fault::Signal(Moment::Before, signal) => {
                self.signal(*signal);
                if *signal == Signal::KILL {
                    self.end(0);
                    return Ok(());
                }
            }
            _ => {}
        }
        let mut answer = self.forward().await?;
        match fault {
            Fault::ForwardThenAnswer(said) => {
                self.drain(&mut answer).await?;
                self.end(said.status);
                return reply(to, said).await;
            }
            Fault::ForwardThenClose => {
                self.drain(&mut answer).await?;
                self.end(0);
                return Ok(());
            }
            Fault::HangAfter => {
                self.drain(&mut answer).await?;
                std::future::pending::<()>().await;
            }
            Fault::Signal(Moment::After, signal) if *signal == Signal::KILL => {
                self.drain(&mut answer).await?;
                self.end(answer.head.status);
                self.signal(*signal);
                return Ok(());
            }
            // What sleeps finds its answer when it wakes.
            Fault::Signal(Moment::After, signal) => self.signal(*signal),
            _ => {}
        }
        self.end(answer.head.status);
        let learn = |body: &[u8]| self.shared.lock().trace.learn(self.request, body);
        match answer.send(to, &self.request.method, fault, learn).await? {
            Sent::Whole => to.shutdown().await,
            Sent::Cut => Ok(()),
        }
    }

    async fn forward(&self) -> io::Result<Answer> {
        let forwarded = async {
            let mut engine = UnixStream::connect(&self.shared.engine).await?;
            engine.write_all(&self.request.bytes()).await?;
            let mut body = BufReader::new(engine);
            let head = Head::read(&mut body).await?;
            Ok(Answer { head, body })
        };
        let forwarded: io::Result<Answer> = forwarded.await;
        if forwarded.is_err() {
            self.end(0);
        }
        forwarded
    }

    /// Reads the answer, so that the effect is over.
    async fn drain(&self, answer: &mut Answer) -> io::Result<()> {
        let mut body = Vec::new();
        answer.body.read_to_end(&mut body).await?;
        self.shared.lock().trace.learn(self.request, &body);
        Ok(())
    }

    fn end(&self, status: u16) {
        self.shared.lock().trace.end(self.index, status);
    }

    fn signal(&self, signal: Signal) {
        let caller = self.caller.expect("the socket knows who calls");
        kill_process(caller, signal).ok();
    }
}
