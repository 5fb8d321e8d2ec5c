//! `validate`: what is wrong with manifests, where, and what to do. Needs no engine and no controller.

use std::path::PathBuf;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::manifests::{self, Reading};
use crate::cli::{diagnostics, view};
use crate::manifest::{Dialect, HostChoices};
use crate::model::diagnostic::Severity;

/// Arguments of `validate`.
#[derive(Clone, Debug, Args)]
pub struct ValidateArgs {
    /// Files, directories of projects, or directories with projects [default: the watched directory]
    paths: Vec<PathBuf>,
    /// Let manifests use this variable of the environment; repeatable
    #[arg(long, value_name = "NAME")]
    env: Vec<String>,
}

/// Checks, and prints every finding.
///
/// # Errors
/// A path is not there, or the watched directory cannot be read.
pub(super) fn run(args: &ValidateArgs, context: &Context) -> Result<Outcome, CliError> {
    let reading = Reading {
        environment: context.settings.with_env(&args.env, &context.around)?,
        choices: HostChoices::default(),
        dialect: Dialect::Controller,
    };
    let mut entries = Vec::new();
    for path in &args.paths {
        entries.extend(manifests::entries_at(context, path)?);
    }
    if args.paths.is_empty() {
        entries = manifests::entries_of_root(&context.settings.desired_state)?;
    }
    let mut outcome = Outcome::Done;
    for entry in &entries {
        let loaded = reading.load(entry)?;
        let errors = count(&loaded.diagnostics, Severity::Error);
        let warnings = count(&loaded.diagnostics, Severity::Warning);
        for found in &loaded.diagnostics {
            context.out.result(&diagnostics::render(found))?;
        }
        let name = loaded.name.as_ref().map_or("(no name)", |name| name.as_str());
        let path = entry.path().display();
        let verdict = match errors {
            0 => diagnostics::good("valid"),
            _ => diagnostics::bad("invalid"),
        };
        context.out.result(&format!(
            "{path}: project {name}: {verdict}, {}, {}\n",
            view::count(errors, "error"),
            view::count(warnings, "warning")
        ))?;
        if errors > 0 {
            outcome = Outcome::Difference;
        }
    }
    if entries.is_empty() {
        context.out.note("there is no project to check");
    }
    Ok(outcome)
}

fn count(found: &[crate::model::diagnostic::Diagnostic], severity: Severity) -> usize {
    found.iter().filter(|found| found.severity == severity).count()
}
