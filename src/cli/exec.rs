//! `exec`: a command inside a ready replica of a service, written down in the history.

use std::collections::BTreeMap;

use clap::Args;

use crate::cli::by_hand::{self, Deed};
use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::target::Target;
use crate::cli::{conversation, hidden_words, replica, terminal};
use crate::engine::Inside;
use crate::model::hook::HookCommand;
use crate::model::outcome::{Failure, FailureClass};
use crate::model::secret::Secret;

/// Arguments of `exec`.
#[derive(Clone, Debug, Args)]
pub struct ExecArgs {
    /// In what
    #[arg(value_name = "PROJECT/SERVICE")]
    target: Target,
    #[command(flatten)]
    how: HowArgs,
    /// The program and its arguments
    #[arg(
        value_name = "COMMAND",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    command: Vec<String>,
}

/// How a command runs inside; the same for `exec` and `shell`.
#[derive(Clone, Debug, Args)]
pub(super) struct HowArgs {
    /// In the container of this number; without it, in one that is ready
    #[arg(long, value_name = "N")]
    index: Option<u32>,
    /// As this user, `user[:group]`
    #[arg(short, long, value_name = "USER")]
    user: Option<String>,
    /// In this directory of the container
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// With this variable, NAME=VALUE; repeatable
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// With all capabilities
    #[arg(long)]
    privileged: bool,
    /// Without a terminal, although there is one
    #[arg(short = 'T', long)]
    no_tty: bool,
}

impl HowArgs {
    /// As root, unless another user was named.
    pub(super) fn with_root(mut self) -> Self {
        self.user.get_or_insert_with(|| "0".to_owned());
        self
    }
}

/// `NAME=VALUE` of an option.
///
/// # Errors
/// It is written otherwise.
pub(super) fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

/// Runs the command; its exit code is that of this process.
///
/// # Errors
/// As [`inside`].
pub(super) async fn run(args: &ExecArgs, context: &Context) -> Result<Outcome, CliError> {
    inside(context, (&args.target, &args.how), &args.command).await
}

/// Runs a command in a replica of a service.
///
/// # Errors
/// The service is not known or does not run, the policy refuses, the history cannot be written, or the engine fails.
pub(super) async fn inside(
    context: &Context,
    (target, how): (&Target, &HowArgs),
    command: &[String],
) -> Result<Outcome, CliError> {
    let engine = by_hand::engine(context).await?;
    let container = replica::choose(context, &engine, (target, how.index)).await?;
    let what = hidden_words::shown(command.iter().map(String::as_str));
    let told = |outcome: &str| {
        let (project, object) = (&target.project, container.name.as_str());
        let deed = Deed { project, action: "Exec", object, what: &what, outcome };
        by_hand::record(context, deed)
    };
    told("begun")?;
    let terminal = !how.no_tty && terminal::is_there();
    let wanted = Inside { command: hook(how, command), input: true, terminal };
    let ended = match engine.run_inside(&container.id, &wanted).await {
        Ok(running) => conversation::hold(context, &engine, running, terminal).await,
        Err(failure) => Err(refused(&failure)),
    };
    match &ended {
        Ok(code) => told(&format!("exit code {code}"))?,
        Err(error) => told(&format!("failed: {error}"))?,
    }
    // What does not fit is no success.
    ended.map(|code| Outcome::Exited(u8::try_from(code).unwrap_or(u8::MAX)))
}

fn hook(how: &HowArgs, command: &[String]) -> HookCommand {
    let variables = how.env.iter();
    let environment: BTreeMap<String, Option<Secret>> =
        variables.map(|(name, value)| (name.clone(), Some(Secret::from(value.as_str())))).collect();
    HookCommand {
        command: command.iter().map(|word| Secret::from(word.as_str())).collect(),
        user: how.user.clone(),
        privileged: how.privileged,
        working_dir: how.workdir.clone(),
        environment,
        hidden: Vec::new(),
    }
}

/// What the engine or the policy has against it.
pub(super) fn refused(failure: &Failure) -> CliError {
    let error = CliError::runtime(failure.message.clone());
    match failure.class {
        FailureClass::Denied => error.hint("the policy of this host refuses it: docs/policy.md"),
        FailureClass::NotFound => error.hint("it went away a moment ago; try again"),
        _ => error,
    }
}
