//! `run`: the controller itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use futures::FutureExt;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::alerts::{self, StatusTarget, TokenReader};
use crate::cli::backup_context;
use crate::cli::context::Context;
use crate::cli::deliveries;
use crate::cli::duration;
use crate::cli::exit::{CliError, Outcome, chain};
use crate::cli::live;
use crate::cli::notifying;
use crate::controller::desired::compose::ComposeLoader;
use crate::controller::desired::decryption::Decryption;
use crate::controller::{
    Blocking, Clock, Connector, Controller, EventSink, HostDisks, Instance, Limits, Mode,
    OnceOptions, RunEnd, RunError, Settings, SystemClock, Tidy, Watch, recognise,
};
use crate::engine::Engine;
use crate::http::{self, ApiSettings, Outlets, WebhookSettings};
use crate::ledger::Ledger;
use crate::manifest::HostChoices;
use crate::model::id::ProjectName;
use crate::model::path::PathMap;
use crate::model::policy::Policy;
use crate::source::{mount_namespace, read_secret, traces};

/// How long the last events may take to be written after the controller has ended.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long a controller that left the work to another one does not try to get it back: the other one looks for the lock
/// every second, and what it begins with may take a while on a slow disk.
const PATIENCE: Duration = Duration::from_secs(15);
/// Hints that may wait for the controller.
const HINTS: usize = 64;
/// Deliveries that may wait for their log.
const DELIVERIES: usize = 256;

/// Arguments of `run`.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// End when nothing is left to do: exit 0 if all is well, 1 if not
    #[arg(long)]
    once: bool,
    /// With --once: wait until the last services are healthy too
    #[arg(long, requires = "once")]
    wait: bool,
    /// With --once: give up after this time, exit 4
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "10m")]
    timeout: Duration,
    /// Only this project; repeatable. The others are left as they are
    #[arg(short, long = "project", value_name = "PROJECT")]
    projects: Vec<String>,
    /// Read the directory at intervals instead of watching it, for file systems that tell nothing
    #[arg(long)]
    poll: bool,
    /// Let manifests use this variable of the environment; repeatable
    #[arg(long, value_name = "NAME")]
    env: Vec<String>,
}

/// Runs the controller until SIGTERM or SIGINT, or until nothing is left to do. Its end touches no container.
///
/// # Errors
/// The state directory cannot be used, or another controller holds it (`--once` only; else this one stands by).
pub(super) async fn run(args: &RunArgs, context: &Context) -> Result<Outcome, CliError> {
    let environment = context.settings.with_env(&args.env, &context.around)?;
    // A single run waits for nobody: it needs no hints.
    let webhooks = context.settings.webhooks.as_ref().filter(|_| !args.once);
    let webhooks = webhooks.map(|file| file.resolve(&context.around)).transpose()?;
    let api = if args.once {
        None
    } else {
        Some(context.settings.api.resolve(&context.settings.state_dir)?)
    };
    let ledger = Ledger::open(&context.settings.state_dir).map_err(|error| {
        CliError::runtime(format!("{}: {}", context.settings.state_dir.display(), chain(&error)))
            .hint("name another state directory with --state-dir")
    })?;
    live::install_log(&context.settings, context.out)?;
    let events = EventSink::default();
    let listener = tokio::spawn(live::listen(
        events.subscribe(),
        live::Sink::new(&context.settings, context.out),
    ));
    let statuses = commit_statuses(context);
    if !statuses.is_empty() {
        // It ends with the last sender of events.
        drop(tokio::spawn(alerts::report(events.subscribe(), statuses)));
    }
    let notifying = notifying::begin(context, &ledger, &events);
    let cancel = CancellationToken::new();
    let edges = Edges { webhooks, api };
    let work = Work { args, context, environment, edges, ledger, events };
    let end = Box::pin(until_signal(work.run(cancel.clone()), &cancel)).await;
    notifying.end().await;
    let end = end?;
    // The controller and with it every sender is gone: the listener ends by itself.
    drop(tokio::time::timeout(LAST_WORDS, listener).await);
    outcome(end, context)
}

/// What controllers of this process are made of.
struct Work<'a> {
    args: &'a RunArgs,
    context: &'a Context,
    environment: BTreeMap<String, String>,
    edges: Edges,
    ledger: Ledger,
    events: EventSink,
}

/// What listens beside the controller; a single run has none of it.
struct Edges {
    webhooks: Option<WebhookSettings>,
    api: Option<ApiSettings>,
}

impl Work<'_> {
    /// Runs a controller, and another one after it if it left the work to somebody who may fail at it.
    async fn run(self, cancel: CancellationToken) -> Result<RunEnd, CliError> {
        let connector = connector(self.context);
        let mut instance = match mount_namespace() {
            Some(key) => recognise(&connector, &traces(), &cancel).await.map(|own| Instance {
                own,
                key,
                patience: Duration::ZERO,
            }),
            None => None,
        };
        if let Some(instance) = &instance {
            let (name, id) = (&instance.own.name, instance.own.id.short());
            tracing::info!(%name, id, "running in a container, which is left alone");
        }
        loop {
            let end = self.turn(&connector, instance.clone(), &cancel).await;
            match (end, &mut instance) {
                (Ok(RunEnd::HandedOver), Some(instance)) => instance.patience = PATIENCE,
                (Ok(end), _) => return Ok(end),
                (Err(error), _) => return Err(CliError::runtime(chain(&error))),
            }
        }
    }

    /// One controller, from standing by to its end. Webhooks are listened to while it acts, and by nobody else: the port
    /// may be that of the controller that it waits for, and a hint is of use to the one that acts.
    async fn turn(
        &self,
        connector: &Connector,
        instance: Option<Instance>,
        cancel: &CancellationToken,
    ) -> Result<RunEnd, RunError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let mut controller = self.controller((connector, instance), Arc::clone(&clock));
        let (mut edges, ended) = (JoinSet::new(), cancel.child_token());
        if let Some(api) = self.edges.api.clone() {
            edges.spawn(http::listen_api(api, controller.handle(), ended.clone()));
        }
        if let Some(webhooks) = self.edges.webhooks.clone() {
            let ((hints, heard), leading) = (mpsc::channel(HINTS), Arc::new(Notify::new()));
            controller = controller.hearing(heard).telling(Arc::clone(&leading));
            let (deliveries, log) = mpsc::channel(DELIVERIES);
            let hooks = webhooks.hooks.iter().map(|hook| hook.name().to_owned()).collect();
            let log = deliveries::keep(log, self.ledger.clone(), self.events.clone(), hooks);
            edges.spawn(log);
            let outlets = Outlets { hints, deliveries, clock };
            let listening = http::listen(webhooks, outlets, self.events.clone(), ended.clone());
            let over = ended.clone();
            edges.spawn(async move {
                // Both are cancel safe: nothing is lost with a wait.
                tokio::select! {
                    () = leading.notified() => listening.await,
                    () = over.cancelled() => {}
                }
            });
        }
        let end = Box::pin(controller.run(cancel.clone())).await;
        ended.cancel();
        // After a second signal nothing is waited for: the edges end with their set.
        drop(tokio::time::timeout(LAST_WORDS * 2, edges.join_all()).await);
        end
    }

    fn controller(
        &self,
        (connector, instance): (&Connector, Option<Instance>),
        clock: Arc<dyn Clock>,
    ) -> Controller {
        let settings = &self.context.settings;
        let paths = instance.as_ref().map(|one| one.own.paths.clone()).unwrap_or_default();
        let choices = HostChoices { paths: paths.clone(), ..settings.choices.clone() };
        let decryption = Decryption::new(settings.age_keys.clone());
        let loader = ComposeLoader { environment: self.environment.clone(), choices, decryption };
        let controller = Controller::new(
            Settings { paths, ..controller_settings(self.args, self.context) },
            Arc::clone(connector),
            self.ledger.clone(),
            Arc::new(loader),
            clock,
            self.events.clone(),
        );
        let controller = controller.syncing(settings.sources.clone(), settings.state_dir.clone());
        let controller = controller.keeping(Tidy {
            policy: settings.garbage.clone(),
            state: settings.state_dir.clone(),
            disks: Arc::new(HostDisks),
        });
        let directory = backup_context::directory(self.context);
        let controller = controller.saving_to(directory, backup_context::opened_with(self.context));
        match instance {
            Some(instance) => controller.in_container(instance),
            None => controller,
        }
    }
}

fn controller_settings(args: &RunArgs, context: &Context) -> Settings {
    let once = OnceOptions { wait: args.wait, timeout: args.timeout };
    let poll = args.poll || context.settings.poll;
    let installation = context.settings.installation.clone();
    Settings {
        desired_state: context.settings.desired_state.clone(),
        mode: if args.once { Mode::Once(once) } else { Mode::Run },
        projects: args.projects.iter().map(|name| ProjectName::from(name.as_str())).collect(),
        watch: if poll { Watch::Poll } else { Watch::Auto },
        paths: PathMap::default(),
        content: context.settings.state_dir.join("content"),
        policy: Policy {
            installation,
            rules: Arc::clone(&context.settings.rules),
            rotation: context.settings.rotation.clone(),
            ..Policy::default()
        },
        limits: Limits::default(),
        blocking: Blocking::default(),
    }
}

/// Forges that are told the states of commits.
fn commit_statuses(context: &Context) -> Vec<StatusTarget> {
    let sources = context.settings.sources.iter();
    let told = sources.filter_map(|source| {
        let status = source.status.clone()?;
        let directory = context.settings.desired_state.join(source.into.as_str());
        let place = status.token.clone();
        let token: TokenReader = Arc::new(move || read_secret(&place));
        Some(StatusTarget { directory: directory.as_path().to_path_buf(), status, token })
    });
    told.collect()
}

fn connector(context: &Context) -> Connector {
    let host = context.settings.host.clone();
    let installation = context.settings.installation.clone();
    Arc::new(move || {
        let (host, installation) = (host.clone(), installation.clone());
        async move { Engine::connect(&host, installation).await }.boxed()
    })
}

/// Runs until a signal asks it to stop; a second signal does not wait for anything.
async fn until_signal(
    running: impl Future<Output = Result<RunEnd, CliError>>,
    cancel: &CancellationToken,
) -> Result<RunEnd, CliError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::pin!(running);
    loop {
        tokio::select! {
            // The run itself; polled in place, never dropped before its end but by a second signal.
            end = &mut running => return end,
            // Cancel safe: a signal that came stays noted. The streams never close.
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        if cancel.is_cancelled() {
            return Err(CliError::runtime("stopped at once by a second signal"));
        }
        cancel.cancel();
    }
}

fn outcome(end: RunEnd, context: &Context) -> Result<Outcome, CliError> {
    match end {
        RunEnd::Stopped | RunEnd::HandedOver | RunEnd::Converged => Ok(Outcome::Done),
        RunEnd::NotConverged => {
            context.out.warn("not everything is as declared; `composelet describe` says why");
            Ok(Outcome::Difference)
        }
        RunEnd::TimedOut => {
            context.out.warn("time is up; `composelet describe` says what was waited for");
            Ok(Outcome::TimedOut)
        }
        RunEnd::LockHeld => Err(CliError::runtime("another controller holds the lock")
            .hint("ask that one with `composelet reconcile --wait`, or stop it")),
    }
}
