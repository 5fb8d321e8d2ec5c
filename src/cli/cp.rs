//! `cp`: files out of a ready replica of a service, and into it; written down in the history.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use futures::StreamExt;

use crate::cli::by_hand::{self, Deed};
use crate::cli::context::Context;
use crate::cli::exec::refused;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::output::Channel;
use crate::cli::replica;
use crate::cli::target::Target;
use crate::engine::Engine;
use crate::model::id::ContainerId;
use crate::model::outcome::Failure;
use crate::source::{pack, unpack};

/// Arguments of `cp`.
#[derive(Clone, Debug, Args)]
pub struct CpArgs {
    /// From where: a path, or PROJECT/SERVICE:PATH
    #[arg(value_name = "FROM")]
    from: Place,
    /// To where: a path, PROJECT/SERVICE:PATH, or `-` for an archive on standard output
    #[arg(value_name = "TO")]
    to: Place,
    /// The container of this number; without it, one that is ready
    #[arg(long, value_name = "N")]
    index: Option<u32>,
}

/// One end of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// On this host.
    Here(PathBuf),
    /// In a container.
    There(Target, String),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // `./a:b` and `/a:b` are files of this host.
        let (target, path) = match text.split_once(':') {
            Some(parts) if !text.starts_with(['.', '/']) => parts,
            _ => return Ok(Self::Here(PathBuf::from(text))),
        };
        if !path.starts_with('/') {
            return Err(format!("`{path}` in a container has to begin with `/`"));
        }
        let target: Target = target.parse()?;
        let trimmed = path.trim_end_matches('/');
        Ok(Self::There(target, if trimmed.is_empty() { "/" } else { trimmed }.to_owned()))
    }
}

/// Copies.
///
/// # Errors
/// Both ends are on the same side, the service is not known or does not run, the policy refuses, the history cannot be
/// written, or a file cannot be read or written.
pub(super) async fn run(args: &CpArgs, context: &Context) -> Result<Outcome, CliError> {
    let (target, inside, is_out, here) = match (&args.from, &args.to) {
        (Place::There(target, inside), Place::Here(here)) => (target, inside, true, here),
        (Place::Here(here), Place::There(target, inside)) => (target, inside, false, here),
        _ => {
            return Err(CliError::usage("one end has to be in a container, the other one here")
                .hint("composelet cp shop/web:/etc/nginx/nginx.conf ."));
        }
    };
    let engine = by_hand::engine(context).await?;
    let container = replica::choose(context, &engine, (target, args.index)).await?;
    let what = if is_out {
        format!("from {inside} to {}", here.display())
    } else {
        format!("from {} to {inside}", here.display())
    };
    let told = |outcome: &str| {
        let (project, object) = (&target.project, container.name.as_str());
        let deed = Deed { project, action: "Copy", object, what: &what, outcome };
        by_hand::record(context, deed)
    };
    told("begun")?;
    let copied = if is_out {
        copy_out(context, &engine, (&container.id, inside), here).await
    } else {
        copy_in(&engine, here, (&container.id, inside)).await
    };
    match &copied {
        Ok(()) => told("done")?,
        Err(error) => told(&format!("failed: {error}"))?,
    }
    copied.map(|()| Outcome::Done)
}

async fn copy_out(
    context: &Context,
    engine: &Engine,
    (id, inside): (&ContainerId, &str),
    here: &Path,
) -> Result<(), CliError> {
    let mut archive = engine.archive_of(id, inside);
    if here == Path::new("-") {
        while let Some(piece) = archive.next().await {
            let piece = piece.map_err(|failure| not_there(&failure, inside))?;
            context.out.pass_on(Channel::Out, &piece)?;
        }
        return Ok(());
    }
    // Asked before anything is made here.
    let first = match archive.next().await {
        Some(Err(failure)) => return Err(not_there(&failure, inside)),
        first => first,
    };
    let archive = futures::stream::iter(first).chain(archive);
    let archive = archive.map(|piece| piece.map_err(|failure| failure.message));
    let copied = unpack(archive.boxed(), here).await;
    copied.map_err(|error| CliError::runtime(format!("{}: {error}", here.display())))
}

async fn copy_in(
    engine: &Engine,
    here: &Path,
    (id, inside): (&ContainerId, &str),
) -> Result<(), CliError> {
    let own = here.canonicalize().ok();
    let own = own.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
    let Some(own) = own else {
        return Err(CliError::not_found(format!("{} is not there", here.display())));
    };
    let is_directory =
        engine.is_directory(id, inside).await.map_err(|failure| refused(&failure))?;
    let (directory, name) = match inside.rsplit_once('/') {
        Some((parent, name)) if !is_directory => {
            (if parent.is_empty() { "/" } else { parent }, name)
        }
        _ => (inside, own),
    };
    let (archive, packing) = pack(here, name);
    let sent = engine.unpack_into((id, directory), archive).await;
    // What could not be read is the reason, not the archive that ended early.
    if let Ok(Err(error)) = packing.await
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        return Err(CliError::runtime(error.to_string()));
    }
    sent.map_err(|failure| not_there(&failure, directory))
}

fn not_there(failure: &Failure, path: &str) -> CliError {
    let error = refused(failure);
    if failure.message.contains(path) {
        error
    } else {
        CliError::runtime(format!("{path}: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_told_apart() {
        let place = |text: &str| text.parse::<Place>();
        let there = |path: &str| Place::There("shop/web".parse().unwrap(), path.to_owned());
        assert_eq!(place("shop/web:/etc/hosts"), Ok(there("/etc/hosts")));
        assert_eq!(place("shop/web:/etc/"), Ok(there("/etc")));
        assert_eq!(place("shop/web:/"), Ok(there("/")));
        for here in ["a", "-", "./shop/web:/a", "/srv/a:b"] {
            assert_eq!(place(here), Ok(Place::Here(PathBuf::from(here))));
        }
        assert!(place("shop/web:etc").unwrap_err().contains("begin with"));
        assert!(place("a/b/c:/etc").is_err());
    }
}
