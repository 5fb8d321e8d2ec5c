//! `logs`: what the containers of projects and services write, as one log in order of time.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use futures::future::join_all;

use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::foresight;
use crate::cli::instant::{self, Named};
use crate::cli::log_follow::Follower;
use crate::cli::log_merge::{Lines, merge};
use crate::cli::log_print::{Printer, Writer};
use crate::cli::output::{Color, Output};
use crate::cli::published::{self, Published};
use crate::cli::target::Target;
use crate::engine::Engine;
use crate::model::id::{ContainerId, Installation, ProjectName, ServiceName};
use crate::model::log::{ListedContainer, LogLine, LogQuery};
use crate::model::outcome::{Failure, FailureClass};

/// Most logs that are read at a time: each takes a connection.
const MOST_LOGS: usize = 256;

/// Arguments of `logs`.
#[derive(Clone, Debug, Args)]
pub struct LogsArgs {
    /// What: PROJECT or PROJECT/SERVICE, any number; without it, all projects of this controller
    #[arg(value_name = "PROJECT[/SERVICE]")]
    targets: Vec<Target>,
    /// Go on with what is written later, also by containers that are replaced or come later
    #[arg(short, long)]
    follow: bool,
    /// Nothing before this: how long ago (10m), or an instant (2026-01-31T08:00:00Z)
    #[arg(long, value_name = "TIME", value_parser = instant::parse)]
    since: Option<Named>,
    /// Nothing after this
    #[arg(long, value_name = "TIME", value_parser = instant::parse, conflicts_with = "follow")]
    until: Option<Named>,
    /// Only so many last lines of each container, or `all`
    #[arg(short = 'n', long, value_name = "LINES", value_parser = lines, default_value = "all")]
    tail: Tail,
    /// Show when the engine took each line
    #[arg(short, long)]
    timestamps: bool,
    /// No colours
    #[arg(long)]
    no_color: bool,
}

/// How many last lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tail(Option<u64>);

fn lines(text: &str) -> Result<Tail, String> {
    if text == "all" {
        return Ok(Tail(None));
    }
    let wrong = |_| format!("`{text}` is neither a number of lines nor `all`");
    text.parse().map(|lines| Tail(Some(lines))).map_err(wrong)
}

/// Which containers are meant.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    targets: Vec<Target>,
    installation: Installation,
    /// Projects that the controller knows.
    known: BTreeSet<String>,
    /// Whether labels name the project.
    with_project: bool,
}

impl Selection {
    fn new(targets: &[Target], installation: &Installation, published: Option<&Published>) -> Self {
        let projects = published.iter().flat_map(|published| &published.projects);
        let named: BTreeSet<&str> = targets.iter().map(|one| one.project.as_str()).collect();
        Self {
            targets: targets.to_vec(),
            installation: installation.clone(),
            known: projects.map(|project| project.name.to_string()).collect(),
            with_project: named.len() != 1,
        }
    }

    /// Whether this container is meant. One-off containers of `docker compose run` and other controllers' are not.
    pub(super) fn takes(&self, one: &ListedContainer) -> bool {
        let claim = &one.claim;
        let (Some(project), Some(service)) = (&claim.project, &claim.service) else {
            return false;
        };
        let ours = claim.installation.as_ref().map(|owner| *owner == self.installation);
        if ours == Some(false) || (ours.is_none() && claim.one_off) {
            return false;
        }
        if self.targets.is_empty() {
            return ours == Some(true) || self.known.contains(project.as_str());
        }
        self.targets.iter().any(|target| {
            target.project == *project && target.service.as_ref().is_none_or(|one| one == service)
        })
    }

    /// How a container is called before its lines: service and number, or its own name if it is no replica.
    pub(super) fn writer(&self, one: &ListedContainer) -> Writer {
        let text = |name: Option<&str>| name.unwrap_or_default().to_owned();
        let project = text(one.claim.project.as_ref().map(ProjectName::as_str));
        let service = text(one.claim.service.as_ref().map(ServiceName::as_str));
        let label = match one.claim.number {
            Some(number) => format!("{service}-{number}"),
            None => one.name.to_string(),
        };
        let label = if self.with_project { format!("{project}/{label}") } else { label };
        Writer { label, service: format!("{project}/{service}") }
    }

    /// Refuses a target that neither the controller nor the engine knows.
    fn check(&self, listed: &[ListedContainer], known: Option<&Published>) -> Result<(), CliError> {
        for target in &self.targets {
            let only = Self { targets: vec![target.clone()], ..self.clone() };
            if listed.iter().any(|one| only.takes(one)) {
                continue;
            }
            let Some(published) = known else {
                return Err(CliError::not_found(format!("there is no container of {target}")));
            };
            let project = published.project(target.project.as_str())?;
            if let Some(service) = &target.service {
                published::service(project, service.as_str())?;
            }
        }
        Ok(())
    }
}

/// What was read of each container.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// The instant of the last line.
    pub(super) last_ns: BTreeMap<ContainerId, Option<i64>>,
    /// Whose log cannot be read.
    pub(super) unreadable: BTreeSet<ContainerId>,
}

/// Prints logs.
///
/// # Errors
/// A target is not known, or the engine cannot be reached.
pub(super) async fn run(args: &LogsArgs, context: &Context) -> Result<Outcome, CliError> {
    let published = Published::read(context).ok();
    let engine = foresight::connect(context).await?;
    let selection =
        Selection::new(&args.targets, &context.settings.installation, published.as_ref());
    let listed = engine.listed().await.map_err(|failure| failed(&failure))?;
    selection.check(&listed, published.as_ref())?;
    let listed: Vec<ListedContainer> =
        listed.into_iter().filter(|one| selection.takes(one)).collect();
    if listed.len() > MOST_LOGS {
        return Err(CliError::usage(format!(
            "{} containers are meant; at most {MOST_LOGS} logs are read at a time",
            listed.len()
        ))
        .hint("name projects or services"));
    }
    let out = if args.no_color { Output::new(Color::Never) } else { context.out };
    let mut printer = Printer::new(out, args.timestamps);
    let now = context.now();
    let query = LogQuery {
        follow: false,
        since_ns: args.since.map(|since| since.before_ns(now)),
        until_ns: args.until.map(|until| until.before_ns(now)),
        tail: args.tail.0,
    };
    let (read, is_read) = so_far(&engine, (&selection, &listed), &query, &mut printer).await?;
    if args.follow && is_read {
        // Without old lines it goes on with what is written from now on.
        let since_ns = match query.tail {
            Some(0) => Some(now.as_millis().saturating_mul(1_000_000)),
            _ => query.since_ns,
        };
        let follower = Follower::new(&engine, selection, since_ns, read);
        return follower.run(&mut printer).await;
    }
    Ok(if read.unreadable.is_empty() { Outcome::Done } else { Outcome::Difference })
}

/// Prints what was written so far, in exact order; says whether anybody still reads.
async fn so_far(
    engine: &Engine,
    (selection, listed): (&Selection, &[ListedContainer]),
    query: &LogQuery,
    printer: &mut Printer,
) -> Result<(Read, bool), CliError> {
    let writers: Vec<Writer> = listed.iter().map(|one| selection.writer(one)).collect();
    for writer in &writers {
        printer.meet(writer);
    }
    let opened = join_all(listed.iter().map(|one| engine.logs(&one.id, query))).await;
    let (mut read, mut broken) = (Read::default(), Vec::new());
    let mut logs: Vec<(usize, Lines)> = Vec::new();
    for (key, opened) in opened.into_iter().enumerate() {
        match opened {
            Ok(lines) => logs.push((key, lines)),
            // It went away since it was listed.
            Err(failure) if failure.class == FailureClass::NotFound => {}
            Err(failure) => broken.push((key, failure)),
        }
    }
    read.last_ns.extend(listed.iter().map(|one| (one.id.clone(), None)));
    let line = |key: usize, line: &LogLine| {
        let (Some(writer), Some(one)) = (writers.get(key), listed.get(key)) else {
            return Ok(true);
        };
        read.last_ns.insert(one.id.clone(), Some(line.at_ns));
        printer.line(writer, line)
    };
    let is_read = merge(logs, line, |key, failure| broken.push((key, failure.clone()))).await?;
    let is_read = is_read && printer.flush()?;
    for (key, failure) in broken {
        let (Some(writer), Some(one)) = (writers.get(key), listed.get(key)) else { continue };
        printer.complain(writer, &failure);
        read.unreadable.insert(one.id.clone());
    }
    Ok((read, is_read))
}

/// A call of the engine that failed.
pub(super) fn failed(failure: &Failure) -> CliError {
    CliError::runtime(format!("the engine could not be asked: {}", failure.message))
}
