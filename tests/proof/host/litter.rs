//! What lies about before the controller starts: images and their applications, left-overs, strangers, damaged files.

use std::time::Duration;

use composelet::ledger::Ledger;
use serde_json::{Value, json};

use super::bench::{Bench, Fact};
use crate::scenario::{Litter, LitterKind, Tag};
use crate::sim::{AppScript, HealthScript, ImageSpec, Phase, Run, StartFailure, Verdict};

/// What the application of an image does.
pub(super) fn script(tag: Tag) -> AppScript {
    let forever = AppScript::forever();
    match tag {
        Tag::Plain | Tag::Moving => forever,
        Tag::Stubborn => forever.ignores_stop(),
        Tag::Late => forever.health(HealthScript::HealthyAfter(Duration::from_secs(7))),
        Tag::Flaps => {
            let bad = Verdict::fail();
            let pass = Verdict::Pass;
            let verdicts = vec![pass.clone(), bad.clone(), pass.clone(), bad.clone(), bad, pass];
            forever.health(HealthScript::Sequence(verdicts))
        }
        Tag::Ill => forever.health(HealthScript::IllUntilRestarted(Duration::from_secs(9))),
        Tag::Shaky => {
            let exit = Run::Exit { after: Duration::from_millis(800), code: 1 };
            forever.runs([exit.clone(), exit, Run::Forever])
        }
        Tag::Hungry => {
            forever.runs([Run::OutOfMemory { after: Duration::from_secs(60) }, Run::Forever])
        }
        Tag::Reluctant => forever.fails_to_start(StartFailure::Runtime("not now".to_owned()), 2),
        Tag::Broken => AppScript::exits(Duration::from_millis(500), 3),
        Tag::Sick => forever.health(HealthScript::Always(Verdict::fail())),
        Tag::Quick => AppScript::exits(Duration::from_secs(2), 0),
        Tag::Slow => AppScript::exits(Duration::from_secs(75), 0),
        Tag::NoEntry => forever.fails_to_start(StartFailure::CommandNotFound, u32::MAX),
    }
}

impl Bench {
    /// Images, files and litter of the scenario.
    pub(crate) fn set_up(&mut self) {
        for tag in Tag::ALL {
            let reference = tag.reference();
            self.engine.script_image(reference, script(tag));
            if tag != Tag::Moving {
                self.engine.add_image(reference, &ImageSpec::new(reference));
            }
        }
        self.move_tag(0, script(Tag::Moving));
        // A state directory that was there before; in a new one damaged files would be a stranger's.
        drop(Ledger::open_with(self.slots[0].disk.clone()));
        let scenario = std::sync::Arc::clone(&self.scenario);
        for litter in &scenario.litter {
            self.drop_litter(litter);
        }
        for app in &scenario.apps {
            self.desired.insert(app.name.clone(), app.clone());
            self.write(&app.name);
        }
    }

    fn drop_litter(&mut self, litter: &Litter) {
        let (app, service) = (litter.app.as_str(), litter.service.as_str());
        let ours = format!("{app}-{service}-1");
        match litter.kind {
            LitterKind::Created => {
                self.put(&ours, &labels(app, service, 1), false);
            }
            LitterKind::Temporary => {
                self.put(&format!("0123456789ab_{ours}"), &labels(app, service, 1), false);
            }
            LitterKind::Old => {
                self.put(&ours, &labels(app, service, 1), true);
            }
            LitterKind::Surplus => {
                self.put(&format!("{app}-{service}-7"), &labels(app, service, 7), true);
            }
            LitterKind::Dead => {
                // A container under that name that runs is no dead one.
                if !self.put(&ours, &labels(app, service, 1), false) {
                    return;
                }
                self.engine.make_undeletable(&ours);
                self.engine.with(|world| {
                    if let Ok(container) = world.container_mut(&ours) {
                        container.enter(Phase::Dead);
                    }
                });
            }
            LitterKind::Orphan => {
                self.put(&format!("{app}-gone-1"), &labels(app, "gone", 1), true);
            }
            LitterKind::NameThief => {
                self.put(&ours, &json!({}), true);
            }
            LitterKind::OtherInstallation => {
                let mut labels = labels(app, service, 1);
                labels["io.composelet.installation"] = json!("other");
                self.put(&format!("other-{ours}"), &labels, true);
            }
            LitterKind::OneOff => {
                let mut labels = labels(app, service, 1);
                labels["com.docker.compose.oneoff"] = json!("True");
                self.put(&format!("{app}-{service}-run-1"), &labels, true);
            }
            LitterKind::CorruptProject => {
                self.slots[0].disk.plant(&format!("projects/{app}.json"), b"sha256:00\n{\n");
                self.note(Fact::ProjectForgotten(app.to_owned()));
            }
            LitterKind::CorruptHost => {
                self.slots[0].disk.plant("host.json", b"\0\0\0\0");
                self.note(Fact::HostForgotten);
            }
        }
    }

    /// Whether it was made: two pieces of litter may want one name, and the first has it.
    fn put(&mut self, name: &str, labels: &Value, runs: bool) -> bool {
        let body = json!({"Image": "plain", "Labels": labels});
        let made = self.engine.put_container(name, &body).is_ok();
        if made && runs {
            drop(self.engine.docker_start(name));
        }
        made
    }
}

fn labels(app: &str, service: &str, number: u32) -> Value {
    json!({
        "com.docker.compose.project": app,
        "com.docker.compose.service": service,
        "com.docker.compose.container-number": number.to_string(),
        "com.docker.compose.oneoff": "False",
        "io.composelet.installation": "default",
    })
}
