//! The memory of one project, read and written by its passes.

use crate::controller::memory::Memory;
use crate::controller::pass::Surroundings;
use crate::model::event::EventKind;
use crate::model::id::ProjectName;
use crate::model::ledger::ProjectLedger;

/// Reads the ledger; what is wrong with it is told.
pub(super) async fn load(
    around: &Surroundings,
    name: &ProjectName,
    memory: &mut Memory,
) -> ProjectLedger {
    let (store, key) = (around.ledger.clone(), name.clone());
    let loaded = around.blocking.run(move || store.load_project(&key)).await;
    let (ledger, note) = loaded.unwrap_or_default();
    if let Some(note) = note {
        let kind = EventKind::Controller(note);
        around.events.send(around.clock.now(), Some(name), kind);
    }
    memory.saved = Some(ledger.clone());
    planted!("rejection-is-forgotten", ledger, {
        let mut ledger = ledger;
        crate::planner::resume(&mut ledger);
        ledger
    })
}

/// Writes the ledger if it changed.
pub(super) async fn save(
    around: &Surroundings,
    name: &ProjectName,
    memory: &mut Memory,
    ledger: &ProjectLedger,
) -> Result<(), String> {
    if planted!("ledger-unsaved", memory.saved.as_ref() == Some(ledger), true) {
        return Ok(());
    }
    let (store, key, copy) = (around.ledger.clone(), name.clone(), ledger.clone());
    let saved = around.blocking.run(move || store.save_project(&key, &copy)).await;
    match saved {
        Ok(Ok(())) => {
            memory.saved = Some(ledger.clone());
            Ok(())
        }
        Ok(Err(error)) => Err(error.to_string()),
        Err(panicked) => Err(panicked.to_string()),
    }
}
