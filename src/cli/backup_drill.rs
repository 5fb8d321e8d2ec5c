//! `backup drill`: shows that a backup can be restored. What runs is not touched.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use crate::backup::{Drill, Store};
use crate::cli::backup::BackupForm;
use crate::cli::backup_context::{self, Saved};
use crate::cli::by_hand::{self, Deed};
use crate::cli::context::Context;
use crate::cli::duration;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::foresight::{own_paths, request};
use crate::cli::output::append;
use crate::cli::target::Target;
use crate::engine::Engine;
use crate::model::backup::Recipe;
use crate::model::backup_set::{BackupSet, Origin};
use crate::model::desired::{DesiredProject, DesiredService, SourceFacts};
use crate::model::hook::HookCommand;
use crate::model::id::ServiceName;
use crate::model::observed::{ImageState, ObservedState};
use crate::planner::{DrillContainer, drill_container};
use crate::source::ContentStore;

/// Arguments of `backup drill`.
#[derive(Clone, Debug, Args)]
pub(super) struct DrillArgs {
    /// Of what: PROJECT or PROJECT/SERVICE
    target: Target,
    /// Which backup; without it, the newest good one
    #[arg(long, value_name = "ID")]
    backup: Option<String>,
    /// Time for each service: the start of the container, the restore and the check
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "10m")]
    timeout: Duration,
    /// Form of the answer
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: BackupForm,
}

/// What all drills of one command have in common.
struct Drills<'a> {
    context: &'a Context,
    args: &'a DrillArgs,
    engine: Engine,
    project: DesiredProject,
    observed: ObservedState,
    facts: SourceFacts,
    set: BackupSet,
}

/// Restores a backup into throw-away containers, one service after the other.
///
/// # Errors
/// There is no such backup, or it cannot be tried here; a backup that does not pass is an outcome.
pub(super) async fn run(args: &DrillArgs, context: &Context) -> Result<Outcome, CliError> {
    let saved = Saved::read(context)?;
    let set = chosen(&saved, args)?.clone();
    let engine = by_hand::engine(context).await?;
    let project = backup_context::project(context, &engine, &args.target).await?;
    let lock = Store::new(&backup_context::directory(context)).hold_drill(&project.name);
    let lock = lock.map_err(|error| CliError::runtime(error.to_string()))?;
    let Some(_lock) = lock else {
        return Err(CliError::runtime("another drill of this project goes on"));
    };
    let observed = engine.observe(&request(&project.name, Some(&project))).await;
    let observed = observed.map_err(|failure| CliError::runtime(failure.message))?;
    let store = ContentStore::new(&context.settings.state_dir.join("content"));
    let kept = store.places(&project, &own_paths(context, &engine).await?);
    let facts = SourceFacts { kept, ..SourceFacts::default() };
    let drills = Drills { context, args, engine, project, observed, facts, set };
    let ended = drills.run().await?;
    let proven = ended.iter().all(|(_, result)| result.is_ok());
    let now = context.now();
    if proven {
        let set = BackupSet { proven: Some(now), ..drills.set.clone() };
        saved.ledger.save_backup(&set)?;
    }
    drills.tell(&ended, proven)?;
    Ok(if proven { Outcome::Done } else { Outcome::Difference })
}

/// The backup that was named, or the newest good one that holds the target and was not made before a restore.
fn chosen<'a>(saved: &'a Saved, args: &DrillArgs) -> Result<&'a BackupSet, CliError> {
    let target = &args.target;
    let holds = |set: &&BackupSet| {
        let of = target.service.as_ref();
        let fits = of.map_or(set.service.is_none(), |name| set.of(name).next().is_some());
        set.is_good() && set.project == target.project && fits
    };
    if let Some(id) = &args.backup {
        let set = saved.find(id)?;
        let why = set.end.why().unwrap_or("it holds nothing of it");
        let message = format!("{id} cannot be tried for {target}: {why}");
        return Some(set).filter(holds).ok_or_else(|| CliError::runtime(message));
    }
    let mut sets = saved.sets.iter().filter(holds);
    sets.rfind(|set| set.origin != Origin::BeforeRestore).ok_or_else(|| {
        CliError::not_found(format!("there is no good backup of {target}"))
            .hint("`composelet backup list` shows what there is")
    })
}

/// What came of one service: what the recipes said, or why it is not proven.
type Ended = (ServiceName, Result<Vec<String>, String>);

impl Drills<'_> {
    async fn run(&self) -> Result<Vec<Ended>, CliError> {
        let only = self.args.target.service.as_ref();
        let members = self.set.members.iter().map(|member| &member.service);
        let mut names: Vec<&ServiceName> =
            members.filter(|name| only.is_none_or(|one| one == *name)).collect();
        names.dedup();
        let mut ended = Vec::new();
        for name in names {
            if ended.iter().any(|(known, _): &Ended| known == name) {
                continue;
            }
            let result = match self.project.services.get(name) {
                Some(service) => Box::pin(self.one(service)).await,
                None => Err("the manifest has no such service any more".to_owned()),
            };
            let (outcome, what) = match &result {
                Ok(notes) => ("succeeded", notes.join("; ")),
                Err(why) => ("failed", why.clone()),
            };
            let deed = Deed {
                project: &self.project.name,
                action: "BackupDrill",
                object: name.as_str(),
                what: &format!("backup {}: {what}", self.set.id),
                outcome,
            };
            by_hand::record(self.context, deed)?;
            ended.push((name.clone(), result));
        }
        Ok(ended)
    }

    async fn one(&self, service: &DesiredService) -> Result<Vec<String>, String> {
        let image = self.observed.images.get(&service.image).and_then(ImageState::present);
        let image = image.and_then(|image| Some((image, image.id.as_ref()?)));
        let image = image.ok_or_else(|| format!("its image {} is not here", service.image))?;
        let from = DrillContainer {
            project: &self.project,
            service,
            image,
            facts: &self.facts,
            installation: &self.context.settings.installation,
        };
        let formats = self.set.of(&service.name).map(|member| &member.format);
        let word = service.backup.as_deref();
        let own = match word.and_then(|word| word.recipe.as_ref()) {
            Some(Recipe::Command { restore, .. }) => restore.as_deref(),
            _ => None,
        };
        let check = word.and_then(|word| word.drill.as_ref()).map(|drill| HookCommand {
            command: drill.check.clone(),
            hidden: service.config.environment.values().flatten().cloned().collect(),
            ..HookCommand::default()
        });
        let keys = backup_context::keys(self.context).unwrap_or_default();
        let drill = Drill {
            engine: &self.engine,
            set: &self.set,
            service: &service.name,
            create: drill_container(&from, formats),
            own,
            keys: &Arc::clone(&keys),
            check,
            within: self.args.timeout,
        };
        drill.run().await
    }

    fn tell(&self, ended: &[Ended], proven: bool) -> Result<(), CliError> {
        let out = &self.context.out;
        if self.args.output == BackupForm::Json {
            let rows = ended.iter().map(|(service, result)| {
                serde_json::json!({
                    "service": service.as_str(),
                    "proven": result.is_ok(),
                    "why": result.as_ref().err(),
                    "notes": result.as_ref().ok(),
                })
            });
            let rows: Vec<serde_json::Value> = rows.collect();
            let all = serde_json::json!({"id": self.set.id, "proven": proven, "services": rows});
            return out.json(&all);
        }
        let mut text = String::new();
        for (service, result) in ended {
            let end = match result {
                Ok(notes) if notes.is_empty() => "restored".to_owned(),
                Ok(notes) => format!("restored; {}", notes.join("; ")),
                Err(why) => format!("not proven: {why}"),
            };
            append(&mut text, &format!("  {service}  {end}\n"));
        }
        let head = if proven { "is proven" } else { "is not proven" };
        out.result(&format!("{} {head}\n{text}", self.set.id))
    }
}
