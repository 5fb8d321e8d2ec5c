//! `health`: whether the controller of this container, or of this state directory, is well. For health checks.

use std::time::Duration;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::duration;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::published::Published;
use crate::model::own::InstanceStatus;
use crate::model::time::Timestamp;
use crate::source::mount_namespace;

/// An instance publishes every 10 s while it acts, every second while it stands by.
const SILENT_AFTER: Duration = Duration::from_secs(60);

/// Arguments of `health`.
#[derive(Clone, Debug, Args)]
pub struct HealthArgs {}

/// Says how the controller is: exit 0 if it acts or stands by, 1 if not. Neither the engine nor a project is asked.
///
/// # Errors
/// No controller has used the state directory.
pub(super) fn run(_args: &HealthArgs, context: &Context) -> Result<Outcome, CliError> {
    let ledger = context.ledger()?;
    let own = mount_namespace().and_then(|key| ledger.instance_status(&key));
    let verdict = match own {
        Some(status) => instance(&status, context.now()),
        None => published(&Published::read(context)?),
    };
    match verdict {
        Ok(role) => {
            context.out.result(&format!("{role}\n"))?;
            Ok(Outcome::Done)
        }
        Err(why) => {
            context.out.warn(&why);
            Ok(Outcome::Difference)
        }
    }
}

/// The word of the controller in this container.
fn instance(status: &InstanceStatus, now: Timestamp) -> Result<String, String> {
    let age = now.since(status.published_at);
    if age > SILENT_AFTER {
        return Err(format!("the controller has said nothing for {}", duration::format(age)));
    }
    // One that acts says by the conditions of its projects what it cannot do; a restart would not help it.
    if status.role == "standing by" && !status.trouble.is_empty() {
        return Err(format!("it could not take over: {}", status.trouble));
    }
    Ok(status.role.clone())
}

/// The word of the controller of this state directory.
fn published(published: &Published) -> Result<String, String> {
    match (published.staleness(), &published.controller) {
        (Some(why), _) => Err(why),
        (None, Some(controller)) => Ok(controller.role.clone()),
        (None, None) => Err("no controller has published anything yet".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_and_trouble_of_one_that_stands_by_are_no_health() {
        let now = Timestamp::from_millis(1_000_000);
        let status = |role: &str, trouble: &str, age_s: i64| InstanceStatus {
            container: "c1".into(),
            role: role.to_owned(),
            trouble: trouble.to_owned(),
            published_at: Timestamp::from_millis(1_000_000 - age_s * 1000),
        };
        assert_eq!(instance(&status("acting", "", 10), now), Ok("acting".to_owned()));
        assert_eq!(instance(&status("acting", "no directory", 10), now), Ok("acting".to_owned()));
        assert_eq!(instance(&status("standing by", "", 1), now), Ok("standing by".to_owned()));
        assert!(instance(&status("standing by", "no directory", 1), now).is_err());
        assert!(instance(&status("acting", "", 61), now).is_err());
    }
}
