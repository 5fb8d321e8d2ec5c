//! Which container of a service a command is about: the lowest number of those that are ready, or the one that was asked for.

use crate::cli::context::Context;
use crate::cli::exit::CliError;
use crate::cli::foresight::unreachable;
use crate::cli::published::{self, Published};
use crate::cli::target::Target;
use crate::engine::Engine;
use crate::model::log::ListedContainer;

/// How good a container is for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fitness {
    Ready,
    Starting,
    Unhealthy,
    /// Frozen, or of a state that is not known.
    Doubtful,
}

/// Chooses.
///
/// # Errors
/// No service was named, it is not known, or none of its containers runs; the engine cannot be asked.
pub(super) async fn choose(
    context: &Context,
    engine: &Engine,
    (target, index): (&Target, Option<u32>),
) -> Result<ListedContainer, CliError> {
    let Some(service) = &target.service else {
        return Err(CliError::usage(format!("`{target}` is a whole project"))
            .hint(format!("name a service of it: {target}/SERVICE")));
    };
    let published = Published::read(context).ok();
    let listed = engine.listed().await.map_err(|failure| unreachable(context, &failure))?;
    let is_known =
        published.as_ref().is_some_and(|known| known.project(target.project.as_str()).is_ok());
    let ours = |one: &ListedContainer| match &one.claim.installation {
        Some(owner) => *owner == context.settings.installation,
        None => is_known,
    };
    let replicas: Vec<ListedContainer> = listed
        .into_iter()
        .filter(|one| one.claim.project.as_ref() == Some(&target.project))
        .filter(|one| one.claim.service.as_ref() == Some(service))
        .filter(|one| is_replica(one) && ours(one))
        .collect();
    if let (true, Some(known)) = (replicas.is_empty(), &published) {
        published::service(known.project(target.project.as_str())?, service.as_str())?;
    }
    best(replicas, index).ok_or_else(|| match index {
        Some(index) => CliError::not_found(format!("{target} has no container {index} that runs")),
        None => CliError::not_found(format!("no container of {target} runs"))
            .hint(format!("`composelet describe {target}` says why")),
    })
}

/// Whether it is neither a one-off, a step, a copy nor a run of a schedule.
fn is_replica(one: &ListedContainer) -> bool {
    let claim = &one.claim;
    let beside = claim.one_off || claim.hook.is_some() || claim.companion.is_some();
    claim.number.is_some() && !beside && claim.due.is_none()
}

fn best(replicas: Vec<ListedContainer>, index: Option<u32>) -> Option<ListedContainer> {
    let meant = |one: &ListedContainer| index.is_none() || one.claim.number == index;
    let alive = replicas.into_iter().filter(|one| one.alive && meant(one));
    alive.min_by_key(|one| (fitness(&one.health), one.claim.number, one.name.clone()))
}

fn fitness(health: &str) -> Fitness {
    match health {
        "" | "healthy" => Fitness::Ready,
        "health: starting" | "starting" => Fitness::Starting,
        "unhealthy" => Fitness::Unhealthy,
        _ => Fitness::Doubtful,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observed::Claim;

    fn replica(number: u32, alive: bool, health: &str) -> ListedContainer {
        ListedContainer {
            id: format!("{number:064}").as_str().into(),
            name: format!("shop-web-{number}").as_str().into(),
            claim: Claim { number: Some(number), ..Claim::default() },
            alive,
            health: health.to_owned(),
            ports: Vec::new(),
        }
    }

    #[test]
    fn the_first_that_is_ready_is_chosen() {
        let all = || {
            vec![
                replica(4, true, ""),
                replica(1, false, ""),
                replica(2, true, "unhealthy"),
                replica(3, true, "healthy"),
                replica(5, true, "Paused"),
            ]
        };
        let number = |index| best(all(), index).and_then(|one| one.claim.number);
        assert_eq!(number(None), Some(3));
        assert_eq!(number(Some(2)), Some(2));
        assert_eq!(number(Some(1)), None, "it does not run");
        assert_eq!(best(vec![replica(1, true, "Paused")], None).unwrap().claim.number, Some(1));
    }
}
