//! `plan`: what the controller would do, without doing any of it: the same planner over a step in which everything
//! succeeds. Nothing is pulled, built, started or written.

use clap::{Args, ValueEnum};

use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::foresight::{self, Foreseen};
use crate::cli::{diagnostics, plan_text};
use crate::model::diagnostic::Severity;

/// Arguments of `plan`.
#[derive(Clone, Debug, Args)]
pub struct PlanArgs {
    /// Only these projects; repeatable
    #[arg(short, long = "project", value_name = "PROJECT")]
    projects: Vec<String>,
    /// Form
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: PlanForm,
    /// Let manifests use this variable of the environment; repeatable
    #[arg(long, value_name = "NAME")]
    env: Vec<String>,
}

/// Forms of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum PlanForm {
    /// The stable text form.
    #[default]
    Text,
    /// JSON.
    Json,
}

/// Prints the plans: exit 0 if nothing is to be done, 1 if something is.
///
/// # Errors
/// The engine cannot be reached, the watched directory cannot be read, or a manifest has errors; what could be planned
/// is printed first.
pub(super) async fn run(args: &PlanArgs, context: &Context) -> Result<Outcome, CliError> {
    let environment = context.settings.with_env(&args.env, &context.around)?;
    let foreseen = foresight::foresee(context, environment, &args.projects).await?;
    for project in &foreseen {
        let worth = project.diagnostics.iter().filter(|found| found.severity > Severity::Note);
        for found in worth {
            context.out.note(diagnostics::render(found).trim_end());
        }
    }
    match args.output {
        PlanForm::Text => context.out.result(&plan_text::text(&foreseen, context.now()))?,
        PlanForm::Json => context.out.json(&plan_text::json(&foreseen))?,
    }
    let broken: Vec<&str> = foreseen
        .iter()
        .filter(|project| project.is_broken())
        .map(|project| project.name.as_str())
        .collect();
    if !broken.is_empty() {
        return Err(CliError::runtime(format!("manifests with errors: {}", broken.join(", ")))
            .hint("until they are mended, their last good versions run on"));
    }
    if foreseen.iter().any(Foreseen::has_changes) {
        return Ok(Outcome::Difference);
    }
    Ok(Outcome::Done)
}
