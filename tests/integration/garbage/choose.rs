//! Which images may go: cases as data, and what holds for every world.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use composelet::garbage::{Facts, Fate, Fetch, Stays, Wanted, brought, choose};
use composelet::model::garbage::{FetchedImage, ImageOrigin, StoredImage};
use composelet::model::id::{ImageId, ProjectName, Revision, ServiceName};
use composelet::model::ledger::ProjectLedger;
use composelet::model::revision::{ProjectRevision, ServiceRevision, Verdict};
use composelet::model::time::Timestamp;
use proptest::prelude::*;

const NOW: i64 = 1_000_000_000;
const MIN_AGE: Duration = Duration::from_secs(100);

/// Everything that a choice depends on, owned.
#[derive(Clone, Debug, Default)]
struct World {
    stored: Vec<StoredImage>,
    fetched: BTreeMap<ImageId, FetchedImage>,
    used: BTreeMap<ImageId, String>,
    ledger: ProjectLedger,
    named: BTreeSet<String>,
}

impl World {
    fn image(mut self, id: &str, tags: &[&str]) -> Self {
        self.stored.push(StoredImage {
            id: id.into(),
            parent: None,
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            digests: BTreeSet::new(),
            size: 10,
        });
        self
    }

    fn upon(mut self, parent: &str) -> Self {
        self.stored.last_mut().unwrap().parent = Some(parent.into());
        self
    }

    /// The last image is ours, by these names and for so many seconds.
    fn ours(mut self, names: &[&str], age_s: i64) -> Self {
        let id = self.stored.last().unwrap().id.clone();
        let known = FetchedImage {
            id: id.clone(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            project: "shop".into(),
            origin: ImageOrigin::Pulled,
            at: Timestamp::from_millis(NOW - age_s * 1000),
        };
        self.fetched.insert(id, known);
        self
    }

    fn used_by(mut self, container: &str) -> Self {
        let id = self.stored.last().unwrap().id.clone();
        self.used.insert(id, container.to_owned());
        self
    }

    /// The last image is that of a kept revision.
    fn kept(mut self) -> Self {
        let image_id = self.stored.last().unwrap().id.clone();
        let number = self.ledger.history.len() as u64 + 1;
        let service =
            ServiceRevision { revision: Revision::new("r"), image: "app".to_owned(), image_id };
        self.ledger.history.push_back(ProjectRevision {
            number,
            digest: number.to_string(),
            commit: None,
            services: BTreeMap::from([(ServiceName::new("web"), service)]),
            since: Timestamp::default(),
            verdict: Verdict::Open,
        });
        self
    }

    fn named(mut self, reference: &str) -> Self {
        self.named.insert(reference.to_owned());
        self
    }

    fn wanted(&self) -> Wanted {
        let (mut wanted, shop) = (Wanted::default(), ProjectName::new("shop"));
        wanted.ledger(&shop, &self.ledger);
        self.named.iter().for_each(|reference| wanted.name(reference, &shop));
        wanted
    }

    /// Ids with their fates, in order.
    fn fates(&self) -> Vec<(ImageId, Fate)> {
        let wanted = self.wanted();
        let facts = Facts {
            stored: &self.stored,
            fetched: &self.fetched,
            used: &self.used,
            wanted: &wanted,
            min_age: MIN_AGE,
            now: Timestamp::from_millis(NOW),
        };
        choose(&facts).into_iter().map(|one| (one.image.id.clone(), one.fate)).collect()
    }

    fn told(&self) -> String {
        let told = self.fates().into_iter().map(|(id, fate)| match fate {
            Fate::Goes(why) => format!("- {id}: {why}"),
            Fate::Stays(why) => format!("= {id}: {why}"),
        });
        told.collect::<Vec<_>>().join("\n")
    }
}

const SHORT: &str = "sha256:0123456789abcdef";

#[test]
fn every_rule_has_its_case() {
    let world = World::default;
    let table = [
        (world().image("a", &["app:1"]), "= a: composelet did not bring it here"),
        (
            world().image("a", &["app:1"]).ours(&["app:1"], 200),
            "- a: no project names it, and no kept revision has it",
        ),
        (
            world().image("a", &[]).ours(&["app:1"], 200),
            "- a: its names lead to other images by now",
        ),
        (world().image("a", &["app:1"]).ours(&["app:1"], 99), "= a: it was fetched 99 s ago"),
        (world().image("a", &["app:1"]).ours(&["app:1"], -5), "= a: it was fetched 0 s ago"),
        (
            world().image("a", &["app:1"]).ours(&["app:1"], 200).used_by("x-1"),
            "= a: container x-1 has it",
        ),
        (world().image("a", &[]).ours(&["app:1"], 200).kept(), "= a: revision 1 of shop has it"),
        (
            world()
                .image("a", &["app:latest"])
                .ours(&["app:latest"], 200)
                .named("docker.io/library/app"),
            "= a: project shop names app:latest",
        ),
        (
            world().image(SHORT, &[]).ours(&["app:1"], 200).named("0123456789ab"),
            "= sha256:0123456789abcdef: project shop names 0123456789ab",
        ),
        (
            world().image("a", &["app:1", "mine:1"]).ours(&["app:1"], 200),
            "= a: somebody else gave it the name mine:1",
        ),
    ];
    for (world, expected) in table {
        assert_eq!(world.told(), expected);
    }
}

#[test]
fn what_is_built_upon_another_goes_first_and_keeps_it_when_it_stays() {
    let steps = |world: World| {
        world
            .image("base", &["alpine:3"])
            .ours(&["alpine:3"], 500)
            .image("step", &[])
            .upon("base")
            .ours(&[], 500)
            .image("app", &["shop-web:latest"])
            .upon("step")
            .ours(&["shop-web:latest"], 500)
    };
    let going = steps(World::default());
    let order: Vec<_> = going.fates().into_iter().map(|(id, _)| id.to_string()).collect();
    assert_eq!(order, ["app", "step", "base"]);
    let kept = steps(World::default()).used_by("shop-web-1").told();
    assert_eq!(
        kept,
        "= base: image step is built upon it\n= step: image app is built upon it\n= app: container shop-web-1 has it"
    );
}

#[test]
fn what_was_fetched_longest_ago_goes_first() {
    let world = World::default();
    let world = world.image("new", &[]).ours(&[], 200).image("old", &[]).ours(&[], 900);
    let order: Vec<_> = world.fates().into_iter().map(|(id, _)| id.to_string()).collect();
    assert_eq!(order, ["old", "new"]);
}

#[test]
fn only_what_was_not_there_before_is_brought() {
    let world = World::default().image("base", &["alpine:3"]).image("app", &["app:1"]).upon("base");
    let (project, id) = (ProjectName::new("shop"), ImageId::new("app"));
    let fetch = Fetch {
        project: &project,
        reference: "docker.io/library/app:1",
        id: &id,
        origin: ImageOrigin::Built,
        at: Timestamp::from_millis(NOW),
    };
    let ids = |before: &[&str], known| {
        let before: BTreeSet<ImageId> = before.iter().map(|id| ImageId::new(*id)).collect();
        let found = brought(&fetch, (&before, &world.stored), known);
        found.into_iter().map(|one| (one.id.to_string(), one.names)).collect::<Vec<_>>()
    };
    let names = |name: &str| BTreeSet::from([name.to_owned()]);
    let app = ("app".to_owned(), names("app:1"));
    assert_eq!(ids(&[], None), [app.clone(), ("base".to_owned(), names("alpine:3"))]);
    assert_eq!(ids(&["base"], None), [app]);
    assert_eq!(
        ids(&["app", "base"], None),
        [],
        "it was there: an engine says that it is up to date"
    );
    // Ours already, and now by another name, too.
    let known = World::default().image("app", &[]).ours(&["app:0"], 900).fetched;
    let again = ids(&["app", "base"], known.into_values().next());
    let both = BTreeSet::from(["app:0".to_owned(), "app:1".to_owned()]);
    assert_eq!(again, [("app".to_owned(), both)]);
}

const TAGS: [&str; 5] = ["a:1", "a:2", "b:latest", "c:1", "c:2"];

fn tags() -> impl Strategy<Value = BTreeSet<String>> {
    prop::collection::btree_set(prop::sample::select(&TAGS[..]).prop_map(str::to_owned), 0..3)
}

prop_compose! {
    /// One image: tags, number of its parent, and if it is ours, its names and age.
    fn image()(
        tags in tags(),
        parent in prop::option::of(0_usize..8),
        ours in prop::option::weighted(0.8, (tags_of_ours(), -20_i64..400)),
        used in prop::bool::weighted(0.2),
        kept in prop::bool::weighted(0.2),
    ) -> (BTreeSet<String>, Option<usize>, Option<(BTreeSet<String>, i64)>, bool, bool) {
        (tags, parent, ours, used, kept)
    }
}

fn tags_of_ours() -> impl Strategy<Value = BTreeSet<String>> {
    prop_oneof![Just(TAGS.iter().map(|tag| (*tag).to_owned()).collect::<BTreeSet<_>>()), tags(),]
}

prop_compose! {
    fn worlds()(
        images in prop::collection::vec(image(), 0..8),
        named in tags(),
    ) -> World {
        let mut world = World { named, ..World::default() };
        for (number, (tags, parent, ours, used, kept)) in images.into_iter().enumerate() {
            let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
            world = world.image(&format!("i{number}"), &tags);
            if let Some(parent) = parent.filter(|parent| *parent < number) {
                world = world.upon(&format!("i{parent}"));
            }
            if let Some((names, age)) = ours {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                world = world.ours(&names, age);
            }
            if used { world = world.used_by("somebody"); }
            if kept { world = world.kept(); }
        }
        world
    }
}

proptest! {
    #[test]
    fn nothing_goes_that_anybody_may_need(world in worlds()) {
        let fates = world.fates();
        prop_assert_eq!(fates.len(), world.stored.len());
        let image = |id: &ImageId| world.stored.iter().find(|one| one.id == *id).unwrap();
        let kept = |id: &ImageId| {
            world.ledger.history.iter().flat_map(|one| one.services.values()).any(|one| one.image_id == *id)
        };
        let mut gone = BTreeSet::new();
        for (id, fate) in &fates {
            if !matches!(fate, Fate::Goes(_)) {
                continue;
            }
            let known = world.fetched.get(id);
            prop_assert!(known.is_some(), "{id} is not ours");
            let known = known.unwrap();
            prop_assert!(!world.used.contains_key(id), "{id} is used");
            prop_assert!(!kept(id), "{id} is of a kept revision");
            prop_assert!(image(id).tags.is_disjoint(&world.named), "{id} is named");
            prop_assert!(image(id).tags.is_subset(&known.names), "{id} has the name of others");
            prop_assert!(known.at.as_millis() + 100_000 <= NOW, "{id} is young");
            // Whatever is built upon it went before.
            let children = world.stored.iter().filter(|one| one.parent.as_ref() == Some(id));
            for child in children {
                prop_assert!(gone.contains(&child.id), "{id} is the parent of {}", child.id);
            }
            gone.insert(id.clone());
        }
    }

    #[test]
    fn what_is_no_bodys_need_goes(world in worlds()) {
        for (id, fate) in world.fates() {
            let Fate::Stays(why) = fate else { continue };
            let holds = match why {
                Stays::NotOurs => !world.fetched.contains_key(&id),
                Stays::Used { .. } => world.used.contains_key(&id),
                Stays::Young { .. } => world.fetched[&id].at.as_millis() + 100_000 > NOW,
                Stays::Named { name, .. } => world.named.contains(&name),
                Stays::Tagged { name } => !world.fetched[&id].names.contains(&name),
                Stays::Parent { of } => world.stored.iter().any(|one| one.id == of && one.parent == Some(id.clone())),
                Stays::Kept { .. } => world.ledger.history.iter().any(|one| one.services.values().any(|one| one.image_id == id)),
            };
            prop_assert!(holds, "{id} stays for a reason that does not hold");
        }
    }
}
