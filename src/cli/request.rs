//! Requests to the controller, through the state directory: written, taken by the controller, answered.

use std::time::Duration;

use tokio::time::{Instant, interval};

use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::published::{self, Published};
use crate::cli::target::Target;
use crate::ledger::Request;

/// How long an answer is waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How often it is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Submits a request and waits for its answer. Without a controller it stays stored until one begins.
///
/// # Errors
/// The state directory cannot be used, or the controller refused.
pub(super) async fn send(context: &Context, request: &Request) -> Result<Outcome, CliError> {
    let ledger = context.ledger()?;
    let runs = Published::read(context)?.controller_runs();
    let id = ledger.submit(request)?;
    if !runs {
        context.out.warn("no controller runs; the request is stored and applied when one begins");
        return Ok(Outcome::Difference);
    }
    let deadline = Instant::now() + ANSWER_WITHIN;
    let mut ticks = interval(LOOK_EVERY);
    while Instant::now() < deadline {
        ticks.tick().await;
        if let Some(answer) = ledger.take_answer(&id) {
            if let Some(why) = answer.strip_prefix("refused: ") {
                return Err(CliError::runtime(why));
            }
            context.out.result(&format!("{answer}\n"))?;
            return Ok(Outcome::Done);
        }
    }
    context.out.warn("the controller did not answer within 10 s; the request stays stored");
    Ok(Outcome::TimedOut)
}

/// Refuses a target that is not known, so that a typing mistake is told at once.
///
/// # Errors
/// The project or the service is not known.
pub(super) fn check_target(context: &Context, target: &Target) -> Result<(), CliError> {
    let known = Published::read(context)?;
    let project = known.project(target.project.as_str())?;
    match &target.service {
        Some(service) => published::service(project, service.as_str()).map(|_| ()),
        None => Ok(()),
    }
}
