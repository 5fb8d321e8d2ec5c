//! What people do inside of containers: through the same gate as the controller, and written down.

use std::fs;

use crate::cli::context::Context;
use crate::cli::exit::CliError;
use crate::cli::{foresight, policy};
use crate::engine::Engine;
use crate::ledger::HistoryRecord;
use crate::model::id::ProjectName;
use crate::model::status::ActionRecord;

/// The engine behind the policy of this host; the container of this process is out of reach.
///
/// # Errors
/// It cannot be reached.
pub(super) async fn engine(context: &Context) -> Result<Engine, CliError> {
    let engine = foresight::connect(context).await?;
    let paths = foresight::own_paths(context, &engine).await?;
    let near = (engine.socket(), engine.is_here());
    engine.admit(policy::admission(&context.settings, &paths, (near.0.as_deref(), near.1)));
    Ok(engine)
}

/// What is written down.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deed<'a> {
    /// Whose history.
    pub(super) project: &'a ProjectName,
    /// Kind, e.g. `Exec`.
    pub(super) action: &'a str,
    /// The container.
    pub(super) object: &'a str,
    /// What exactly, without secrets.
    pub(super) what: &'a str,
    /// How it went.
    pub(super) outcome: &'a str,
}

/// Writes it into the history of the project, with who did it.
///
/// # Errors
/// The history cannot be written: nothing should be done that nobody can read about.
pub(super) fn record(context: &Context, deed: Deed<'_>) -> Result<(), CliError> {
    let ledger = context.ledger()?;
    let at = context.now();
    let status = ledger.statuses().into_iter().find(|status| status.name == *deed.project);
    let message = format!("{}: {}", user(context), deed.what);
    let action = ActionRecord {
        at,
        action: deed.action.to_owned(),
        object: deed.object.to_owned(),
        reason: "ByHand".to_owned(),
        message: message.clone(),
        outcome: deed.outcome.to_owned(),
    };
    let record = HistoryRecord {
        at,
        generation: status.map_or(0, |status| status.generation),
        plan: format!("by hand: {} {}, {message}\n", deed.action, deed.object),
        actions: vec![action],
    };
    Ok(ledger.append_history(deed.project, &record)?)
}

/// The name of the user of this process, and on whose behalf sudo runs it.
fn user(context: &Context) -> String {
    let uid = rustix::process::getuid().as_raw();
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = name_of(&users, uid).unwrap_or_else(|| format!("uid {uid}"));
    let sudo = context.around.environment.get("SUDO_USER").filter(|_| uid == 0);
    match sudo {
        Some(person) => format!("{name} (sudo by {person})"),
        None => name,
    }
}

/// The name of a user in the form of /etc/passwd.
fn name_of(users: &str, uid: u32) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _, id) = (fields.next()?, fields.next()?, fields.next()?);
        (id.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_have_names() {
        let users = "root:x:0:0:root:/root:/bin/sh\nme:x:1000:1000::/home/me:/bin/sh\nbroken\n";
        assert_eq!(name_of(users, 1000).as_deref(), Some("me"));
        assert_eq!(name_of(users, 7), None);
    }
}
