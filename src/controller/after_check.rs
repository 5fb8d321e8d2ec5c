//! Asking a check after a rollout (`x-composelet.checks.after`) once.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::time::timeout;

use crate::controller::readiness::Dial;
use crate::engine::Engine;
use crate::model::host_probe::Handler;
use crate::model::id::ContainerId;
use crate::model::outcome::{Failure, FailureClass};

/// Asks once.
///
/// # Errors
/// What was answered instead, without values that the container was given.
pub(super) async fn ask(
    (engine, dial): (&Engine, &dyn Dial),
    container: &ContainerId,
    (handler, limit, address): (&Handler, Duration, Option<IpAddr>),
) -> Result<(), Failure> {
    let to = |port| match address {
        Some(address) => Ok(SocketAddr::new(address, port)),
        None => Err(failed("it has no address in a network of this host".to_owned())),
    };
    let late = |_| failed(format!("no answer within {limit:?}"));
    match handler {
        Handler::Exec(command) => engine.run_command(container, command, Some(limit)).await,
        Handler::Tcp { port } => {
            let address = to(*port)?;
            let connected = timeout(limit, dial.connect(address)).await.map_err(late)?;
            connected.map_err(|error| failed(format!("connect {address}: {error}")))
        }
        Handler::Http(get) => {
            let address = to(get.port)?;
            let url = get.url(&address.to_string());
            match timeout(limit, dial.get(address, get)).await.map_err(late)? {
                Ok(status) if get.expects(status) => Ok(()),
                Ok(status) => Err(failed(format!("GET {url}: {status}"))),
                Err(error) => Err(failed(format!("GET {url}: {error}"))),
            }
        }
    }
}

fn failed(message: String) -> Failure {
    Failure { class: FailureClass::Invalid, message }
}
