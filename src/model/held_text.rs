//! Why something waits, as text for people.

use std::fmt;

use crate::model::feature::listed;
use crate::model::held::WaitingOn;
use crate::model::outcome::PullTrouble;

fn write_mend(f: &mut fmt::Formatter<'_>, trouble: PullTrouble) -> fmt::Result {
    match trouble.mend() {
        "" => Ok(()),
        mend => write!(f, "; {mend}"),
    }
}

impl fmt::Display for WaitingOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dependency { service, condition, actual } => {
                write!(f, "{service} to be {condition}; it is {actual}")
            }
            Self::Project(wait) => wait.fmt(f),
            Self::Operation { kind, about } => write!(f, "{kind} of {about} to end"),
            Self::CrashLoopBackOff { failures, exit_code, .. } => {
                write!(f, "back-off after failure {failures}")?;
                exit_code.map_or(Ok(()), |code| write!(f, ", exit code {code}"))
            }
            Self::RestartsExhausted { policy, .. } => {
                write!(f, "a new version: restart policy `{policy}` allows no further try")
            }
            Self::Job(wait) => wait.fmt(f),
            Self::Policy(wait) => wait.fmt(f),
            Self::DiskPressure(pressure) => pressure.fmt(f),
            Self::ImageUpdate(wait) => wait.fmt(f),
            Self::Schedule(wait) => wait.fmt(f),
            Self::Backup(wait) => wait.fmt(f),
            Self::RestoreDrill(wait) => wait.fmt(f),
            Self::Restore(wait) => wait.fmt(f),
            Self::ImagePullBackOff { failures, error, trouble } => {
                write!(f, "back-off after failed try {failures}: {error}")?;
                write_mend(f, *trouble)
            }
            Self::ImageRefreshBackOff { failures, error, trouble } => {
                write!(
                    f,
                    "back-off after failed look {failures} at the registry; the image at hand is used: {error}"
                )?;
                write_mend(f, *trouble)
            }
            Self::ImageCheckDue => {
                f.write_str("nothing; pull_policy looks at the registry again then")
            }
            Self::ErrImageNeverPull => {
                f.write_str("the image: it is not there and pull_policy is never")
            }
            Self::EngineCallBackOff { failures, error } => {
                write!(f, "back-off after failed call {failures}: {error}")
            }
            Self::Hook(step) => write!(f, "{step} to end"),
            Self::HookFailed { step, failures, error } => {
                write!(f, "back-off after failure {failures} of {step}: {error}")
            }
            Self::Rollout(wait) => write!(f, "{wait}"),
            Self::NotReady { probe, error } if error.is_empty() => {
                write!(f, "the {probe} probe to succeed")
            }
            Self::NotReady { probe, error } => {
                write!(f, "the {probe} probe to succeed; {probe} probe failed: {error}")
            }
            Self::ProbeImpossible { probe } => write!(
                f,
                "nothing; the {probe} probe cannot be asked, since the engine is on another host: use exec"
            ),
            Self::Throttled => f.write_str("the host's budget of restarts"),
            Self::Unknown(why) => write!(f, "the engine to tell its state: {why}"),
            Self::Removing => f.write_str("the engine to finish its removal"),
            other => other.fmt_outside(f),
        }
    }
}

impl WaitingOn {
    /// The waits whose end lies outside of engine and planner: strangers, files, persons.
    fn fmt_outside(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameHeldByUnmanaged { name } => {
                write!(f, "the name {name}, held by a container that is not managed here")
            }
            Self::PortConflict { port, holder } => write!(f, "port {port}, held by {holder}"),
            Self::ExternalMissing => f.write_str("it to exist: it is declared external"),
            Self::ForeignNetwork => f.write_str("the name: a network of another owner has it"),
            Self::NetworkInUse { holder } => {
                write!(f, "{holder} to leave it: its definition changed, it has to be made anew")
            }
            Self::BindSourceMissing(path) => {
                write!(f, "{path}: it looks like a file and is not there; create it")
            }
            Self::ContentUnwritable(why) => write!(f, "a file that can be mounted: {why}"),
            Self::ReloadFailed { failures, error } => {
                write!(
                    f,
                    "files that pass; try {failures} failed, what was read before holds: {error}"
                )
            }
            Self::FileReplaced { files } => write!(
                f,
                "a restart by hand: {} was replaced, not rewritten, and is not seen inside; bind its directory instead",
                files.join(", ")
            ),
            Self::DataPathChanged(what) => write!(f, "a person: {what}"),
            Self::VolumeChanged(what) => {
                write!(f, "nothing; its definition differs and stays: {what}")
            }
            Self::Suspended(why) => write!(f, "`composelet resume`: {why}"),
            Self::Stopped(why) => write!(f, "`composelet start`: {why}"),
            Self::ManifestSettling => f.write_str("a second look at the removal"),
            Self::PruneNeedsConfirmation { projects } => {
                write!(f, "`composelet confirm`: {} projects would be removed", projects.len())
            }
            Self::AdoptionNeedsConfirmation { changes } => {
                write!(f, "`composelet confirm`: adoption would change {}", changes.join(", "))
            }
            Self::InvalidManifest => f.write_str("the manifest to be mended"),
            Self::DriftConflict { field, count } => {
                write!(f, "back-off: {field} was put right {count} times in a row")
            }
            Self::BuildContext(why) => write!(f, "the build context: {why}"),
            Self::UnsupportedOnEngine(lacking) => {
                write!(f, "nothing; {} and is left out", listed(lacking))
            }
            Self::RefusedOnEngine(lacking) => write!(f, "a newer engine: {}", listed(lacking)),
            Self::UnsupportedAttribute { attribute, why } => {
                write!(f, "another host: it is not run because of {attribute}: {why}")
            }
            Self::LinkedContainerMissing(name) => {
                write!(
                    f,
                    "the container {name}, which the manifest names and which is not managed here"
                )
            }
            Self::LedgerUnwritable(why) => write!(f, "the state directory: {why}"),
            Self::Own(wait) => write!(f, "{wait}"),
            _ => Ok(()),
        }
    }
}
