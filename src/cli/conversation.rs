//! A person, or a pipe, on one side; a command inside a container on the other.

use bytes::Bytes;
use futures::StreamExt;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::Receiver;
use tokio_util::task::AbortOnDropHandle;

use crate::cli::context::Context;
use crate::cli::exit::CliError;
use crate::cli::output::Channel;
use crate::cli::terminal::{self, Raw};
use crate::engine::{Engine, InsideInput, Output, Running};
use crate::model::outcome::Failure;

/// Passes everything on until the command ends; its exit code.
///
/// # Errors
/// The connection broke: the command may go on inside. Standard output cannot be written.
pub(super) async fn hold(
    context: &Context,
    engine: &Engine,
    mut running: Running,
    terminal: bool,
) -> Result<i64, CliError> {
    let raw = if terminal { Some(Raw::begin()?) } else { None };
    let typing = running.take_input().map(|input| type_into(input, terminal::typed()));
    let mut resized = signal(SignalKind::window_change())?;
    fit(engine, &running, terminal).await;
    loop {
        tokio::select! {
            piece = running.output.next() => match piece {
                None => break,
                Some(Ok(Output::Out(bytes))) => context.out.pass_on(Channel::Out, &bytes)?,
                Some(Ok(Output::Err(bytes))) => context.out.pass_on(Channel::Err, &bytes)?,
                Some(Err(failure)) => return Err(broken(&failure)),
            },
            _ = resized.recv() => fit(engine, &running, terminal).await,
        }
    }
    drop((raw, typing));
    engine.end_inside(&running).await.map_err(|failure| broken(&failure))
}

/// What is typed goes in, and its end.
fn type_into(mut input: InsideInput, mut typed: Receiver<Bytes>) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        while let Some(bytes) = typed.recv().await {
            if !input.send(&bytes).await {
                return;
            }
        }
        input.end().await;
    }))
}

/// The terminal inside becomes as large as the one outside. One of another size is only ugly.
async fn fit(engine: &Engine, running: &Running, terminal: bool) {
    if let Some(size) = terminal::size().filter(|_| terminal) {
        drop(engine.resize_inside(running, size).await);
    }
}

fn broken(failure: &Failure) -> CliError {
    CliError::runtime(format!("the command was lost: {}", failure.message))
        .hint("it may go on in the container")
}
