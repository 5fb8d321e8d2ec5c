//! The data of a project is destroyed on a person's word, and only then.

use crate::real::text::{SLEEP, service};
use crate::support_real::host::Host;

#[tokio::test]
async fn a_purge_destroys_what_is_the_projects_alone_and_asks_first() {
    let mut host = Host::new();
    let (shop, blog) = (host.project("shop"), host.project("blog"));
    let web = service("web", SLEEP, &["volumes: [\"data:/data\", \"common:/common\"]"]);
    let volumes = format!("volumes:\n  data: {{}}\n  common: {{name: {shop}-common}}\n");
    host.write(&shop, &format!("services:\n{web}{volumes}"));
    let other = service("web", SLEEP, &["volumes: [\"common:/common\"]", "scale: 0"]);
    let volumes = format!("volumes:\n  common: {{external: true, name: {shop}-common}}\n");
    host.write(&blog, &format!("services:\n{other}{volumes}"));
    host.start();
    host.ready(&shop).await;
    let first = host.running(&shop, "web").await;
    host.engine.exec(first.id(), &["touch", "/data/row"]);
    let data = format!("{shop}_data");
    let purge = ["purge", shop.as_str(), "--volumes", "--no-backup", "--yes"];
    let sure = [&purge[..], &[shop.as_str()]].concat();

    let run = host.run(&sure);
    assert!(run.code == 2 && run.err.contains("runs"), "{}", run.err);
    host.expect(&["stop", &shop, "--reason", "start anew"]);
    host.described(&shop, &["Stopped", "start anew"]).await;
    crate::support_real::wait::eventually("it is down", || {
        let now = host.only(&shop, "web")?;
        crate::support_real::wait::hold(now.state() == "exited", || now.line())
    })
    .await;
    let run = host.run(&["purge", &shop, "--volumes", "--yes", &shop]);
    assert!(run.code == 2 && run.err.contains("no fresh verified backup"), "{}", run.err);
    let run = host.run(&[&purge[..], &["shop"]].concat());
    assert!(run.code == 2 && run.err.contains("is not the name"), "{}", run.err);
    let run = host.run(&["purge", &shop, "--volumes", "--no-backup"]);
    assert!(run.code == 2 && run.err.contains("nobody can confirm"), "{}", run.err);
    assert!(host.has("volumes", &data), "nothing went");

    let run = host.run(&sure);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert_eq!(run.out, format!("destroyed: volume {data}\n"));
    assert!(run.err.contains(&format!("kept: volume {shop}-common: project {blog} names it too")));
    assert!(!host.has("volumes", &data) && host.has("volumes", &format!("{shop}-common")));
    let history = host.expect(&["history", &shop]);
    assert!(history.contains(&format!("RemoveVolume {data}: ")), "{history}");
    assert_eq!(host.run(&["purge", "never-heard-of", "--volumes", "--yes", "x"]).code, 3);

    host.expect(&["start", &shop]);
    let again = host.running(&shop, "web").await;
    assert_eq!(host.engine.exec(again.id(), &["ls", "/data"]), "");
}
