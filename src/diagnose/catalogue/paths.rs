//! Files and directories that may not be read or written.

use crate::diagnose::cause::Cause;
use crate::diagnose::cause::Certainty::Likely;
use crate::diagnose::cause::Sign::{Fact, Log};
use crate::diagnose::evidence::{Evidence, MountKind};
use crate::diagnose::sight::holds_all;

/// How programs say that they may not.
const DENIED: &[&str] =
    &["permission denied", "eacces", "is not writable", "errno 13", "permissionerror"];

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "port-needs-privilege",
        title: "a user that is not root may not listen on a port below 1024",
        certainty: Likely,
        signs: &[
            Log(&["bind()", ":80 failed (13: permission denied)"]),
            Log(&["bind()", ":443 failed (13: permission denied)"]),
            Log(&["listen eacces", ":80"]),
            Log(&["can't connect to ('", "', 80)"]),
        ],
        mend: "listen on a port above 1023 and publish it as `80:8080`, or set `sysctls: net.ipv4.ip_unprivileged_port_start=0`",
    },
    Cause {
        id: "read-only-path",
        title: "it writes to a path that is read-only",
        certainty: Likely,
        signs: &[Log(&["read-only file system"]), Log(&["erofs"])],
        mend: "under `read_only: true` give it a `tmpfs:` for the path; mount volumes that it writes to without `:ro`",
    },
    Cause {
        id: "mount-is-directory",
        title: "a file that the program reads is a directory: the bind source was missing once, and was made as one",
        certainty: Likely,
        signs: &[Log(&["is a directory"]), Log(&["eisdir"]), Log(&["isadirectoryerror"])],
        mend: "remove the empty directory on the host, put the file there, and let it be started again",
    },
    Cause {
        id: "bind-not-permitted",
        title: "the user of the container may not write to a bound directory: the engine made it for root",
        certainty: Likely,
        signs: &[Fact("a line says that a path below a bind mount is denied", bind_denied)],
        mend: "on the host `chown` the directory to the uid of the container's user, or use a named volume",
    },
    Cause {
        id: "volume-not-permitted",
        title: "the user of the container may not write to a volume: it was filled by root",
        certainty: Likely,
        signs: &[Fact("a line says that a path below a volume is denied", volume_denied)],
        mend: "make the directory in the image with the right owner, which a new volume takes over; for an old one `chown` once as root",
    },
    Cause {
        id: "path-not-permitted",
        title: "the user of the container may not use a path of its image",
        certainty: Likely,
        signs: &[Fact("a line says that a path which is no mount is denied", own_denied)],
        mend: "`chown` it before `USER` in the Dockerfile; what lies below /root is out of reach for others",
    },
    Cause {
        id: "configuration-file-missing",
        title: "a configuration file is not where the program looks for it",
        certainty: Likely,
        signs: &[
            Log(&["can't open config file"]),
            Log(&["error loading config", "no such file"]),
            Log(&["[emerg] open()", "no such file"]),
            Log(&["couldn't load config", "no such file"]),
        ],
        mend: "mount the file at that path, or name the right one in `command`; a bind over its directory hides what the image has there",
    },
];

/// Lines about a denied path, with the kind of mount that it lies below.
fn denied(evidence: &Evidence) -> Vec<(Option<MountKind>, &String)> {
    let says = |line: &&String| DENIED.iter().any(|phrase| holds_all(line, &[phrase]));
    let lines = evidence.telling_lines().iter().rev().filter(says);
    lines.filter(|line| line.contains('/')).map(|line| (mount_of(evidence, line), line)).collect()
}

/// The mount with the longest target that stands in a line.
fn mount_of(evidence: &Evidence, line: &str) -> Option<MountKind> {
    let mounts = evidence.mounts.iter().filter(|mount| line.contains(&mount.target));
    mounts.max_by_key(|mount| mount.target.len()).map(|mount| mount.kind)
}

fn bind_denied(evidence: &Evidence) -> Vec<String> {
    lines(evidence, Some(MountKind::Bind))
}

fn volume_denied(evidence: &Evidence) -> Vec<String> {
    lines(evidence, Some(MountKind::Volume))
}

fn own_denied(evidence: &Evidence) -> Vec<String> {
    lines(evidence, None)
}

fn lines(evidence: &Evidence, kind: Option<MountKind>) -> Vec<String> {
    let all = denied(evidence).into_iter().filter(|(found, _)| *found == kind);
    all.map(|(_, line)| line.clone()).collect()
}
