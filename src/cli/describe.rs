//! `describe`: one project, service or container, with everything that explains it.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::output::append;
use crate::cli::published::{self, Published};
use crate::cli::target::Target;
use crate::cli::{bundles, schedules, sections, touched};
use crate::model::status::{ContainerStatus, OperationStatus, ProjectStatus, ServiceStatus};
use crate::model::time::Timestamp;

/// Arguments of `describe`.
#[derive(Clone, Debug, Args)]
pub struct DescribeArgs {
    /// PROJECT, PROJECT/SERVICE or the name of a container; or `project`, `service` or `container` and then the name
    #[arg(value_name = "[KIND] NAME", required = true, num_args = 1..=2)]
    words: Vec<String>,
    /// Show what failed runs left behind, newest last: state, health probes, log lines
    #[arg(long)]
    evidence: bool,
}

/// What is described.
enum Object<'a> {
    Project(&'a ProjectStatus),
    Service(&'a ProjectStatus, &'a ServiceStatus),
    Container(&'a ProjectStatus, &'a ContainerStatus),
}

/// Describes.
///
/// # Errors
/// Nothing is published, or what was named is not known.
pub(super) fn run(args: &DescribeArgs, context: &Context) -> Result<Outcome, CliError> {
    let published = Published::read(context)?;
    if let Some(stale) = published.staleness() {
        context.out.warn(&stale);
    }
    let object = match args.words.as_slice() {
        [kind, name] => of_kind(&published, kind, name)?,
        [name] => any(&published, name)?,
        _ => return Err(CliError::usage("name one thing to describe")),
    };
    let running = published.controller.as_ref().map(|one| one.operations.as_slice());
    let mut shown = text(&object, running.unwrap_or_default(), published.now);
    let touched = touched(&object, context, published.now)?;
    if !touched.is_empty() {
        append(&mut shown, &format!("\n{touched}"));
    }
    if args.evidence {
        append(&mut shown, &evidence(&object, context, published.now)?);
    }
    context.out.result(&shown)?;
    Ok(Outcome::Done)
}

/// What was kept of failed runs.
fn evidence(object: &Object<'_>, context: &Context, now: Timestamp) -> Result<String, CliError> {
    let (project, service, container) = match object {
        Object::Project(project) => (*project, None, None),
        Object::Service(project, service) => (*project, Some(&service.name), None),
        Object::Container(project, one) => (*project, None, Some(one.name.as_str())),
    };
    let kept = context.ledger()?.evidence(&project.name);
    let about = kept.iter().filter(|bundle| {
        service.is_none_or(|service| *service == bundle.service)
            && container.is_none_or(|name| name == bundle.name)
    });
    Ok(bundles::text(about, now))
}

/// What people did inside of its containers.
fn touched(object: &Object<'_>, context: &Context, now: Timestamp) -> Result<String, CliError> {
    let (project, containers): (&ProjectStatus, Vec<&ContainerStatus>) = match object {
        Object::Project(project) => {
            (project, project.services.iter().flat_map(|service| &service.containers).collect())
        }
        Object::Service(project, service) => (project, service.containers.iter().collect()),
        Object::Container(project, container) => (project, vec![*container]),
    };
    let history = context.ledger()?.history(&project.name, touched::LOOKED_THROUGH);
    Ok(touched::section(containers, &history, now))
}

/// A project, as `describe` shows it.
///
/// # Errors
/// Nothing is published, or it is not known.
pub(super) fn project(name: &str, context: &Context) -> Result<String, CliError> {
    let published = Published::read(context)?;
    let running = published.controller.as_ref().map(|one| one.operations.as_slice());
    let object = Object::Project(published.project(name)?);
    Ok(text(&object, running.unwrap_or_default(), published.now))
}

fn of_kind<'a>(published: &'a Published, kind: &str, name: &str) -> Result<Object<'a>, CliError> {
    match kind {
        "project" | "projects" => published.project(name).map(Object::Project),
        "service" | "services" | "svc" => service(published, name),
        "container" | "containers" => container(published, name)
            .ok_or_else(|| CliError::not_found(format!("there is no container `{name}`"))),
        other => Err(CliError::usage(format!("`{other}` is no kind of object"))
            .hint("use project, service or container; a service alone is PROJECT/SERVICE")),
    }
}

/// A service as PROJECT/SERVICE, or by its own name if only one project has it.
fn service<'a>(published: &'a Published, name: &str) -> Result<Object<'a>, CliError> {
    if name.contains('/') {
        return any(published, name);
    }
    let found: Vec<_> =
        published.services().filter(|(_, service)| service.name.as_str() == name).collect();
    match found.as_slice() {
        [] => Err(CliError::not_found(format!("there is no service `{name}`"))),
        [(project, service)] => Ok(Object::Service(project, service)),
        [..] => {
            let named = found.iter().map(|(project, _)| format!("{}/{name}", project.name));
            Err(CliError::usage(format!("more than one project has a service `{name}`"))
                .hint(format!("say which: {}", named.collect::<Vec<_>>().join(", "))))
        }
    }
}

/// A project or PROJECT/SERVICE; a name that is neither may be a container's.
fn any<'a>(published: &'a Published, name: &str) -> Result<Object<'a>, CliError> {
    let target: Target = name.parse().map_err(CliError::usage)?;
    let project = match published.project(target.project.as_str()) {
        Ok(project) => project,
        Err(error) => return container(published, name).ok_or(error),
    };
    match &target.service {
        None => Ok(Object::Project(project)),
        Some(key) => published::service(project, key.as_str())
            .map(|service| Object::Service(project, service)),
    }
}

/// A container by name, or by the beginning of its id.
fn container<'a>(published: &'a Published, name: &str) -> Option<Object<'a>> {
    let called = |container: &ContainerStatus| {
        container.name == name || (name.len() >= 12 && container.id.starts_with(name))
    };
    published.projects.iter().find_map(|project| {
        let replicas = project.services.iter().flat_map(|service| &service.containers);
        let mut containers = replicas.chain(&project.others);
        containers
            .find(|container| called(container))
            .map(|container| Object::Container(project, container))
    })
}

fn text(object: &Object<'_>, running: &[OperationStatus], now: Timestamp) -> String {
    let parts = match object {
        Object::Project(project) => vec![
            sections::project_facts(project, now),
            sections::conditions(&project.conditions, now),
            sections::held(&project.held, now),
            sections::rejected(project),
            sections::drills(project, now),
            sections::restore_drills(project, now),
            sections::operations(running, &project.services, now),
            schedules::section(&project.services, now),
            sections::service_lines(&project.services, now),
            sections::containers("Other containers", &project.others, now),
            sections::diagnostics(&project.diagnostics),
            sections::recent(project.recent.iter(), now),
        ],
        Object::Service(project, service) => vec![
            sections::service_facts(project, service, now),
            sections::conditions(&service.conditions, now),
            sections::held(project.held_of(service), now),
            sections::operations(running, std::slice::from_ref(*service), now),
            schedules::section([*service], now),
            sections::containers("Containers", &service.containers, now),
            sections::diagnostics(sections::diagnostics_of(project, service)),
            sections::recent(sections::recent_of(project, service), now),
        ],
        Object::Container(project, container) => vec![
            sections::container_facts(project, container),
            sections::containers("State", std::slice::from_ref(*container), now),
            sections::held(sections::held_of_container(project, container), now),
            sections::recent(sections::recent_about(project, &container.name), now),
        ],
    };
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n")
}
