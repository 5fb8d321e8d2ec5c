//! `run`: the controller itself.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use futures::FutureExt;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::alerts::{self, StatusTarget, TokenReader};
use crate::cli::context::Context;
use crate::cli::deliveries;
use crate::cli::duration;
use crate::cli::exit::{CliError, Outcome, chain};
use crate::cli::live;
use crate::controller::desired::compose::ComposeLoader;
use crate::controller::desired::decryption::Decryption;
use crate::controller::{
    Blocking, Clock, Connector, Controller, EventSink, Limits, Mode, OnceOptions, RunEnd, Settings,
    SystemClock, Watch,
};
use crate::engine::Engine;
use crate::http::{self, Outlets, WebhookSettings};
use crate::ledger::Ledger;
use crate::model::hint::SyncHint;
use crate::model::id::ProjectName;
use crate::model::path::PathMap;
use crate::model::policy::Policy;
use crate::source::read_secret;

/// How long the last events may take to be written after the controller has ended.
const LAST_WORDS: Duration = Duration::from_secs(2);
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
    let loader = ComposeLoader {
        environment: context.settings.with_env(&args.env, &context.around)?,
        choices: context.settings.choices.clone(),
        decryption: Decryption::new(context.settings.age_keys.clone()),
    };
    // A single run waits for nobody: it needs no hints.
    let webhooks = context.settings.webhooks.as_ref().filter(|_| !args.once);
    let webhooks = webhooks.map(|file| file.resolve(&context.around)).transpose()?;
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
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let cancel = CancellationToken::new();
    let mut controller = Controller::new(
        settings(args, context),
        connector(context),
        ledger.clone(),
        Arc::new(loader),
        Arc::clone(&clock),
        events.clone(),
    );
    let sources = context.settings.sources.clone();
    controller = controller.syncing(sources, context.settings.state_dir.clone());
    let mut edges = JoinSet::new();
    if let Some(webhooks) = webhooks {
        let (hints, heard) = mpsc::channel(HINTS);
        controller = controller.hearing(heard);
        listen(&mut edges, webhooks, (hints, clock), (ledger, events), &cancel);
    } else {
        drop(events);
    }
    // After a second signal nothing is waited for: the edges end with their set.
    let end = Box::pin(until_signal(controller, &cancel)).await?;
    cancel.cancel();
    drop(tokio::time::timeout(LAST_WORDS * 2, edges.join_all()).await);
    // The controller and with it every sender is gone: the listener ends by itself.
    drop(tokio::time::timeout(LAST_WORDS, listener).await);
    outcome(end, context)
}

/// Begins to listen for webhooks and to keep the log of what came.
fn listen(
    edges: &mut JoinSet<()>,
    webhooks: WebhookSettings,
    (hints, clock): (mpsc::Sender<SyncHint>, Arc<dyn Clock>),
    (ledger, events): (Ledger, EventSink),
    cancel: &CancellationToken,
) {
    let (deliveries, log) = mpsc::channel(DELIVERIES);
    let hooks = webhooks.hooks.iter().map(|hook| hook.name().to_owned()).collect();
    edges.spawn(deliveries::keep(log, ledger, events.clone(), hooks));
    let outlets = Outlets { hints, deliveries, clock };
    edges.spawn(http::listen(webhooks, outlets, events, cancel.clone()));
}

fn settings(args: &RunArgs, context: &Context) -> Settings {
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
    controller: Controller,
    cancel: &CancellationToken,
) -> Result<RunEnd, CliError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let running = controller.run(cancel.clone());
    tokio::pin!(running);
    loop {
        tokio::select! {
            // The run itself; polled in place, never dropped before its end but by a second signal.
            end = &mut running => return end.map_err(|error| CliError::runtime(chain(&error))),
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
        RunEnd::Stopped | RunEnd::Converged => Ok(Outcome::Done),
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
