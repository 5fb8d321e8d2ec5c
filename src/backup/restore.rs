//! Puts one file of a backup into a container that runs.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::spawn_blocking;

use crate::backup::reader::read_back;
use crate::engine::Engine;
use crate::model::backup_set::{BackupSet, Member};
use crate::model::hook::HookCommand;
use crate::model::id::ContainerId;
use crate::model::secret::Secret;
use crate::recipes;
use crate::secrets::Keyring;

/// Pieces of a dump that wait for the container.
const PIECES: usize = 8;

/// Restores `member` of `set` into `container`. The file is read through once before anything in the container changes.
/// `own` is the command of the manifest, for backups that one made. Gives what the command said at its end.
///
/// # Errors
/// What failed. What the recipe did until then stays; those that can do so change all or nothing.
pub(super) async fn restore(
    engine: &Engine,
    container: &ContainerId,
    (set, member): (&BackupSet, &Member),
    own: Option<&[Secret]>,
    keys: &Arc<Keyring>,
) -> Result<Vec<String>, String> {
    let command = recipes::restore(&member.format, member.plain_bytes, &set.id, own)
        .ok_or("the manifest has no `restore` command for it")?;
    let command = HookCommand { command, ..HookCommand::default() };
    let read = |output: Option<Sender<Bytes>>| {
        let (directory, member, keys) =
            (PathBuf::from(&set.directory), member.clone(), Arc::clone(keys));
        spawn_blocking(move || read_back(&directory, &member, Some(&keys), output.as_ref()))
    };
    read(None).await.map_err(|error| error.to_string())??;
    let (sender, receiver) = channel(PIECES);
    let reading = read(Some(sender));
    let ended = engine.exec_input(container, &command, receiver).await;
    let read = reading.await.map_err(|error| error.to_string())?;
    match ended {
        Ok((end, fed)) if end.code == 0 && fed == member.plain_bytes => read.map(|_| end.lines),
        Ok((end, fed)) if end.code == 0 => {
            Err(format!("it ended after {fed} of {} bytes", member.plain_bytes))
        }
        Ok((end, _)) => Err(format!("exit code {}; {}", end.code, end.lines.join("; "))),
        Err(failure) => Err(failure.message),
    }
}
