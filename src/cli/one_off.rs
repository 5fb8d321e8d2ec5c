//! `one-off`: a command in a container of its own, made as the service says, watched by a person, and gone afterwards.

use std::hash::{BuildHasher, RandomState};

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::backup_context::project;
use crate::cli::by_hand::{self, Deed};
use crate::cli::context::Context;
use crate::cli::exec::{refused, variable};
use crate::cli::exit::{CliError, Outcome};
use crate::cli::foresight::attended_container;
use crate::cli::target::Target;
use crate::cli::{conversation, hidden_words, terminal};
use crate::engine::Engine;
use crate::model::id::ContainerId;
use crate::model::secret::Secret;
use crate::planner::{Attended, AttendedContainer};

/// Exit code of a shell for a program that a signal ended: 128 and the signal.
const INTERRUPTED: u8 = 130;

/// Arguments of `one-off`.
#[derive(Clone, Debug, Args)]
pub struct OneOffArgs {
    /// Of what
    #[arg(value_name = "PROJECT/SERVICE")]
    target: Target,
    /// As this user, `user[:group]`
    #[arg(short, long, value_name = "USER")]
    user: Option<String>,
    /// In this directory of the container
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// With this variable, NAME=VALUE; repeatable
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// This program instead of the service's entrypoint
    #[arg(long, value_name = "PROGRAM")]
    entrypoint: Option<String>,
    /// Publish the ports of the service
    #[arg(short = 'P', long)]
    service_ports: bool,
    /// Leave the container when it has ended
    #[arg(long)]
    keep: bool,
    /// Without a terminal, although there is one
    #[arg(short = 'T', long)]
    no_tty: bool,
    /// The command and its arguments; without it the service's own
    #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// Runs the command; its exit code is that of this process.
///
/// # Errors
/// The service is not known or something that it needs is not there, the policy refuses, the history cannot be written, or
/// the engine fails.
pub(super) async fn run(args: &OneOffArgs, context: &Context) -> Result<Outcome, CliError> {
    let Some(service) = &args.target.service else {
        return Err(CliError::usage(format!("`{}` is a whole project", args.target))
            .hint(format!("name a service of it: {}/SERVICE", args.target)));
    };
    let engine = by_hand::engine(context).await?;
    let desired = project(context, &engine, &args.target).await?;
    let terminal = !args.no_tty && terminal::is_there();
    let wish = wish(args, terminal);
    let made = attended_container(context, &engine, (&desired, service), &wish).await?;
    let what = match args.command.as_slice() {
        [] => "the command of the service".to_owned(),
        words => hidden_words::shown(words.iter().map(String::as_str)),
    };
    let (project, object) = (&args.target.project, made.create.name.to_string());
    let told = |outcome: &str| {
        let deed = Deed { project, action: "OneOff", object: &object, what: &what, outcome };
        by_hand::record(context, deed)
    };
    told("begun")?;
    let id = engine.create_container(&made.create).await.map_err(|failure| refused(&failure))?;
    let ended = watched(context, &engine, (&id, &made), terminal).await;
    if !args.keep {
        let removed = engine.remove_one_off(&id).await;
        if let Err(failure) = removed {
            context.out.note(&format!("note: {object} is left: {}", failure.message));
        }
    }
    match &ended {
        Ok(code) => told(&format!("exit code {code}"))?,
        Err(error) => told(&format!("failed: {error}"))?,
    }
    ended.map(Outcome::Exited)
}

/// Starts the container and passes its streams on until it ends, or until this process is told to end.
async fn watched(
    context: &Context,
    engine: &Engine,
    (id, made): (&ContainerId, &AttendedContainer),
    terminal: bool,
) -> Result<u8, CliError> {
    let failed = |failure| refused(&failure);
    for (network, endpoint) in &made.connect {
        engine.connect_network(id, network, endpoint, &[]).await.map_err(failed)?;
    }
    let running = engine.attach(id, terminal).await.map_err(failed)?;
    engine.start_container(id).await.map_err(failed)?;
    let (mut interrupt, mut end) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let code = tokio::select! {
        code = conversation::hold(context, engine, running, terminal) => code?,
        // What nobody watches any more is stopped.
        _ = interrupt.recv() => return stopped(engine, id).await,
        _ = end.recv() => return stopped(engine, id).await,
    };
    // What does not fit is no success.
    Ok(u8::try_from(code).unwrap_or(u8::MAX))
}

async fn stopped(engine: &Engine, id: &ContainerId) -> Result<u8, CliError> {
    engine.stop_container(id, None).await.map_err(|failure| refused(&failure))?;
    Ok(INTERRUPTED)
}

fn wish(args: &OneOffArgs, terminal: bool) -> Attended {
    let words = |words: &[String]| words.iter().map(|word| Secret::from(word.as_str())).collect();
    let variables = args.env.iter();
    Attended {
        slug: slug(),
        command: (!args.command.is_empty()).then(|| words(&args.command)),
        entrypoint: args.entrypoint.as_ref().map(|program| words(std::slice::from_ref(program))),
        environment: variables
            .map(|(name, value)| (name.clone(), Secret::from(value.as_str())))
            .collect(),
        user: args.user.clone(),
        working_dir: args.workdir.clone(),
        ports: args.service_ports,
        terminal,
    }
}

/// Tells this container from others of the same service.
fn slug() -> String {
    let random = RandomState::new().hash_one(std::process::id());
    format!("{:012x}", random & 0xffff_ffff_ffff)
}
