//! `webhooks`: what came in, and what became of it.

use clap::{Args, ValueEnum};

use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::output::{BAD, GOOD, WARN};
use crate::cli::table::{Cell, Table};
use crate::cli::view;
use crate::model::hint::{Delivery, DeliveryOutcome};
use crate::model::time::Timestamp;

/// Arguments of `webhooks`.
#[derive(Clone, Debug, Args)]
pub struct WebhooksArgs {
    /// Only of this hook
    hook: Option<String>,
    /// How many deliveries, newest last
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 20)]
    last: usize,
    /// Form of the list
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: WebhooksForm,
}

/// Forms of the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum WebhooksForm {
    /// Aligned columns.
    #[default]
    Table,
    /// JSON.
    Json,
}

/// Prints the log of deliveries.
///
/// # Errors
/// The state directory cannot be used.
pub(super) fn run(args: &WebhooksArgs, context: &Context) -> Result<Outcome, CliError> {
    let mut deliveries = context.ledger()?.deliveries();
    deliveries.retain(|one| args.hook.as_ref().is_none_or(|hook| *hook == one.hook));
    deliveries.drain(..deliveries.len().saturating_sub(args.last));
    match args.output {
        WebhooksForm::Json => context.out.json(&deliveries)?,
        WebhooksForm::Table if deliveries.is_empty() => context.out.note("nothing came in yet"),
        WebhooksForm::Table => context.out.result(&table(&deliveries, context.now()))?,
    }
    Ok(Outcome::Done)
}

fn table(deliveries: &[Delivery], now: Timestamp) -> String {
    let mut table = Table::new(&["AGE", "HOOK", "FORGE", "OUTCOME", "TIMES", "FROM", "ABOUT"]);
    for one in deliveries {
        let style = match one.outcome {
            DeliveryOutcome::Accepted | DeliveryOutcome::Ignored => GOOD,
            DeliveryOutcome::Duplicate | DeliveryOutcome::RateLimited | DeliveryOutcome::Busy => {
                WARN
            }
            _ => BAD,
        };
        table.row(vec![
            view::age(now, Some(one.last)).into(),
            one.hook.as_str().into(),
            one.forge.as_str().into(),
            Cell::styled(style, one.outcome.word()),
            one.count.to_string().into(),
            one.from.as_str().into(),
            one.reason.as_str().into(),
        ]);
    }
    table.render()
}
