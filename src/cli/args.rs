//! First stage: what was typed. Nothing is resolved here; [`crate::cli::settings`] does that.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::cli::output::Color;
use crate::cli::{
    abort, backup, config, confirm, cp, describe, diagnose, doctor, exec, gc, get, health, history,
    logs, notifications, one_off, plan, port, promote, purge, reconcile, restore, resume, rollback,
    rollout, run, shell, sources, start, stop, suspend, validate, version, webhooks,
};

/// Keeps the containers of a Docker host as the Compose files of a directory say.
#[derive(Debug, Parser)]
#[command(name = "composelet", version, propagate_version = true, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 done, 1 difference or condition not reached, 2 usage or runtime error, \
3 not found, 4 timed out, 5 rolled back."
)]
pub struct Cli {
    /// Settings of every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Settings that every command takes. Each may also stand in the settings file; a flag wins over the environment, the
/// environment over the file.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Directory with the manifests [default: ./desired-state]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "COMPOSELET_DESIRED_STATE",
        hide_env_values = true
    )]
    pub desired_state: Option<PathBuf>,
    /// Directory that the controller remembers in [default: /var/lib/composelet, or the user's state directory]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "COMPOSELET_STATE_DIR",
        hide_env_values = true
    )]
    pub state_dir: Option<PathBuf>,
    /// Which of several controllers on one engine this is [default: default]
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "COMPOSELET_INSTALLATION",
        hide_env_values = true
    )]
    pub installation: Option<String>,
    /// The engine: unix://PATH, tcp://HOST:PORT or http://HOST:PORT; contexts of `docker context` are not read
    /// [default: unix:///var/run/docker.sock]
    #[arg(
        short = 'H',
        long,
        global = true,
        value_name = "URL",
        env = "DOCKER_HOST",
        hide_env_values = true
    )]
    pub host: Option<String>,
    /// Settings file, outside of the watched directory; its keys are these flags with `_` for `-`
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "COMPOSELET_CONFIG",
        hide_env_values = true
    )]
    pub config: Option<PathBuf>,
    /// Form of the log [default: text]
    #[arg(long, global = true, value_name = "FORM")]
    pub log_format: Option<LogFormat>,
    /// Least important level that is logged [default: info]
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log_level: Option<LogLevel>,
    /// When colours are used; NO_COLOR is honoured [default: auto]
    #[arg(long, global = true, value_name = "WHEN")]
    pub color: Option<Color>,
}

/// Form of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Least important level that is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Failures.
    Error,
    /// And what needs a look.
    Warn,
    /// And what is done.
    #[default]
    Info,
    /// And why.
    Debug,
    /// Everything.
    Trace,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the controller
    Run(run::RunArgs),
    /// Show what would be done, without doing it: exit 0 nothing, 1 changes, 2 error
    Plan(plan::PlanArgs),
    /// Check manifests: what is wrong, where, and what to do
    Validate(validate::ValidateArgs),
    /// Print a project as it is understood, in the form of `docker compose config`
    Config(config::ConfigArgs),
    /// List projects, services or containers from the published status
    Get(get::GetArgs),
    /// Show one project, service or container: conditions, holds, failures, next tries, log lines, recent actions
    Describe(describe::DescribeArgs),
    /// Name what is wrong with a project or service, with evidence and mend: exit 0 nothing, 1 findings
    Diagnose(diagnose::DiagnoseArgs),
    /// Check whether this host is fit for its projects: exit 0 nothing failed, 1 something did
    Doctor(doctor::DoctorArgs),
    /// Allow what waits for a person: a mass removal or an adoption
    Confirm(confirm::ConfirmArgs),
    /// Stop containers for a repair, and keep them stopped until `start` or a set time
    Stop(stop::StopArgs),
    /// Start what was stopped
    Start(start::StartArgs),
    /// Destroy the volumes of a project that is stopped or gone
    Purge(purge::PurgeArgs),
    /// Remove images that this controller brought here and that nobody needs any more
    Gc(gc::GcArgs),
    /// Look and report, but do nothing, for a project or service
    Suspend(suspend::SuspendArgs),
    /// End a suspension, a pause or a rollback
    Resume(resume::ResumeArgs),
    /// Run an earlier revision until `resume` or an edit
    Rollback(rollback::RollbackArgs),
    /// Go on with a new version that stands beside the old one, or give the images of one project to another
    Promote(promote::PromoteArgs),
    /// Give up a new version that is being rolled out: the last one that held runs again
    Abort(abort::AbortArgs),
    /// How a new version gets on, and what can be done about it
    Rollout(rollout::RolloutArgs),
    /// Make, list, check and remove backups
    Backup(backup::BackupArgs),
    /// Put a backup of a service in the place of what is there
    Restore(restore::RestoreArgs),
    /// Look again now and forget back-offs
    Reconcile(reconcile::ReconcileArgs),
    /// List git sources, look at one now, or accept a rewritten history
    Sources(sources::SourcesArgs),
    /// Print what containers write, as one log in order of time
    Logs(logs::LogsArgs),
    /// Run a command in a ready container of a service; its exit code is that of this command
    Exec(exec::ExecArgs),
    /// Run a command in a new container made as a service says, and remove it afterwards; as `docker compose run --rm`
    OneOff(one_off::OneOffArgs),
    /// Copy files out of a ready container of a service, or into it
    Cp(cp::CpArgs),
    /// Open a shell in a ready container of a service
    Shell(shell::ShellArgs),
    /// Print where the ports of a service are published
    Port(port::PortArgs),
    /// Show what was done to a project and why
    History(history::HistoryArgs),
    /// Show what was sent to the hooks of this host, and what became of it
    Webhooks(webhooks::WebhooksArgs),
    /// List the channels that are told of what happens, or try them
    Notifications(notifications::NotificationsArgs),
    /// Say whether the controller is well: exit 0 yes, 1 no; for health checks
    Health(health::HealthArgs),
    /// Print the version
    Version(version::VersionArgs),
}
