//! `doctor`: whether this host is fit for its projects. Everything is collected here and judged elsewhere.

use std::path::Path;

use clap::Args;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::diagnose::Form;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::manifests::{self, Reading};
use crate::cli::output::{BAD, DIM, GOOD, WARN, append, styled};
use crate::cli::{doctor_certificates, doctor_projects, foresight, host_facts, policy};
use crate::doctor::{self, Line, RegistryAnswer, Survey};
use crate::engine::Engine;
use crate::manifest::{Dialect, HostChoices, Loaded};
use crate::model::path::PathMap;
use crate::model::time::Timestamp;

/// Registries that are asked: one image each.
const MOST_REGISTRIES: usize = 5;

/// Arguments of `doctor`.
#[derive(Clone, Debug, Args)]
pub struct DoctorArgs {
    /// Form
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Form,
    /// Show what passed, too
    #[arg(long)]
    all: bool,
    /// Let manifests use this variable of the environment; repeatable
    #[arg(long, value_name = "NAME")]
    env: Vec<String>,
}

/// The JSON form.
#[derive(Debug, Serialize)]
struct Report<'a> {
    checks: &'a [Line],
}

/// Checks: exit 0 if nothing failed, 1 if something did.
///
/// # Errors
/// The watched directory cannot be read.
pub(super) async fn run(args: &DoctorArgs, context: &Context) -> Result<Outcome, CliError> {
    let survey = survey(args, context).await?;
    let lines = doctor::judge(&survey);
    match args.output {
        Form::Json => context.out.json(&Report { checks: &lines })?,
        Form::Text => context.out.result(&text(&lines, args.all))?,
    }
    let failed = lines.iter().any(|line| line.outcome == doctor::Outcome::Fail);
    Ok(if failed { Outcome::Difference } else { Outcome::Done })
}

async fn survey(args: &DoctorArgs, context: &Context) -> Result<Survey, CliError> {
    let mut survey = Survey::default();
    let engine = foresight::connect(context).await;
    let paths = match &engine {
        Ok(engine) => foresight::own_paths(context, engine).await.unwrap_or_default(),
        Err(error) => {
            survey.engine_error.clone_from(&error.message);
            PathMap::default()
        }
    };
    let loaded = load(args, context, &paths)?;
    let engine = engine.ok();
    let is_here = engine.as_ref().is_none_or(Engine::is_here);
    survey.now = context.now();
    let admission = policy::local(&context.settings);
    for project in &loaded {
        let mut one = doctor_projects::of_files(project, &paths);
        let refused = project.project.iter().flat_map(|one| policy::findings(one, &admission));
        one.refused = refused.map(|found| found.message).collect();
        if let (Some(engine), Some(desired)) = (&engine, &project.project) {
            doctor_projects::on_engine(&mut one, desired, engine).await;
        }
        let ledger = context.ledger().ok();
        let name = project.name.as_ref();
        let known = ledger.as_ref().zip(name);
        let status = known.and_then(|(ledger, name)| ledger.project_status(name));
        let sets = known.map(|(ledger, name)| ledger.backups(name)).unwrap_or_default();
        if let Some(desired) = project.project.as_ref().filter(|_| is_here) {
            one.certificates = doctor_certificates::files_of(desired, &paths);
        }
        one.backups = doctor_projects::backups(&sets, context.now());
        one.ready = status.as_ref().map(doctor_projects::is_ready);
        survey.projects.push(one);
    }
    let settings = &context.settings;
    let mut places: Vec<&Path> =
        vec![settings.desired_state.as_path(), settings.state_dir.as_path()];
    let about = match &engine {
        Some(engine) => engine.info().await.ok(),
        None => None,
    };
    let root = about.as_ref().and_then(|info| info.docker_root_dir.clone()).unwrap_or_default();
    if is_here && !root.is_empty() {
        places.insert(0, Path::new(&root));
    }
    survey.host = host_facts::read(&places, is_here);
    if let Some(engine) = &engine {
        ask(&mut survey, engine, context.now()).await;
    }
    Ok(survey)
}

/// What the engine and registries say.
async fn ask(survey: &mut Survey, engine: &Engine, now: Timestamp) {
    survey.api_minor = engine.facts().api.minor;
    match engine.info().await {
        Ok(info) => {
            let time = info.system_time.as_deref().and_then(Timestamp::parse_rfc3339);
            survey.host.clock_ahead_s =
                time.map(|time| (time.as_millis() - now.as_millis()).div_euclid(1000));
            survey.engine = Some(info);
        }
        Err(failure) => survey.engine_error = failure.message,
    }
    survey.subnets = engine.subnets().await.unwrap_or_default();
    let images = survey.projects.iter().flat_map(|project| &project.images);
    let missing = images.filter(|image| !image.present && !image.built);
    let mut asked: Vec<String> = missing.map(|image| image.reference.clone()).collect();
    asked.sort_by_key(|reference| (registry_of(reference).to_owned(), reference.clone()));
    asked.dedup_by(|left, right| registry_of(left) == registry_of(right));
    for reference in asked.into_iter().take(MOST_REGISTRIES) {
        let answer = engine.registry_digest(&reference).await;
        let error = answer.err().map(|failure| failure.message).unwrap_or_default();
        survey.registries.push(RegistryAnswer { reference, error });
    }
}

/// The registry of a reference: what stands before the first slash, if it looks like a host.
fn registry_of(reference: &str) -> &str {
    let first = reference.split('/').next().unwrap_or_default();
    let is_host = reference.contains('/') && (first.contains(['.', ':']) || first == "localhost");
    if is_host { first } else { "docker.io" }
}

fn load(args: &DoctorArgs, context: &Context, paths: &PathMap) -> Result<Vec<Loaded>, CliError> {
    let reading = Reading {
        environment: context.settings.with_env(&args.env, &context.around)?,
        choices: HostChoices { paths: paths.clone(), ..context.settings.choices.clone() },
        dialect: Dialect::Controller,
        decryption: manifests::decryption(context),
    };
    let entries = manifests::entries_of_root(&context.settings.desired_state)?;
    entries.iter().map(|entry| reading.load(entry)).collect()
}

fn text(lines: &[Line], all: bool) -> String {
    let mut text = String::new();
    let count = |outcome| lines.iter().filter(|line| line.outcome == outcome).count();
    for line in lines.iter().filter(|line| all || line.outcome != doctor::Outcome::Pass) {
        let style = match line.outcome {
            doctor::Outcome::Pass => GOOD,
            doctor::Outcome::NotCheckable => DIM,
            doctor::Outcome::Warn => WARN,
            doctor::Outcome::Fail => BAD,
        };
        let about = if line.about.is_empty() { String::new() } else { format!("{}: ", line.about) };
        let word = styled(style, &line.outcome.to_string());
        append(&mut text, &format!("{word}  {}  {about}{}\n", line.check, line.words));
        if !line.mend.is_empty() {
            append(&mut text, &format!("      {} {}\n", styled(DIM, "mend:"), line.mend));
        }
    }
    let summary = format!(
        "{} passed, {} failed, {} warnings, {} not checkable\n",
        count(doctor::Outcome::Pass),
        count(doctor::Outcome::Fail),
        count(doctor::Outcome::Warn),
        count(doctor::Outcome::NotCheckable)
    );
    text + &summary
}
