//! `validate`: what is wrong with manifests, where, and what to do. Needs no engine and no controller.

use std::path::PathBuf;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::manifests::{self, Reading};
use crate::cli::{diagnostics, policy, view};
use crate::manifest::suggest::nearest;
use crate::manifest::{Dialect, LINTS};
use crate::model::diagnostic::Severity;

/// Arguments of `validate`.
#[derive(Clone, Debug, Args)]
pub struct ValidateArgs {
    /// Files, directories of projects, or directories with projects [default: the watched directory]
    paths: Vec<PathBuf>,
    /// Let manifests use this variable of the environment; repeatable
    #[arg(long, value_name = "NAME")]
    env: Vec<String>,
    /// A warning is an error, too
    #[arg(long)]
    strict: bool,
    /// Leave out warnings and notes with this code; repeatable. Codes stand in brackets, and in docs/lints.md
    #[arg(long, value_name = "CODE")]
    allow: Vec<String>,
}

/// Checks, and prints every finding.
///
/// # Errors
/// A path is not there, the watched directory cannot be read, or a code is not known.
pub(super) fn run(args: &ValidateArgs, context: &Context) -> Result<Outcome, CliError> {
    check_codes(&args.allow)?;
    let reading = Reading {
        environment: context.settings.with_env(&args.env, &context.around)?,
        choices: context.settings.choices.clone(),
        dialect: Dialect::Controller,
        decryption: manifests::decryption(context),
    };
    let mut entries = Vec::new();
    for path in &args.paths {
        entries.extend(manifests::entries_at(context, path)?);
    }
    if args.paths.is_empty() {
        entries = manifests::entries_of_root(&context.settings.desired_state)?;
    }
    let admission = policy::local(&context.settings);
    let mut outcome = Outcome::Done;
    let mut idle = context.settings.choices.projects.clone();
    for entry in &entries {
        let mut loaded = reading.load(entry)?;
        loaded
            .diagnostics
            .retain(|found| found.severity == Severity::Error || !args.allow.contains(&found.code));
        let refused = loaded.project.iter();
        loaded.diagnostics.extend(refused.flat_map(|one| policy::findings(one, &admission)));
        let errors = count(&loaded.diagnostics, Severity::Error);
        let warnings = count(&loaded.diagnostics, Severity::Warning);
        for found in &loaded.diagnostics {
            context.out.result(&diagnostics::render(found))?;
        }
        idle.retain(|name, _| loaded.name.as_ref() != Some(name));
        let name = loaded.name.as_ref().map_or("(no name)", |name| name.as_str());
        let path = entry.path().display();
        let bad = errors > 0 || args.strict && warnings > 0;
        let verdict = if bad { diagnostics::bad("invalid") } else { diagnostics::good("valid") };
        context.out.result(&format!(
            "{path}: project {name}: {verdict}, {}, {}\n",
            view::count(errors, "error"),
            view::count(warnings, "warning")
        ))?;
        if bad {
            outcome = Outcome::Difference;
        }
    }
    for name in idle.keys().filter(|_| args.paths.is_empty()) {
        context.out.note(&format!("the settings choose for {name}, which is no project here"));
    }
    if entries.is_empty() {
        context.out.note("there is no project to check");
    }
    Ok(outcome)
}

/// Only what is no error can be allowed, and only by a name that exists.
fn check_codes(codes: &[String]) -> Result<(), CliError> {
    for code in codes {
        if LINTS.iter().any(|lint| lint.code == code) {
            continue;
        }
        let error = CliError::usage(format!("there is no warning {code}"));
        let near = nearest(code, LINTS.iter().map(|lint| lint.code));
        return Err(match near {
            Some(near) => error.hint(format!("did you mean {near}?")),
            None => error.hint(
                "the codes stand in brackets behind warning and note; errors cannot be allowed",
            ),
        });
    }
    Ok(())
}

fn count(found: &[crate::model::diagnostic::Diagnostic], severity: Severity) -> usize {
    found.iter().filter(|found| found.severity == severity).count()
}
