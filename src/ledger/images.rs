//! Images that this controller brought to the host: one file for each, so that the controller and a command may both write.

use crate::ledger::error::LedgerError;
use crate::ledger::open::Ledger;
use crate::ledger::store::{checked, load, remove, save};
use crate::model::garbage::FetchedImage;
use crate::model::id::{ImageId, ProjectName};

const DIRECTORY: &str = "images";

/// Images that are remembered, at most; what was fetched longest ago is forgotten first, and stays on the host for good.
const MOST_IMAGES: usize = 2000;

impl Ledger {
    /// Remembers an image, in the place of what was remembered of it.
    ///
    /// # Errors
    /// If it cannot be written, or its id is none.
    pub fn remember_image(&self, image: &FetchedImage) -> Result<(), LedgerError> {
        let wrap = |error| LedgerError::io(DIRECTORY, error);
        self.storage.create_directory(DIRECTORY).map_err(wrap)?;
        save(self.storage.as_ref(), &path(&image.id)?, image)?;
        if self.storage.list(DIRECTORY).map_err(wrap)?.len() > MOST_IMAGES {
            let mut known = self.fetched_images();
            known.sort_by_key(|one| one.at);
            let surplus = known.len().saturating_sub(MOST_IMAGES);
            known.iter().take(surplus).try_for_each(|one| self.forget_image(&one.id))?;
        }
        Ok(())
    }

    /// Forgets an image: it is gone, or was fetched by somebody else since.
    ///
    /// # Errors
    /// If its file cannot be removed.
    pub fn forget_image(&self, id: &ImageId) -> Result<(), LedgerError> {
        remove(self.storage.as_ref(), &path(id)?)
    }

    /// What is remembered of an image.
    pub fn fetched_image(&self, id: &ImageId) -> Option<FetchedImage> {
        load(self.storage.as_ref(), &path(id).ok()?).0
    }

    /// All that is remembered. A file that cannot be read is set aside: an image that nobody remembers stays.
    pub fn fetched_images(&self) -> Vec<FetchedImage> {
        let names = self.storage.list(DIRECTORY).unwrap_or_default();
        let names = names.iter().filter(|name| !name.starts_with('.'));
        let digits = names.filter_map(|name| name.strip_suffix(".json"));
        let paths = digits.map(|digits| format!("{DIRECTORY}/{digits}.json"));
        paths.filter_map(|path| load(self.storage.as_ref(), &path).0).collect()
    }

    /// Projects that something is remembered of.
    ///
    /// # Errors
    /// If the list of them cannot be read.
    pub fn remembered_projects(&self) -> Result<Vec<ProjectName>, LedgerError> {
        let wrap = |error| LedgerError::io("projects", error);
        let names = self.storage.list("projects").map_err(wrap)?;
        let names = names.iter().filter_map(|name| name.strip_suffix(".json"));
        let names = names.filter(|name| checked(name).is_ok());
        Ok(names.map(ProjectName::from).collect())
    }
}

fn path(id: &ImageId) -> Result<String, LedgerError> {
    let digits = id.as_str().strip_prefix("sha256:").unwrap_or(id.as_str());
    Ok(format!("{DIRECTORY}/{}.json", checked(digits)?))
}
