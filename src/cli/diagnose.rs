//! `diagnose`: what is wrong with a project or one of its services, how that is known, and what to do.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::foresight;
use crate::cli::manifests::{self, Reading};
use crate::cli::output::{BAD, BOLD, DIM, GOOD, WARN, append, styled};
use crate::cli::target::Target;
use crate::diagnose::{
    Certainty, Collected, Evidence, Finding, HostFacts, State, Warning, Words, diagnose_all,
    gather, hidden, shown,
};
use crate::engine::Engine;
use crate::manifest::{Dialect, HostChoices, Loaded};
use crate::model::desired::DesiredProject;
use crate::model::diagnostic::Severity;
use crate::model::id::{ContainerId, ServiceName};
use crate::model::observed::ObservedState;
use crate::model::path::PathMap;
use crate::source::bind_states;

/// Arguments of `diagnose`.
#[derive(Clone, Debug, Args)]
pub struct DiagnoseArgs {
    /// What: PROJECT or PROJECT/SERVICE
    target: Target,
    /// Form
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Form,
    /// Log lines that are read of each container, at most 1000
    #[arg(long, value_name = "N", default_value_t = 200)]
    tail: u32,
    /// Let manifests use this variable of the environment; repeatable
    #[arg(long, value_name = "NAME")]
    env: Vec<String>,
}

/// Forms of a diagnosis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// For people.
    #[default]
    Text,
    /// JSON.
    Json,
}

/// The JSON form.
#[derive(Debug, Serialize)]
struct Report<'a> {
    project: &'a str,
    looked_at: usize,
    findings: &'a [Finding],
}

/// Diagnoses: exit 0 if nothing is wrong, 1 if something is.
///
/// # Errors
/// The engine cannot be asked, the watched directory cannot be read, or the target is not known.
pub(super) async fn run(args: &DiagnoseArgs, context: &Context) -> Result<Outcome, CliError> {
    let engine = foresight::connect(context).await?;
    let paths = foresight::own_paths(context, &engine).await?;
    let loaded = load(args, context, &paths)?;
    let name = args.target.project.as_str();
    let (looked_at, findings) = match &loaded.project {
        Some(project) => look(args, context, (&engine, &paths), (project, &loaded)).await?,
        None => (1, diagnose_all(&[invalid(&loaded)])),
    };
    match args.output {
        Form::Json => {
            context.out.json(&Report { project: name, looked_at, findings: &findings })?;
        }
        Form::Text => context.out.result(&text(&args.target, looked_at, &findings))?,
    }
    Ok(if findings.is_empty() { Outcome::Done } else { Outcome::Difference })
}

/// The project, as its files say now.
fn load(args: &DiagnoseArgs, context: &Context, paths: &PathMap) -> Result<Loaded, CliError> {
    let reading = Reading {
        environment: context.settings.with_env(&args.env, &context.around)?,
        choices: HostChoices { paths: paths.clone(), ..context.settings.choices.clone() },
        dialect: Dialect::Controller,
        decryption: manifests::decryption(context),
    };
    let mut known = Vec::new();
    for entry in manifests::entries_of_root(&context.settings.desired_state)? {
        let loaded = reading.load(&entry)?;
        let name = loaded
            .name
            .as_ref()
            .map_or_else(|| entry.path().file_name().to_owned(), ToString::to_string);
        if name == args.target.project.as_str() {
            return Ok(loaded);
        }
        known.push(name);
    }
    let error = CliError::not_found(format!("there is no project `{}`", args.target.project));
    Err(error.hint(format!("known are {}", known.join(", "))))
}

/// A project whose files do not load.
fn invalid(loaded: &Loaded) -> Evidence {
    let errors = loaded.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    let warnings = errors.map(|found| {
        let place =
            found.location.as_ref().map(|at| format!("{}:{}: ", at.file.file_name(), at.line));
        Warning {
            code: "invalid".to_owned(),
            text: format!("{}{}", place.unwrap_or_default(), found.message),
        }
    });
    Evidence { state: State::Absent, warnings: warnings.collect(), ..Evidence::default() }
}

async fn look(
    args: &DiagnoseArgs,
    context: &Context,
    (engine, paths): (&Engine, &PathMap),
    (project, loaded): (&DesiredProject, &Loaded),
) -> Result<(usize, Vec<Finding>), CliError> {
    let only = args.target.service.as_ref();
    if let Some(service) = only.filter(|service| !project.services.contains_key(*service)) {
        let known: Vec<&str> = project.services.keys().map(ServiceName::as_str).collect();
        return Err(CliError::not_found(format!(
            "project {} has no service `{service}`",
            project.name
        ))
        .hint(format!("known are {}", known.join(", "))));
    }
    let wrong = |failure: crate::model::outcome::Failure| {
        CliError::runtime(format!(
            "project {} cannot be observed: {}",
            project.name, failure.message
        ))
    };
    let request = foresight::request(&project.name, Some(project));
    let observed = engine.observe(&request).await.map_err(wrong)?;
    let view = engine.host_view(&project.containers_of_others()).await.map_err(wrong)?;
    let info = engine.info().await.map_err(wrong)?;
    let host = HostFacts { architecture: info.image_architecture(), ..HostFacts::default() };
    let words = words(engine, &observed, args.tail).await;
    let status = context.ledger().ok().and_then(|ledger| ledger.project_status(&project.name));
    let evidence = gather(
        &Collected {
            desired: project,
            diagnostics: &loaded.diagnostics,
            observed: &observed,
            view: &view,
            words: &words,
            binds: &bind_states(project, paths),
            status: status.as_ref(),
            host: &host,
        },
        only,
    );
    let secrets = hidden(Some(project), &observed);
    let mut findings = diagnose_all(&evidence);
    for line in findings.iter_mut().flat_map(|finding| &mut finding.evidence) {
        *line = shown(line, &secrets);
    }
    Ok((evidence.len(), findings))
}

/// The last lines and probes of every container. One that cannot be asked says nothing.
async fn words(
    engine: &Engine,
    observed: &ObservedState,
    tail: u32,
) -> BTreeMap<ContainerId, Words> {
    let mut all = BTreeMap::new();
    for container in &observed.containers {
        let log = engine.last_lines(&container.id, tail).await.unwrap_or_default();
        let probes = engine.evidence(&container.id).await.map(|one| one.health).unwrap_or_default();
        all.insert(container.id.clone(), Words { log, probes });
    }
    all
}

fn text(target: &Target, looked_at: usize, findings: &[Finding]) -> String {
    if findings.is_empty() {
        return format!("{target}: {}, {looked_at} looked at\n", styled(GOOD, "nothing found"));
    }
    let mut text = String::new();
    for finding in findings {
        let style = if finding.certainty == Certainty::Possible { WARN } else { BAD };
        let who = match (finding.service.as_str(), finding.container.as_str()) {
            ("", _) => target.project.to_string(),
            (service, "") => service.to_owned(),
            (service, container) => format!("{service} ({container})"),
        };
        let head = format!("{}: {}", styled(BOLD, &who), styled(style, finding.title));
        append(
            &mut text,
            &format!(
                "{head}\n  {} {}, {}\n",
                styled(DIM, "cause:"),
                finding.cause,
                finding.certainty
            ),
        );
        for line in &finding.evidence {
            append(
                &mut text,
                &format!("  {} {}\n", styled(DIM, "|"), line.replace('\n', "\n    ")),
            );
        }
        append(&mut text, &format!("  {} {}\n", styled(DIM, "mend:"), finding.mend));
    }
    text
}
