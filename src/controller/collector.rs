//! Looks for images that have no use any more, and removes them. The choice is made by `garbage`.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::controller::blocking::Blocking;
use crate::engine::Engine;
use crate::garbage::{Facts, Judged, Wanted, choose};
use crate::ledger::Ledger;
use crate::model::garbage::{FetchedImage, StoredImage};
use crate::model::id::ImageId;
use crate::model::outcome::{Failure, FailureClass};
use crate::model::time::Timestamp;

/// Engine and memory, as a collection needs them.
#[derive(Clone, Debug)]
pub struct Collector {
    /// The engine.
    pub engine: Engine,
    /// The state directory.
    pub ledger: Ledger,
    /// Where it is read.
    pub blocking: Blocking,
}

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    stored: Vec<StoredImage>,
    fetched: BTreeMap<ImageId, FetchedImage>,
    used: BTreeMap<ImageId, String>,
    wanted: Wanted,
}

impl Looked {
    /// Judges every image; what goes comes first, in its order.
    pub fn judge(&self, min_age: Duration, now: Timestamp) -> Vec<Judged<'_>> {
        let Self { stored, fetched, used, wanted } = self;
        choose(&Facts { stored, fetched, used, wanted, min_age, now })
    }

    /// What is remembered of an image.
    pub fn fetched(&self, image: &StoredImage) -> Option<&FetchedImage> {
        self.fetched.get(&image.id)
    }
}

impl Collector {
    /// Looks at images, containers and the memory. `wanted` is what files of projects name; what their memories hold is added
    /// here. The memory is read first: what is fetched meanwhile is not in it, and stays.
    ///
    /// # Errors
    /// The engine cannot be asked, or the memory of a project cannot be read: what it may go back to is not known then.
    pub async fn look(&self, wanted: Wanted) -> Result<Looked, Failure> {
        let ledger = self.ledger.clone();
        let remembered = self.blocking.run(move || remembered(&ledger, wanted)).await;
        let (wanted, fetched) = remembered
            .map_err(|error| unreadable(error.to_string()))
            .and_then(|remembered| remembered.map_err(unreadable))?;
        let stored = self.engine.stored_images().await?;
        let used = self.engine.image_users().await?;
        Ok(Looked { stored, fetched, used, wanted })
    }

    /// Forgets images that are gone: who fetches one of them again has it.
    pub async fn forget_gone(&self, looked: &Looked) {
        let is_there = |id: &ImageId| looked.stored.iter().any(|image| image.id == *id);
        let gone = looked.fetched.keys().filter(|id| !is_there(id));
        for id in gone.cloned().collect::<Vec<_>>() {
            self.forget(id).await;
        }
    }

    /// Removes an image and forgets it.
    ///
    /// # Errors
    /// `Conflict` if somebody uses it by now: it stays; `Engine`.
    pub async fn remove(&self, image: &StoredImage) -> Result<(), Failure> {
        self.engine.remove_image(image).await?;
        self.forget(image.id.clone()).await;
        Ok(())
    }

    async fn forget(&self, id: ImageId) {
        let ledger = self.ledger.clone();
        // What is not forgotten now is forgotten at the next look.
        drop(self.blocking.run(move || ledger.forget_image(&id)).await);
    }
}

/// What the state directory says, in blocking calls.
fn remembered(
    ledger: &Ledger,
    mut wanted: Wanted,
) -> Result<(Wanted, BTreeMap<ImageId, FetchedImage>), String> {
    let fetched = ledger.fetched_images().into_iter().map(|one| (one.id.clone(), one)).collect();
    for name in ledger.remembered_projects().map_err(|error| error.to_string())? {
        let (memory, note) = ledger.load_project(&name);
        if let Some(note) = note {
            return Err(format!("the memory of {name} is not whole: {note}"));
        }
        wanted.ledger(&name, &memory);
    }
    Ok((wanted, fetched))
}

fn unreadable(message: String) -> Failure {
    Failure { class: FailureClass::Invalid, message }
}
