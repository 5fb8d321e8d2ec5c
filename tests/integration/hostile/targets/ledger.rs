//! The state directory with whatever bytes in its files.

use composelet::ledger::{Ledger, MemoryStorage};
use composelet::model::id::ProjectName;
use composelet::model::secret::sha256_hex;

use super::sections;

/// Each section is a file; `!name` gets the checksum that belongs to its bytes, so that what is below it is reached.
pub(crate) fn files(data: &[u8]) {
    let storage = MemoryStorage::new();
    storage.plant("VERSION", b"1\n");
    let (first, named) = sections(data);
    plant(&storage, "!projects/shop.json", first);
    for (name, bytes) in named.iter().take(20) {
        plant(&storage, name, bytes);
    }
    let Ok(ledger) = Ledger::open_with(storage.clone()) else {
        return;
    };
    let shop = ProjectName::new("shop");
    let before = ledger.load_project(&shop);
    let host = ledger.load_host();
    let good = ledger.load_last_good(&shop);
    let history = ledger.history(&shop, 50);
    assert!(history.len() <= 50);
    let requests = ledger.take_requests();
    assert!(ledger.statuses().len() <= named.len() + 1);
    drop((ledger.controller_status(), ledger.last_good_names(), ledger.lock_holder()));
    // What was corrupt is set aside: a second process finds nothing to complain about, and what was whole is still there.
    let again = Ledger::open_with(storage).expect("opened a moment ago");
    let after = again.load_project(&shop);
    assert_eq!(after.0, before.0);
    assert!(after.1.is_none(), "{after:?}");
    assert_eq!(again.load_host().0, host.0);
    assert_eq!(again.take_requests().len(), requests.len());
    assert_eq!(again.history(&shop, 50).len(), history.len());
    // What was read can be written and read.
    again.save_project(&shop, &before.0).expect("memory that was read can be kept");
    assert_eq!(again.load_project(&shop), (before.0, None));
    if let Some(good) = good {
        again.save_last_good(&shop, &good).expect("files that were read can be kept");
        assert_eq!(again.load_last_good(&shop), Some(good));
    }
    again.submit(&composelet::ledger::Request::Reconcile { project: None }).ok();
}

fn plant(storage: &MemoryStorage, name: &str, bytes: &[u8]) {
    let Some(name) = name.strip_prefix('!') else {
        storage.plant(name, bytes);
        return;
    };
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let mut sealed = format!("sha256:{}\n", sha256_hex([body])).into_bytes();
    sealed.extend_from_slice(body);
    sealed.push(b'\n');
    storage.plant(name, &sealed);
}
