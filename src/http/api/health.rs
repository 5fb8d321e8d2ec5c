//! `/livez` and `/readyz`, in the form of Kubernetes' own: `ok`, or what is not.

use http::StatusCode;

use crate::controller::Snapshot;
use crate::http::api::answer::{Answer, whole};
use crate::http::api::desk::ApiDesk;
use crate::http::api::receive::Admitted;
use crate::model::id::ProjectName;

const TEXT: &str = "text/plain; charset=utf-8";
/// Names of projects in a reason.
const MOST_NAMES: usize = 5;

/// One thing that is looked at, and what is wrong with it.
type Check = (&'static str, Result<(), String>);

/// Whether the process does its work: a controller that it makes no sense to wait for should be started again.
pub(super) fn livez(desk: &ApiDesk, asked: &Admitted) -> Result<Answer, String> {
    report("livez", &[turning(desk)], asked)
}

/// Whether what is published can be relied on.
pub(super) fn readyz(desk: &ApiDesk, asked: &Admitted) -> Result<Answer, String> {
    report("readyz", &checks(desk), asked)
}

/// What `/readyz` says.
pub(super) fn is_ready(desk: &ApiDesk) -> bool {
    checks(desk).iter().all(|(_, result)| result.is_ok())
}

fn checks(desk: &ApiDesk) -> [Check; 5] {
    let snapshot = desk.handle.snapshot();
    [
        turning(desk),
        ("lock", acting(&snapshot)),
        ("engine", snapshot.engine_lost.clone().map_or(Ok(()), Err)),
        ("desired-state", read(&snapshot)),
        ("first-passes", looked(&snapshot)),
    ]
}

/// The loop's heart beat.
fn turning(desk: &ApiDesk) -> Check {
    let age = desk.handle.now().since(desk.handle.beat_at());
    let turns = age <= desk.limits().stuck_after;
    let stuck = || format!("the loop has not turned for {} s", age.as_secs());
    ("loop", if turns { Ok(()) } else { Err(stuck()) })
}

fn acting(snapshot: &Snapshot) -> Result<(), String> {
    let role = snapshot.controller.as_ref().map_or("not begun", |status| status.role.as_str());
    if role == "acting" { Ok(()) } else { Err(format!("the controller is {role}")) }
}

fn read(snapshot: &Snapshot) -> Result<(), String> {
    let unread = "the watched directory has not been read yet";
    snapshot.kept.as_ref().map(drop).ok_or_else(|| unread.to_owned())
}

/// Each project had its first pass.
fn looked(snapshot: &Snapshot) -> Result<(), String> {
    let kept = snapshot.kept.iter().flatten();
    let waiting: Vec<&str> = kept
        .filter(|name| !snapshot.projects.contains_key(*name))
        .map(ProjectName::as_str)
        .collect();
    if waiting.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = waiting.iter().take(MOST_NAMES).copied().collect();
    Err(format!("{} not looked at yet: {} …", waiting.len(), names.join(", ")))
}

fn report(name: &str, checks: &[Check], asked: &Admitted) -> Result<Answer, String> {
    let verbose = asked.query.flag("verbose")?;
    let well = checks.iter().all(|(_, result)| result.is_ok());
    if well && !verbose {
        return Ok(whole(StatusCode::OK, TEXT, "ok"));
    }
    let lines = checks.iter().map(|(check, result)| match result {
        Ok(()) => format!("[+]{check} ok\n"),
        Err(why) if asked.caller.may_read() => format!("[-]{check} failed: {why}\n"),
        Err(_) => format!("[-]{check} failed: reason withheld\n"),
    });
    let lines: String = lines.collect();
    let (status, verdict) =
        if well { (StatusCode::OK, "passed") } else { (StatusCode::SERVICE_UNAVAILABLE, "failed") };
    Ok(whole(status, TEXT, format!("{lines}{name} check {verdict}\n")))
}
