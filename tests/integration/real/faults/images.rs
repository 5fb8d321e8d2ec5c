//! A registry that answers wrongly in every way it can: the reason is shown, others go on, and the mend is found.

use std::fmt::Write as _;

use crate::real::text::{SLEEP, service};
use crate::support_real::host::Host;
use crate::support_real::registry_stub::{Flaw, RegistryStub};
use crate::support_real::wait::{eventually, hold};

/// Repository, what is wrong with it, and what `describe` must show.
const FLAWS: [(&str, Flaw, &str); 8] = [
    ("unauthorized", Flaw::Status(401, "UNAUTHORIZED"), "ImagePullUnauthorized"),
    ("denied", Flaw::Status(403, "DENIED"), "denied"),
    ("missing", Flaw::Status(404, "MANIFEST_UNKNOWN"), "manifest unknown"),
    ("busy", Flaw::RetryAfter(20), "toomanyrequests"),
    ("broken", Flaw::Status(500, "UNKNOWN"), "ImagePullBackOff"),
    ("wrong", Flaw::WrongDigest, "verification failed"),
    ("cut", Flaw::Cut, "pull of"),
    ("dripping", Flaw::Drip, "pull of"),
];

/// One service for each flaw, and one that needs no registry.
#[tokio::test]
async fn a_registry_with_any_flaw_holds_its_own_services_only() {
    let stub = RegistryStub::start();
    let mut host = Host::new();
    let shop = host.project("shop");
    let mut text = format!("services:\n{}", service("web", SLEEP, &[]));
    for (name, flaw, _) in FLAWS {
        stub.set(name, Some(flaw));
        // Its own command cannot run: what is of interest is that a container of the image is made.
        writeln!(text, "  {name}:\n    image: {}\n    restart: \"no\"", stub.image(name)).unwrap();
    }
    host.write(&shop, &text);
    host.start();
    host.running(&shop, "web").await;
    for (name, _, words) in FLAWS {
        host.described(&format!("{shop}/{name}"), &[words]).await;
    }
    // A pull that was begun has not succeeded.
    let told = host.run(&["describe", &format!("{shop}/missing")]).out;
    assert!(told.contains("PullImage") && !told.contains("; succeeded"), "{told}");
    for (name, _, _) in FLAWS {
        let asked = stub.asked(name);
        assert!(asked < 40, "{name}: asked {asked} times");
    }
    // The engine itself goes on for a minute with a blob that does not come.
    let slow = |flaw: Flaw| matches!(flaw, Flaw::Drip | Flaw::Cut);
    for (name, _, _) in FLAWS.iter().filter(|(_, flaw, _)| !slow(*flaw)) {
        stub.set(name, None);
    }
    host.expect(&["reconcile", &shop]);
    for (name, _, _) in FLAWS.iter().filter(|(_, flaw, _)| !slow(*flaw)) {
        eventually(&format!("a container of {name}"), || {
            let found = host.containers(&shop, name);
            hold(found.len() == 1, || host.run(&["describe", &format!("{shop}/{name}")]).out)
        })
        .await;
    }
    for (name, _, _) in FLAWS {
        drop(host.engine.call("DELETE", &format!("/images/{}?force=1", stub.image(name)), None));
    }
}
