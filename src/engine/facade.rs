//! The facade: one method per call of the Engine API that composelet uses.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::engine::admission::{Admission, Form};
use crate::engine::cache::InspectCache;
use crate::engine::call::{Call, CallCounts, Switchboard};
use crate::engine::docker::{
    Address, Client, Connector, EngineClient, connect_json, create_body, network_json, update_json,
    volume_json,
};
use crate::engine::failure::{CallError, Effect, classify};
use crate::engine::labels;
use crate::engine::parse;
use crate::engine::wire::ImageJson;
use crate::model::config::{Endpoint, Resources, RestartPolicy};
use crate::model::id::{ContainerId, ContainerName, Installation, NetworkId};
use crate::model::observed::EngineFacts;
use crate::model::outcome::{Failure, FailureClass};
use crate::model::plan::{CreateContainer, CreateNetwork, CreateVolume};
use crate::model::revision::Evidence;
use crate::model::time::Timestamp;

/// Tells the time of an observation.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Time beyond the grace in which a stop must have answered.
const STOP_MARGIN: Duration = Duration::from_secs(30);
/// Grace of a container that has none of its own, in seconds.
const DEFAULT_GRACE_S: u64 = 10;
/// The one change that the container of this process takes.
const RENAME: &str = "rename_container";
/// Time between two looks at a container that somebody else is removing.
const REMOVAL_POLL: Duration = Duration::from_millis(100);

/// A handle of one engine, cheaply cloned. It holds the negotiated client and negotiates again after every gap.
#[derive(Clone)]
pub struct Engine {
    pub(super) inner: Arc<Inner>,
}

/// What the clones share.
pub(super) struct Inner {
    pub(super) connector: Connector,
    pub(super) installation: Installation,
    pub(super) clock: Clock,
    pub(super) logins: Logins,
    pub(super) switchboard: Switchboard,
    pub(super) cache: Mutex<InspectCache>,
    session: Mutex<Session>,
    pub(super) admission: Mutex<Option<Arc<Admission>>>,
    /// The container that this process runs in, which no call may change.
    pub(super) own: Mutex<Option<ContainerId>>,
}

/// Where logins for registries come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Logins {
    /// From the Docker command line's configuration and its helpers.
    DockerConfig,
    /// There are none.
    Nowhere,
}

/// What was agreed with the engine last.
struct Session {
    client: Client,
    facts: EngineFacts,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("installation", &self.inner.installation)
            .field("facts", &self.facts())
            .finish_non_exhaustive()
    }
}

/// The wall clock of the moment of the call, moved on by the monotonic clock.
fn default_clock() -> Clock {
    let since_epoch = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let begin = Timestamp::default().plus(since_epoch);
    let at = Instant::now();
    Arc::new(move || begin.plus(at.elapsed()))
}

impl Engine {
    /// Connects to `unix://…`, `tcp://…`, `http://…` or `https://…` and agrees on an API version.
    ///
    /// # Errors
    /// `Unreachable` if nothing answers (try again), `Invalid` for an address that is none, or an engine older than 20.10.
    pub async fn connect(host: &str, installation: Installation) -> Result<Self, Failure> {
        Self::connect_with_clock(host, installation, default_clock()).await
    }

    /// As [`Engine::connect`], with the caller's clock.
    ///
    /// # Errors
    /// As above.
    pub async fn connect_with_clock(
        host: &str,
        installation: Installation,
        clock: Clock,
    ) -> Result<Self, Failure> {
        let connector = Connector::to_host(host).map_err(|error| classify(error, Effect::Read))?;
        Self::negotiated(connector, installation, clock, Logins::DockerConfig).await
    }

    /// Over a client that the caller made, e.g. with a transport that leads to a simulated engine. Registries are
    /// asked without logins.
    ///
    /// # Errors
    /// As above.
    pub async fn over(
        client: EngineClient,
        installation: Installation,
        clock: Clock,
    ) -> Result<Self, Failure> {
        let connector = Connector::over(client);
        Self::negotiated(connector, installation, clock, Logins::Nowhere).await
    }

    async fn negotiated(
        connector: Connector,
        installation: Installation,
        clock: Clock,
        logins: Logins,
    ) -> Result<Self, Failure> {
        let switchboard = Switchboard::default();
        let negotiation = connector.negotiate();
        let (client, mut facts) = switchboard.run(Call::read("negotiate", 10), negotiation).await?;
        facts.gap_ended = Some(clock());
        Ok(Self {
            inner: Arc::new(Inner {
                connector,
                installation,
                clock,
                logins,
                switchboard,
                cache: Mutex::default(),
                session: Mutex::new(Session { client, facts }),
                admission: Mutex::default(),
                own: Mutex::default(),
            }),
        })
    }

    /// What is known about the engine; `gap_ended` is the time of the last (re)connection.
    pub fn facts(&self) -> EngineFacts {
        locked(&self.inner.session).facts.clone()
    }

    /// Whether the engine is on this host, so that its containers can be reached: over a socket, or a loopback address.
    pub fn is_here(&self) -> bool {
        self.inner.connector.is_here()
    }

    /// The socket that it is reached by, if it is one.
    pub fn socket(&self) -> Option<String> {
        match &self.inner.connector.address {
            Some(Address::Unix(path)) => Some(path.display().to_string()),
            Some(Address::Tcp(_)) | None => None,
        }
    }

    /// How many calls there were.
    pub fn counts(&self) -> CallCounts {
        self.inner.switchboard.counts()
    }

    /// The client of the moment.
    pub(super) fn client(&self) -> Client {
        locked(&self.inner.session).client.clone()
    }

    /// Agrees on an API version again; the engine may be another version after a gap.
    pub(super) async fn renegotiate(&self) -> Result<(), Failure> {
        let negotiation = self.inner.connector.negotiate();
        let call = Call::read("negotiate", 10);
        let (client, mut facts) = self.inner.switchboard.run(call, negotiation).await?;
        facts.gap_ended = Some((self.inner.clock)());
        *locked(&self.inner.session) = Session { client, facts };
        Ok(())
    }

    /// Runs a call under its deadline.
    pub(super) async fn run<T>(
        &self,
        call: Call,
        work: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, Failure> {
        self.inner.switchboard.run(call, work).await
    }

    /// A change of a container: what was known of it no longer holds, however the call ended.
    async fn change<T>(
        &self,
        id: &ContainerId,
        call: Call,
        work: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, Failure> {
        if call.name != RENAME {
            self.guard(id)?;
        }
        let result = self.run(call, work).await;
        locked(&self.inner.cache).invalidate(id);
        result
    }

    /// A sign of life, within 5 s.
    ///
    /// # Errors
    /// `Unreachable` or `Engine`.
    pub async fn ping(&self) -> Result<(), Failure> {
        self.run(Call::read("ping", 5), self.client().ping()).await
    }

    /// Creates a network, with the check for duplicates that engines before API 1.44 leave out.
    ///
    /// # Errors
    /// `Conflict` if the name is taken, `Forbidden` or `Engine` if no addresses are left, `Denied` by the policy.
    pub async fn create_network(&self, create: &CreateNetwork) -> Result<NetworkId, Failure> {
        let client = self.client();
        let body = self.pass(Form::Network, network_json(create).map_err(unsendable)?).await?;
        let call = Call::mutating("create_network", 60);
        self.run(call, client.create_network(&body)).await
    }

    /// Removes a network; one that is gone is removed.
    ///
    /// # Errors
    /// `Forbidden` while a container is attached.
    pub async fn remove_network(&self, id: &NetworkId) -> Result<(), Failure> {
        let client = self.client();
        let call = Call::mutating("remove_network", 30);
        gone_is_done(self.run(call, client.remove_network(id)).await)
    }

    /// Creates a volume; one that is there stays as it is.
    ///
    /// # Errors
    /// `Conflict` if it is there with another driver.
    pub async fn create_volume(&self, create: &CreateVolume) -> Result<(), Failure> {
        let client = self.client();
        let body = self.pass(Form::Volume, volume_json(create).map_err(unsendable)?).await?;
        let call = Call::mutating("create_volume", 60);
        self.run(call, client.create_volume(&body)).await
    }

    /// Creates a container through [`create_body`], with the image that was planned.
    ///
    /// # Errors
    /// `Conflict` if the name is taken, or the reference leads to another image by now; `NotFound` without the image;
    /// `Invalid` for a bad value; `Denied` if the policy refuses it.
    pub async fn create_container(&self, create: &CreateContainer) -> Result<ContainerId, Failure> {
        let client = self.client();
        let (body, left_out) = create_body(create, client.api()).map_err(unsendable)?;
        for lacking in left_out {
            let (attribute, since) = (lacking.attribute, lacking.since.to_string());
            tracing::warn!(attribute, since, "left out: the engine is too old for it");
        }
        let image = client.inspect_image(&create.image);
        let image = self.run(Call::read("inspect_image", 5), image).await?;
        if image.id != create.image_id.as_str() {
            return Err(Failure {
                class: FailureClass::Conflict,
                message: format!("{} leads to another image by now", create.image),
            });
        }
        let body = self.pass(Form::Container { built: is_built_here(&image) }, body).await?;
        let platform = create.config.platform.as_deref();
        let work = client.create_container(&create.name, platform, &body);
        self.run(Call::mutating("create_container", 60), work).await
    }

    /// Attaches a container to a network; one that is attached stays so. `dns_names` become aliases too.
    ///
    /// # Errors
    /// `NotFound` if either is gone, `Forbidden` or `Engine` for a taken address.
    pub async fn connect_network(
        &self,
        container: &ContainerId,
        network: &NetworkId,
        endpoint: &Endpoint,
        dns_names: &[String],
    ) -> Result<(), Failure> {
        let client = self.client();
        let body = connect_json(container, (endpoint, dns_names), client.api());
        let body = body.map_err(unsendable)?;
        let body = self.pass_for((Form::Connect, container), body).await?;
        let work = client.connect_network(network, &body);
        let call = Call::mutating("connect_network", 30);
        match self.change(container, call, work).await {
            Err(failure) if failure.message.contains("already exists in network") => Ok(()),
            other => other,
        }
    }

    /// Detaches a container from a network; one that is not attached is detached.
    ///
    /// # Errors
    /// `Engine` and relatives.
    pub async fn disconnect_network(
        &self,
        container: &ContainerId,
        network: &NetworkId,
    ) -> Result<(), Failure> {
        let client = self.client();
        let work = client.disconnect_network(container, network);
        let call = Call::mutating("disconnect_network", 30);
        match gone_is_done(self.change(container, call, work).await) {
            Err(failure) if failure.message.contains("is not connected to") => Ok(()),
            other => other,
        }
    }

    /// Starts a container; one that runs goes on.
    ///
    /// # Errors
    /// `PortTaken`, `Invalid` for a program that is not there, `NotFound`, `Engine`.
    pub async fn start_container(&self, id: &ContainerId) -> Result<(), Failure> {
        let client = self.client();
        let call = Call::mutating("start_container", 60);
        self.change(id, call, client.start_container(id)).await
    }

    /// Gives a container another name; its own name is no error.
    ///
    /// # Errors
    /// `Conflict` if the name is taken, `NotFound`.
    pub async fn rename_container(
        &self,
        id: &ContainerId,
        to: &ContainerName,
    ) -> Result<(), Failure> {
        let client = self.client();
        let call = Call::mutating(RENAME, 10);
        let result = self.change(id, call, client.rename_container(id, to)).await;
        match result {
            Err(failure) if failure.message.contains("same name as its current name") => Ok(()),
            other => other,
        }
    }

    /// Changes limits and restart policy; absent values are left as they are.
    ///
    /// # Errors
    /// `Invalid` or `Engine` for what the kernel refuses, `NotFound`.
    pub async fn update_container(
        &self,
        id: &ContainerId,
        resources: Option<&Resources>,
        restart: Option<&RestartPolicy>,
    ) -> Result<(), Failure> {
        let client = self.client();
        let body = update_json(resources, restart).map_err(unsendable)?;
        let body = self.pass_for((Form::Update, id), body).await?;
        let call = Call::mutating("update_container", 10);
        let work = client.update_container(id, &body);
        self.change(id, call, work).await
    }

    /// Lets a frozen container go on.
    ///
    /// # Errors
    /// `Engine` if it is not frozen, `NotFound`.
    pub async fn unpause_container(&self, id: &ContainerId) -> Result<(), Failure> {
        let client = self.client();
        let call = Call::mutating("unpause_container", 30);
        self.change(id, call, client.unpause_container(id)).await
    }

    /// Removes a container that does not run; never forced, never with its volumes. One that is gone is removed; one
    /// that somebody else is removing is waited for.
    ///
    /// # Errors
    /// `Conflict` while it runs, or if another's removal does not end in time.
    pub async fn remove_container(&self, id: &ContainerId) -> Result<(), Failure> {
        let client = self.client();
        let call = Call::mutating("remove_container", 30);
        let work = async {
            match client.remove_container(id).await {
                Err(error) if is_removal_in_progress(&error) => {
                    Box::pin(until_gone(&client, id, error)).await
                }
                other => other,
            }
        };
        gone_is_done(self.change(id, call, work).await)
    }

    /// Stops a container: signal, grace, SIGKILL. One that does not run is stopped. Absent `timeout_s` is the
    /// container's own grace. Once begun the call runs to its end, even if the caller goes away: some engines kill at
    /// once when the client does.
    ///
    /// # Errors
    /// `Maybe` 30 s after the grace, `Engine` if it cannot be killed, `NotFound`.
    pub async fn stop_container(
        &self,
        id: &ContainerId,
        timeout_s: Option<u64>,
    ) -> Result<(), Failure> {
        let (engine, id) = (self.clone(), id.clone());
        let stop = tokio::spawn(async move {
            let client = engine.client();
            let grace = match timeout_s {
                Some(seconds) => seconds,
                None => engine.own_grace_s(&client, &id).await,
            };
            let call = Call {
                deadline: Duration::from_secs(grace) + STOP_MARGIN,
                ..Call::mutating("stop_container", 0)
            };
            engine.change(&id, call, client.stop_container(&id, timeout_s)).await
        });
        match stop.await {
            Ok(result) => result,
            Err(_) => Err(Failure {
                class: FailureClass::Maybe,
                message: "the stop was cut off by the end of the process".to_owned(),
            }),
        }
    }

    /// The grace that the container brings along, in seconds.
    pub(super) async fn own_grace_s(&self, client: &Client, id: &ContainerId) -> u64 {
        let look = client.inspect_container(id);
        let seen = self.run(Call::read("inspect_container", 5), look).await;
        seen.ok().and_then(|json| json.config.stop_timeout).unwrap_or(DEFAULT_GRACE_S)
    }

    /// The last lines of a container's output, at most 20 of at most 500 characters.
    ///
    /// # Errors
    /// `NotFound`, `Engine` if the log driver cannot be read.
    pub async fn logs_tail(&self, id: &ContainerId, lines: u32) -> Result<Vec<String>, Failure> {
        let client = self.client();
        self.run(Call::read("logs_tail", 10), client.logs_tail(id, lines)).await
    }

    /// What is kept of a container whose version failed.
    ///
    /// # Errors
    /// `NotFound`, `Engine`.
    pub async fn evidence(&self, id: &ContainerId) -> Result<Evidence, Failure> {
        let client = self.client();
        let call = Call::read("inspect_container", 10);
        self.run(call, client.inspect_container(id)).await.map(|json| parse::evidence(&json))
    }
}

/// Locks, whatever happened to the last holder: everything behind these locks is replaced as a whole.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A request that could not be written down.
pub(super) fn unsendable(text: String) -> Failure {
    classify(CallError::Refused(text), Effect::Mutating)
}

/// Whether an image was built on this host by us: registries know nothing of it. An image that came from one may carry any
/// label.
fn is_built_here(image: &ImageJson) -> bool {
    let labels = image.config.as_ref().and_then(|config| config.labels.as_ref());
    let built = labels.is_some_and(|labels| labels.contains_key(labels::BUILD));
    built && image.repo_digests.as_ref().is_none_or(Vec::is_empty)
}

/// What is gone need not be removed.
fn gone_is_done(result: Result<(), Failure>) -> Result<(), Failure> {
    match result {
        Err(failure) if failure.class == FailureClass::NotFound => Ok(()),
        other => other,
    }
}

fn is_removal_in_progress(error: &CallError) -> bool {
    matches!(error, CallError::Answer { status: 409, message }
        if message.contains("already in progress"))
}

/// Waits for somebody else's removal; `error` stands if it fails and leaves the container dead.
async fn until_gone(client: &Client, id: &ContainerId, error: CallError) -> Result<(), CallError> {
    loop {
        match client.inspect_container(id).await {
            Err(CallError::Answer { status: 404, .. }) => return Ok(()),
            Err(other) => return Err(other),
            Ok(json) if json.state.status.as_deref() == Some("removing") => {
                sleep(REMOVAL_POLL).await;
            }
            Ok(_) => return Err(error),
        }
    }
}
