//! Which containers the services of a project share with others.

use std::collections::BTreeMap;

use crate::model::id::{ContainerId, ReplicaId, ServiceName};
use crate::model::observed::ObservedContainer;
use crate::planner::conformity::Conformity;
use crate::planner::input::PlanInput;
use crate::planner::jobs;
use crate::planner::world::ServiceView;

/// The container of the lowest number of each service, as far as services were looked at: what is depended on comes first.
#[derive(Debug, Default)]
pub struct Owners<'a>(BTreeMap<&'a ServiceName, Seat<'a>>);

/// The container that whoever joins a service shares with.
#[derive(Clone, Copy, Debug)]
pub enum Seat<'a> {
    /// This one.
    Taken(&'a ObservedContainer, Standing),
    /// Which it is cannot be told, or it ran to its end and is gone: whoever shares goes on as it is.
    Unclear,
    /// There is none.
    Empty,
}

/// Whether a container stays what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It conforms.
    Stays,
    /// It has to be replaced.
    Goes,
}

impl<'a> Owners<'a> {
    /// Notes who holds the seat of `view`.
    pub fn add(&mut self, input: &PlanInput<'_>, view: &ServiceView<'a>) {
        self.0.insert(&view.service.name, seat(input, view));
    }

    /// The seat of a service.
    pub fn seat(&self, service: &ServiceName) -> Seat<'a> {
        self.0.get(service).copied().unwrap_or(Seat::Empty)
    }

    /// The container of a service, if it can be told.
    pub fn id(&self, service: &ServiceName) -> Option<&'a ContainerId> {
        match self.seat(service) {
            Seat::Taken(container, _) => Some(&container.id),
            Seat::Unclear | Seat::Empty => None,
        }
    }
}

fn seat<'a>(input: &PlanInput<'_>, view: &ServiceView<'a>) -> Seat<'a> {
    // Whose they are is for a person to say.
    if !view.adoption.is_empty() {
        return Seat::Unclear;
    }
    let Some(slot) = view.slots.first() else {
        return Seat::Empty;
    };
    let mut all = slot.current.iter().chain(&slot.old);
    if all.any(|one| matches!(one.conformity, Conformity::Unknown(_))) {
        return Seat::Unclear;
    }
    match &slot.current {
        Some(one) if one.conformity.keeps() || settled(input, view, &slot.replica) => {
            Seat::Taken(one.container, Standing::Stays)
        }
        Some(one) => Seat::Taken(one.container, Standing::Goes),
        None if view.completed(input.ledger.replicas.get(&slot.replica.to_string())) => {
            Seat::Unclear
        }
        None => Seat::Empty,
    }
}

/// Whether a replica of a job stays what it is, whatever it differs in.
fn settled(input: &PlanInput<'_>, view: &ServiceView<'_>, replica: &ReplicaId) -> bool {
    jobs::is_settled(view, input.ledger.replicas.get(&replica.to_string()))
}
