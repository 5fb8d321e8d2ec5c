//! What is believed of readings, as data: a row is a reading at an instant, and what is wanted after it.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use composelet::controller::desired::belief::{Beliefs, Changes, Want};
use composelet::controller::desired::compose::ComposeLoader;
use composelet::controller::desired::loading::{EntryReading, load_entry};
use composelet::controller::desired::reading::{Reading, RootState};
use composelet::model::files::Entry;
use composelet::model::files::{FileContent, Files};
use composelet::model::id::ProjectName;
use composelet::model::ledger::HostLedger;
use composelet::model::path::LocalPath;
use composelet::model::time::Timestamp;

const WEB: &str = "services: {web: {image: app, volumes: [data:/data]}}\nvolumes: {data: {}}";
const WEB_AND_DB: &str =
    "services: {web: {image: app, volumes: [data:/data]}, db: {image: app}}\nvolumes: {data: {}}";
const NO_MOUNT: &str = "services: {web: {image: app}}\nvolumes: {data: {}}";
const BROKEN: &str = "services: {web: {image: [}}";

fn load(name: &str, text: &str) -> (Entry, EntryReading) {
    let directory = LocalPath::new(Path::new("/root").join(name));
    let entry = Entry::Directory(directory.clone());
    let bytes: Arc<[u8]> = Arc::from(text.as_bytes());
    let file = directory.join("compose.yaml");
    let names = vec!["compose.yaml".to_owned()];
    let files = Files::from([
        (file, FileContent::Bytes(bytes)),
        (directory, FileContent::Directory(names)),
    ]);
    let missing = |_: &LocalPath| Some(FileContent::Missing);
    let reading = load_entry(&ComposeLoader::default(), &entry, files, missing);
    (entry, reading)
}

/// A reading of these directories in the root with this inode.
fn reading(inode: u64, entries: &[(&str, &str)]) -> Reading {
    let entries = entries.iter().map(|(name, text)| load(name, text)).collect();
    Reading { root: RootState::Read((1, inode)), entries }
}

fn unread(root: RootState) -> Reading {
    Reading { root, entries: BTreeMap::new() }
}

#[derive(Default)]
struct Story {
    beliefs: Beliefs,
    changes: Changes,
}

impl Story {
    fn at(&mut self, seconds: i64, reading: &Reading) -> &mut Self {
        self.changes = self.beliefs.read(reading, Timestamp::from_millis(seconds * 1000));
        self
    }

    /// The next process: what outlives it is the host's ledger and the last good versions.
    fn restart(&mut self) -> &mut Self {
        let host: HostLedger = self.beliefs.host().clone();
        let version =
            |(name, belief): (&ProjectName, &composelet::controller::desired::belief::Belief)| {
                Some((name.clone(), belief.version.clone()?))
            };
        let good = self.beliefs.iter().filter_map(version).collect();
        self.beliefs = Beliefs::new(host, good);
        self
    }

    fn wants(&self, name: &str) -> String {
        let Some(belief) = self.beliefs.get(&name.into()) else {
            return "nothing".to_owned();
        };
        let (want, held) = belief.want();
        let services = |project: &composelet::model::desired::DesiredProject| {
            let names: Vec<_> = project.services.keys().map(ToString::to_string).collect();
            let mounts: usize = project.services.values().map(|one| one.config.mounts.len()).sum();
            format!("{} with {mounts} mounts", names.join("+"))
        };
        let mut text = match want {
            Want::Run(project) => format!("run {}", services(&project)),
            Want::RunKeeping(project) => format!("run, keeping: {}", services(&project)),
            Want::Remove => "remove".to_owned(),
            Want::Hold(waiting, _) => format!("hold {}", waiting.code()),
        };
        for held in held {
            text = format!("{text}, {}", held.waiting_on.code());
        }
        text
    }
}

/// A host that has run these for a while.
fn settled(entries: &[(&str, &str)]) -> Story {
    let mut story = Story::default();
    story.at(0, &reading(7, entries)).at(4, &reading(7, entries));
    story
}

#[test]
fn what_is_new_runs_at_once_and_is_kept_as_last_good() {
    let mut story = Story::default();
    story.at(0, &reading(7, &[("shop", WEB)]));
    assert_eq!(story.wants("shop"), "run, keeping: web with 1 mounts");
    assert_eq!(story.changes.accepted.len(), 1);
    story.at(2, &reading(7, &[("shop", WEB)]));
    assert_eq!(story.wants("shop"), "run, keeping: web with 1 mounts");
    story.at(3, &reading(7, &[("shop", WEB)]));
    assert_eq!(story.wants("shop"), "run web with 1 mounts");
    story.at(4, &reading(7, &[("shop", WEB_AND_DB)]));
    assert_eq!(story.wants("shop"), "run db+web with 1 mounts");
    assert_eq!(story.changes.accepted.len(), 1);
    story.at(5, &reading(7, &[("shop", WEB_AND_DB)]));
    assert_eq!(story.changes, Changes::default(), "an equal reading changes nothing");
}

#[test]
fn a_service_goes_after_two_readings_three_seconds_apart_that_agree() {
    let mut story = settled(&[("shop", WEB_AND_DB)]);
    story.at(10, &reading(7, &[("shop", WEB)]));
    assert_eq!(story.wants("shop"), "run, keeping: web with 1 mounts");
    assert_eq!(story.beliefs.next_look(), Some(Timestamp::from_millis(13_000)));
    story.at(12, &reading(7, &[("shop", WEB)]));
    assert_eq!(story.wants("shop"), "run, keeping: web with 1 mounts");
    story.restart().at(12, &reading(7, &[("shop", WEB)]));
    assert_eq!(story.wants("shop"), "run, keeping: web with 1 mounts");
    story.at(15, &reading(7, &[("shop", WEB)]));
    assert_eq!(story.wants("shop"), "run web with 1 mounts");
}

#[test]
fn a_removal_that_changes_is_looked_at_afresh() {
    let mut story = settled(&[("shop", WEB_AND_DB)]);
    story.at(10, &reading(7, &[("shop", WEB)]));
    story.at(12, &reading(7, &[("shop", NO_MOUNT)]));
    assert_eq!(story.wants("shop"), "run db+web with 1 mounts, ManifestSettling");
    story.at(14, &reading(7, &[("shop", NO_MOUNT)]));
    assert_eq!(story.wants("shop"), "run db+web with 1 mounts, ManifestSettling");
    story.at(15, &reading(7, &[("shop", NO_MOUNT)]));
    assert_eq!(story.wants("shop"), "run web with 0 mounts");
}

#[test]
fn a_file_that_does_not_load_holds_its_project_at_the_last_good_version() {
    let mut story = settled(&[("shop", WEB)]);
    story.at(10, &reading(7, &[("shop", BROKEN), ("new", BROKEN)]));
    assert_eq!(story.wants("shop"), "run web with 1 mounts, InvalidManifest");
    assert_eq!(story.wants("new"), "nothing", "nobody knows what it is called");
    assert!(!story.beliefs.diagnostics().is_empty(), "its findings are the host's");
    story.restart().at(20, &reading(7, &[("shop", BROKEN)]));
    assert_eq!(story.wants("shop"), "run web with 1 mounts, InvalidManifest");
    story.at(30, &reading(7, &[("shop", WEB_AND_DB)]));
    assert_eq!(story.wants("shop"), "run db+web with 1 mounts");
}

#[test]
fn a_project_goes_after_a_second_look() {
    let mut story = settled(&[("shop", WEB), ("blog", WEB)]);
    story.at(10, &reading(7, &[("blog", WEB)]));
    assert_eq!(story.wants("shop"), "hold ManifestSettling");
    story.at(11, &unread(RootState::Unreadable("I/O error".to_owned())));
    story.at(13, &reading(7, &[("blog", WEB)]));
    assert_eq!(
        story.wants("shop"),
        "hold ManifestSettling",
        "an unread root starts the time again"
    );
    story.at(14, &reading(7, &[("blog", WEB)]));
    assert_eq!(story.wants("shop"), "remove");
    story.at(20, &reading(7, &[("blog", WEB), ("shop", WEB)]));
    assert_eq!(story.wants("shop"), "run web with 1 mounts", "it came back in mid-removal");
    story.at(30, &reading(7, &[("blog", WEB)]));
    story.restart().at(40, &reading(7, &[("blog", WEB)]));
    assert_eq!(story.wants("shop"), "hold ManifestSettling", "a new process looks twice too");
    story.at(43, &reading(7, &[("blog", WEB)]));
    assert_eq!(story.wants("shop"), "remove");
    story.beliefs.removed(&"shop".into());
    assert_eq!(story.wants("shop"), "nothing");
}

#[test]
fn a_mass_is_confirmed_for_the_recorded_set_only() {
    let all = [("a", WEB), ("b", WEB), ("c", WEB), ("d", WEB)];
    let mut story = settled(&all);
    story.at(10, &reading(7, &[("d", WEB)])).at(14, &reading(7, &[("d", WEB)]));
    let held = "run web with 1 mounts, PruneNeedsConfirmation";
    for name in ["a", "b", "c"] {
        assert_eq!(story.wants(name), held);
    }
    assert_eq!(story.beliefs.held().len(), 1);
    story.at(100, &reading(7, &[("d", WEB), ("a", WEB)]));
    let going = story.beliefs.confirm(None);
    assert_eq!(going, ["b".into(), "c".into()].into());
    story.at(101, &reading(7, &[]));
    assert_eq!(story.wants("b"), "remove");
    assert_eq!(story.wants("a"), "hold ManifestSettling", "not part of what was confirmed");
    story.restart().at(110, &reading(7, &[])).at(113, &reading(7, &[]));
    assert_eq!(story.wants("b"), "remove", "confirmed is confirmed");
    assert_eq!(story.wants("a"), held, "all at once is a mass again");
}

/// A restart in between does not make two removals of one.
#[test]
fn what_went_counts_together_over_a_restart() {
    let all = [("a", WEB), ("b", WEB), ("c", WEB)];
    let mut story = settled(&all);
    story.at(20, &reading(7, &all[1..])).at(24, &reading(7, &all[1..]));
    assert_eq!(story.wants("a"), "remove");
    story.beliefs.removed(&"a".into());
    story.restart().at(40, &reading(7, &[])).at(44, &reading(7, &[]));
    for name in ["b", "c"] {
        assert_eq!(story.wants(name), "run web with 1 mounts, PruneNeedsConfirmation");
    }
}

#[test]
fn what_waited_for_a_person_waits_on_after_a_restart_however_late() {
    let all = [("a", WEB), ("b", WEB), ("c", WEB)];
    for later in [30, 79, 200] {
        let mut story = settled(&all);
        story.at(20, &reading(7, &[])).at(24, &reading(7, &[]));
        story.restart().at(later, &reading(7, &[])).at(later + 4, &reading(7, &[]));
        for name in ["a", "b", "c"] {
            let wants = "run web with 1 mounts, PruneNeedsConfirmation";
            assert_eq!(story.wants(name), wants, "{name}, seen again at {later} s");
        }
    }
}

#[test]
fn another_root_removes_nothing_by_itself() {
    let mut story = settled(&[("shop", WEB)]);
    story.at(10, &reading(8, &[])).at(14, &reading(8, &[]));
    assert_eq!(story.wants("shop"), "run web with 1 mounts, PruneNeedsConfirmation");
    story.restart().at(20, &reading(8, &[])).at(24, &reading(8, &[]));
    assert_eq!(story.wants("shop"), "run web with 1 mounts, PruneNeedsConfirmation");
    story.at(30, &reading(8, &[("shop", WEB)]));
    assert_eq!(story.wants("shop"), "run web with 1 mounts");
    story.at(40, &reading(8, &[])).at(44, &reading(8, &[]));
    assert_eq!(story.wants("shop"), "remove", "it is the root now");
}

#[test]
fn a_root_that_cannot_be_read_changes_nothing() {
    let mut story = settled(&[("shop", WEB)]);
    for root in [RootState::Missing, RootState::Unreadable("I/O error".to_owned())] {
        story.at(10, &unread(root.clone())).at(100, &unread(root));
        assert_eq!(story.wants("shop"), "run web with 1 mounts");
    }
    story.at(200, &unread(RootState::Missing));
    assert_eq!(story.beliefs.unconfirmed(), ["shop".into()].into());
    story.beliefs.confirm(Some(&"shop".into()));
    assert_eq!(story.wants("shop"), "remove");
}

#[test]
fn nobody_gets_a_name_that_two_claim() {
    let named = format!("name: shop\n{WEB_AND_DB}");
    let mut story = settled(&[("shop", WEB)]);
    let both = [("copy", named.as_str()), ("shop", WEB_AND_DB)];
    story.at(10, &reading(7, &both));
    assert_eq!(story.wants("shop"), "run web with 1 mounts, InvalidManifest");
    let mut fresh = Story::default();
    fresh.at(0, &reading(7, &both)).at(10, &reading(7, &both));
    assert_eq!(fresh.wants("shop"), "hold InvalidManifest");
    story.at(20, &reading(7, &[("copy", named.as_str())]));
    assert_eq!(
        story.wants("shop"),
        "run db+web with 1 mounts",
        "a moved entry is the same project"
    );
}
