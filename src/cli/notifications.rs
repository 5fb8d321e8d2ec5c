//! `notifications`: the channels of the settings, and a try of them.

use std::sync::Arc;

use clap::{Args, Subcommand};

use crate::alerts::{Channel, Digest, Outside, Way, deliver_once};
use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::notifying;
use crate::cli::output::{BAD, GOOD};
use crate::cli::table::{Cell, Table};
use crate::controller::{Clock, SystemClock};
use crate::source::read_secret;

/// Arguments of `notifications`.
#[derive(Clone, Debug, Args)]
pub struct NotificationsArgs {
    #[command(subcommand)]
    command: Option<NotificationsCommand>,
}

/// What about them.
#[derive(Clone, Debug, Subcommand)]
enum NotificationsCommand {
    /// Send a test to a channel; without a name, to all of them. Filters do not count
    Test {
        /// The channel
        channel: Option<String>,
    },
}

/// Lists the channels, or tries them: exit 1 if one did not take the message.
///
/// # Errors
/// The settings name no channel, or not this one.
pub(super) async fn run(args: &NotificationsArgs, context: &Context) -> Result<Outcome, CliError> {
    let Some(notifications) = notifying::notifications(context) else {
        context.out.note("the settings have no `notifications`");
        return Ok(Outcome::Done);
    };
    let Some(NotificationsCommand::Test { channel }) = &args.command else {
        context.out.result(&list(&notifications.channels))?;
        return Ok(Outcome::Done);
    };
    let wanted = |one: &&Channel| channel.as_ref().is_none_or(|name| *name == one.name);
    let channels: Vec<&Channel> = notifications.channels.iter().filter(wanted).collect();
    if let (Some(name), true) = (channel, channels.is_empty()) {
        return Err(CliError::usage(format!("the settings have no channel `{name}`"))
            .hint("`composelet notifications` lists them"));
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let mut digest = Digest::new(notifications.installation, notifications.pace, clock.now());
    let message = digest.test(clock.now());
    let outside = Outside {
        now: Arc::new(move || clock.now()),
        secret: Arc::new(read_secret),
        dropped: Arc::new(|_, _, _| {}),
    };
    let mut table = Table::new(&["CHANNEL", "RESULT"]);
    let mut outcome = Outcome::Done;
    for channel in channels {
        let cell = match deliver_once(channel, &message, &outside).await {
            Ok(()) => Cell::styled(GOOD, "taken"),
            Err(why) => {
                outcome = Outcome::Difference;
                Cell::styled(BAD, why)
            }
        };
        table.row(vec![channel.name.as_str().into(), cell]);
    }
    context.out.result(&table.render())?;
    Ok(outcome)
}

fn list(channels: &[Channel]) -> String {
    let mut table = Table::new(&["CHANNEL", "KIND", "TO", "SEVERITY", "PROJECTS"]);
    for channel in channels {
        let (kind, to) = match &channel.way {
            Way::Slack { url } => ("slack", url.place()),
            Way::Webhook { url, .. } => ("webhook", url.place()),
            Way::Email(mail) => ("email", mail.to.join(", ")),
        };
        let projects: Vec<&str> =
            channel.filter.projects.iter().map(crate::model::glob::Glob::as_str).collect();
        let projects = if projects.is_empty() { "all".to_owned() } else { projects.join(", ") };
        table.row(vec![
            channel.name.as_str().into(),
            kind.into(),
            to.into(),
            channel.filter.severity.word().into(),
            projects.into(),
        ]);
    }
    table.render()
}
