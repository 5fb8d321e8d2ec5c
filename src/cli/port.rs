//! `port`: where a port of a service is published on this host.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::target::Target;
use crate::cli::{foresight, replica};
use crate::model::config::Protocol;
use crate::model::log::PublishedPort;

/// Arguments of `port`.
#[derive(Clone, Debug, Args)]
pub struct PortArgs {
    /// Of what
    #[arg(value_name = "PROJECT/SERVICE")]
    target: Target,
    /// The port inside, with `/udp` if it is one; without it, all of them
    #[arg(value_name = "PORT[/PROTOCOL]", value_parser = inside)]
    port: Option<(u16, Protocol)>,
    /// Of the container of this number; without it, of one that is ready
    #[arg(long, value_name = "N")]
    index: Option<u32>,
}

fn inside(text: &str) -> Result<(u16, Protocol), String> {
    let (port, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let protocol = match protocol {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        "sctp" => Protocol::Sctp,
        _ => return Err("the protocol is tcp, udp or sctp".to_owned()),
    };
    port.parse().map(|port| (port, protocol)).map_err(|_| format!("`{port}` is no port"))
}

/// Prints addresses, one a line; with a port those of it alone, as `docker compose port`.
///
/// # Errors
/// The service is not known or does not run, or the port is not published.
pub(super) async fn run(args: &PortArgs, context: &Context) -> Result<Outcome, CliError> {
    let engine = foresight::connect(context).await?;
    let container = replica::choose(context, &engine, (&args.target, args.index)).await?;
    let meant = |one: &&PublishedPort| {
        args.port.is_none_or(|(port, protocol)| one.inside == port && one.protocol == protocol)
    };
    let found: Vec<&PublishedPort> = container.ports.iter().filter(meant).collect();
    if let (true, Some((port, protocol))) = (found.is_empty(), args.port) {
        return Err(CliError::not_found(format!(
            "{} publishes no port {port}/{protocol}",
            container.name
        )));
    }
    let line = |one: &&PublishedPort| match args.port {
        Some(_) => format!("{}\n", one.outside),
        None => format!("{}/{} -> {}\n", one.inside, one.protocol, one.outside),
    };
    context.out.result(&found.iter().map(line).collect::<String>())?;
    Ok(Outcome::Done)
}
