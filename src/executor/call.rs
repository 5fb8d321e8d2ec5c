//! One node, one engine call. The arguments are all in the action; only ids that a node of the same plan made are filled in.

use futures::future::BoxFuture;

use crate::engine::Engine;
use crate::model::id::{ContainerId, NetworkId};
use crate::model::outcome::{Effect, Failure, FailureClass};
use crate::model::plan::Action;

/// Ids behind the references of an action, known once the nodes that create them have succeeded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// The container that the action acts on.
    pub container: Option<ContainerId>,
    /// The network that the action acts on.
    pub network: Option<NetworkId>,
}

/// Makes the calls of a walk. [`Engine`] is the real one.
pub trait Calls: Send + Sync {
    /// Makes the call of `action` and says what it made. [`Action::Begin`] and [`Action::HandOver`] never come here.
    fn call<'a>(
        &'a self,
        action: &'a Action,
        ids: Resolved,
    ) -> BoxFuture<'a, Result<Effect, Failure>>;
}

impl Calls for Engine {
    fn call<'a>(
        &'a self,
        action: &'a Action,
        ids: Resolved,
    ) -> BoxFuture<'a, Result<Effect, Failure>> {
        Box::pin(call(self, action, ids))
    }
}

async fn call(engine: &Engine, action: &Action, ids: Resolved) -> Result<Effect, Failure> {
    match action {
        Action::CreateNetwork(create) => engine.create_network(create).await.map(Effect::Network),
        Action::RemoveNetwork { network, .. } => gone(engine.remove_network(network).await),
        Action::CreateVolume(create) => done(engine.create_volume(create).await),
        Action::CreateContainer(create) => {
            engine.create_container(create).await.map(Effect::Container)
        }
        Action::ConnectNetwork { endpoint, dns_names, .. } => {
            let (container, network) = (need(ids.container)?, need(ids.network)?);
            done(engine.connect_network(&container, &network, endpoint, dns_names).await)
        }
        Action::DisconnectNetwork { container, network, .. } => {
            gone(engine.disconnect_network(container, network).await)
        }
        Action::StartContainer { .. } => done(engine.start_container(&need(ids.container)?).await),
        Action::RenameContainer { to, .. } => {
            done(engine.rename_container(&need(ids.container)?, to).await)
        }
        Action::UpdateContainer { container, resources, restart, .. } => {
            done(engine.update_container(container, resources.as_deref(), restart.as_ref()).await)
        }
        Action::UnpauseContainer { container, .. } => {
            done(engine.unpause_container(container).await)
        }
        Action::RemoveContainer { container, .. } => gone(engine.remove_container(container).await),
        Action::Begin(_) | Action::HandOver { .. } => {
            Err(invalid("what the controller does itself is no engine call"))
        }
    }
}

fn done(result: Result<(), Failure>) -> Result<Effect, Failure> {
    result.map(|()| Effect::Done)
}

/// Of a removal: what is not there any more is removed.
fn gone(result: Result<(), Failure>) -> Result<Effect, Failure> {
    match result {
        Err(failure) if failure.class == FailureClass::NotFound => Ok(Effect::Done),
        other => done(other),
    }
}

/// An id that the node it refers to must have made.
fn need<T>(id: Option<T>) -> Result<T, Failure> {
    id.ok_or_else(|| invalid("the plan refers to an object that no node has made"))
}

fn invalid(message: &str) -> Failure {
    Failure { class: FailureClass::Invalid, message: message.to_owned() }
}
