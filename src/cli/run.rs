//! `run`: the controller itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use futures::FutureExt;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cli::context::Context;
use crate::cli::duration;
use crate::cli::exit::{CliError, Outcome, chain};
use crate::cli::live;
use crate::controller::desired::compose::ComposeLoader;
use crate::controller::{
    Blocking, Connector, Controller, EventSink, Instance, Limits, Mode, OnceOptions, RunEnd,
    Settings, SystemClock, Watch, recognise,
};
use crate::engine::Engine;
use crate::ledger::Ledger;
use crate::manifest::HostChoices;
use crate::model::id::ProjectName;
use crate::model::path::PathMap;
use crate::model::policy::Policy;
use crate::source::{mount_namespace, traces};

/// How long the last events may take to be written after the controller has ended.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long a controller that left the work to another one does not try to get it back: the other one looks for the lock
/// every second, and what it begins with may take a while on a slow disk.
const PATIENCE: Duration = Duration::from_secs(15);

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
    let cancel = CancellationToken::new();
    let work = Work { args, context, environment, ledger, events };
    let end = Box::pin(until_signal(work.run(cancel.clone()), &cancel)).await?;
    // The controller and with it every sender is gone: the listener ends by itself.
    drop(tokio::time::timeout(LAST_WORDS, listener).await);
    outcome(end, context)
}

/// What controllers of this process are made of.
struct Work<'a> {
    args: &'a RunArgs,
    context: &'a Context,
    environment: BTreeMap<String, String>,
    ledger: Ledger,
    events: EventSink,
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
            let controller = self.controller(&connector, instance.clone());
            let end = Box::pin(controller.run(cancel.clone())).await;
            match (end, &mut instance) {
                (Ok(RunEnd::HandedOver), Some(instance)) => instance.patience = PATIENCE,
                (Ok(end), _) => return Ok(end),
                (Err(error), _) => return Err(CliError::runtime(chain(&error))),
            }
        }
    }

    fn controller(&self, connector: &Connector, instance: Option<Instance>) -> Controller {
        let paths = instance.as_ref().map(|one| one.own.paths.clone()).unwrap_or_default();
        let choices = HostChoices { paths: paths.clone(), ..self.context.settings.choices.clone() };
        let loader = ComposeLoader { environment: self.environment.clone(), choices };
        let controller = Controller::new(
            Settings { paths, ..settings(self.args, self.context) },
            Arc::clone(connector),
            self.ledger.clone(),
            Arc::new(loader),
            Arc::new(SystemClock::start()),
            self.events.clone(),
        );
        let settings = &self.context.settings;
        let controller = controller.syncing(settings.sources.clone(), settings.state_dir.clone());
        match instance {
            Some(instance) => controller.in_container(instance),
            None => controller,
        }
    }
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
        policy: Policy { installation, ..Policy::default() },
        limits: Limits::default(),
        blocking: Blocking::default(),
    }
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
