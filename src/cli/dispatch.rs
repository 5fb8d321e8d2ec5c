//! From what was typed to the command that does it.

use clap::Parser;

use crate::cli::args::{Cli, Command};
use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::output::{self, Output};
use crate::cli::settings::{Settings, Surroundings};
use crate::cli::{
    abort, backup, config, confirm, cp, describe, diagnose, doctor, exec, gc, get, health, history,
    logs, notifications, one_off, plan, port, promote, purge, reconcile, restore, resume, rollback,
    rollout, run as controller, shell, sources, start, stop, suspend, validate, version, webhooks,
};

/// Reads the command line of this process. Help and version count as done, mistakes as usage errors; both were printed.
///
/// # Errors
/// The exit code of what clap had to say.
pub fn parse() -> Result<Cli, u8> {
    Cli::try_parse().map_err(|error| {
        output::clap_says(&error);
        if error.use_stderr() { 2 } else { 0 }
    })
}

/// Does what was typed. Failures are printed and returned.
///
/// # Errors
/// What the command could not do.
pub async fn run(cli: Cli) -> Result<Outcome, CliError> {
    let color = cli.global.color.unwrap_or_default();
    let result = Box::pin(resolve_and_run(cli)).await;
    if let Err(error) = &result {
        Output::new(color).error(error);
    }
    result
}

async fn resolve_and_run(cli: Cli) -> Result<Outcome, CliError> {
    let around = Surroundings::of_process()?;
    let settings = Settings::resolve(&cli.global, &around)?;
    let out = Output::new(settings.color);
    for note in &settings.notes {
        out.note(&format!("note: {note}"));
    }
    let context = Context { settings, around, out };
    match &cli.command {
        Command::Run(args) => Box::pin(controller::run(args, &context)).await,
        Command::Plan(args) => plan::run(args, &context).await,
        Command::Validate(args) => validate::run(args, &context),
        Command::Config(args) => config::run(args, &context),
        Command::Get(args) => get::run(args, &context).await,
        Command::Describe(args) => describe::run(args, &context),
        Command::Diagnose(args) => diagnose::run(args, &context).await,
        Command::Doctor(args) => Box::pin(doctor::run(args, &context)).await,
        Command::Confirm(args) => confirm::run(args, &context).await,
        Command::Stop(args) => stop::run(args, &context).await,
        Command::Start(args) => start::run(args, &context).await,
        Command::Purge(args) => Box::pin(purge::run(args, &context)).await,
        Command::Gc(args) => Box::pin(gc::run(args, &context)).await,
        Command::Suspend(args) => suspend::run(args, &context).await,
        Command::Resume(args) => resume::run(args, &context).await,
        Command::Rollback(args) => rollback::run(args, &context).await,
        Command::Promote(args) => promote::run(args, &context).await,
        Command::Abort(args) => abort::run(args, &context).await,
        Command::Rollout(args) => rollout::run(args, &context).await,
        Command::Backup(args) => Box::pin(backup::run(args, &context)).await,
        Command::Restore(args) => Box::pin(restore::run(args, &context)).await,
        Command::Reconcile(args) => reconcile::run(args, &context).await,
        Command::Sources(args) => sources::run(args, &context).await,
        Command::Logs(args) => logs::run(args, &context).await,
        Command::Exec(args) => Box::pin(exec::run(args, &context)).await,
        Command::Cp(args) => Box::pin(cp::run(args, &context)).await,
        Command::OneOff(args) => Box::pin(one_off::run(args, &context)).await,
        Command::Shell(args) => Box::pin(shell::run(args, &context)).await,
        Command::Port(args) => port::run(args, &context).await,
        Command::History(args) => history::run(args, &context),
        Command::Webhooks(args) => webhooks::run(args, &context),
        Command::Notifications(args) => notifications::run(args, &context).await,
        Command::Health(args) => health::run(args, &context),
        Command::Version(args) => version::run(args, &context),
    }
}
