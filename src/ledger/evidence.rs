//! Bundles of evidence, a file each, bounded in number and bytes. Losing one costs an explanation, nothing else: they are
//! not synced.

use crate::ledger::error::LedgerError;
use crate::ledger::open::Ledger;
use crate::ledger::store::{Durability, checked, encode, replace};
use crate::model::bundle::EvidenceBundle;
use crate::model::id::{ContainerId, ProjectName};
use crate::model::time::Timestamp;

/// Bundles that are kept of one project; the oldest goes first.
const MOST_BUNDLES: usize = 20;
/// Largest bundle, in bytes; log lines are given up for it, oldest first.
const MOST_BYTES: usize = 64 << 10;
/// Projects whose bundles are kept.
const MOST_PROJECTS: usize = 200;

impl Ledger {
    /// Whether a bundle of that run is there already.
    pub fn has_evidence(
        &self,
        project: &ProjectName,
        container: &ContainerId,
        started_at: Option<Timestamp>,
    ) -> bool {
        let ending = format!("-{}.json", EvidenceBundle::run(container, started_at));
        self.evidence_names(project).iter().any(|name| name.ends_with(&ending))
    }

    /// Keeps a bundle, and lets the oldest ones of the project go.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keep_evidence(
        &self,
        project: &ProjectName,
        bundle: &EvidenceBundle,
    ) -> Result<(), LedgerError> {
        let directory = directory(project)?;
        self.forget_oldest_project(&directory);
        let made = self.storage.create_directory(&directory);
        made.map_err(|error| LedgerError::io(&directory, error))?;
        let run = EvidenceBundle::run(&bundle.container, bundle.evidence.started_at);
        // Names sort by time: milliseconds since 1970 have thirteen digits until 2286.
        let path = format!("{directory}/{:013}-{run}.json", bundle.at.as_millis());
        let text = bounded(&path, bundle)?;
        replace(self.storage.as_ref(), &path, text.as_bytes(), Durability::Cached)?;
        let names = self.evidence_names(project);
        for name in names.iter().take(names.len().saturating_sub(MOST_BUNDLES)) {
            // Best effort: the next bundle tries again.
            self.storage.remove(&format!("{directory}/{name}")).ok();
        }
        Ok(())
    }

    /// The bundles of a project, oldest first. Files that cannot be read are passed over.
    pub fn evidence(&self, project: &ProjectName) -> Vec<EvidenceBundle> {
        let Ok(directory) = directory(project) else { return Vec::new() };
        let names = self.evidence_names(project);
        names.iter().filter_map(|name| self.published(&format!("{directory}/{name}"))).collect()
    }

    fn evidence_names(&self, project: &ProjectName) -> Vec<String> {
        let Ok(directory) = directory(project) else { return Vec::new() };
        let names = self.storage.list(&directory).unwrap_or_default();
        let whole =
            |name: &String| name.strip_suffix(".json").is_some_and(|name| checked(name).is_ok());
        names.into_iter().filter(whole).collect()
    }

    /// Makes room for one more project: the one whose newest bundle is the oldest loses all.
    fn forget_oldest_project(&self, wanted: &str) {
        let projects = self.storage.list("evidence").unwrap_or_default();
        let known = projects.iter().any(|name| wanted == format!("evidence/{name}"));
        if known || projects.len() < MOST_PROJECTS {
            return;
        }
        let newest = |name: &&String| {
            let names = self.storage.list(&format!("evidence/{name}")).unwrap_or_default();
            names.last().cloned().unwrap_or_default()
        };
        if let Some(oldest) = projects.iter().min_by_key(newest) {
            for name in self.storage.list(&format!("evidence/{oldest}")).unwrap_or_default() {
                self.storage.remove(&format!("evidence/{oldest}/{name}")).ok();
            }
        }
    }
}

fn directory(project: &ProjectName) -> Result<String, LedgerError> {
    Ok(format!("evidence/{}", checked(project.as_str())?))
}

/// The bundle as JSON within its limit.
fn bounded(path: &str, bundle: &EvidenceBundle) -> Result<String, LedgerError> {
    let mut bundle = bundle.clone();
    loop {
        let text = encode(path, &bundle)? + "\n";
        if text.len() <= MOST_BYTES || bundle.log.is_empty() {
            return Ok(text);
        }
        let half = bundle.log.len().div_ceil(2);
        bundle.log.drain(..half);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::memory_storage::MemoryStorage;
    use crate::model::id::ServiceName;
    use crate::model::revision::Evidence;

    fn bundle(number: i64) -> EvidenceBundle {
        let started_at = Some(Timestamp::from_millis(number));
        EvidenceBundle {
            at: Timestamp::from_millis(1_000 + number),
            service: ServiceName::from("web"),
            name: "shop-web-1".to_owned(),
            container: ContainerId::from("0123456789abcdef"),
            evidence: Evidence { started_at, ..Evidence::default() },
            log: vec!["x".repeat(500); 400],
        }
    }

    #[test]
    fn the_newest_bundles_are_kept_within_their_size_and_one_run_is_kept_once() {
        let storage = MemoryStorage::default();
        let ledger = Ledger::open_with(storage).expect("a ledger");
        let project = ProjectName::from("shop");
        for number in 0..30 {
            ledger.keep_evidence(&project, &bundle(number)).expect("kept");
        }
        let kept = ledger.evidence(&project);
        assert_eq!(kept.len(), MOST_BUNDLES);
        let starts: Vec<_> = kept.iter().filter_map(|one| one.evidence.started_at).collect();
        assert_eq!(starts.first(), Some(&Timestamp::from_millis(10)), "the oldest went");
        assert!(kept.iter().all(|one| one.log.len() < 400 && !one.log.is_empty()), "cut to fit");
        let id = ContainerId::from("0123456789abcdef");
        assert!(ledger.has_evidence(&project, &id, Some(Timestamp::from_millis(29))));
        assert!(!ledger.has_evidence(&project, &id, Some(Timestamp::from_millis(9))));
        assert!(ledger.evidence(&ProjectName::from("other")).is_empty());
    }
}
