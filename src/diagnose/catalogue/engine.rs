//! What the engine or the kernel says about starts and ends.

use std::ffi::OsStr;
use std::path::Path;

use crate::diagnose::cause::Cause;
use crate::diagnose::cause::Certainty::{Certain, Likely};
use crate::diagnose::cause::Sign::{Engine, Fact, Log};
use crate::diagnose::evidence::{Evidence, MountKind, SourceKind, State};

/// Exit code after SIGSEGV.
const SEGMENTATION_FAULT: i64 = 139;

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "file-became-directory",
        title: "a file that was to be bound was missing when somebody started this once: the engine made a directory of its name",
        certainty: Certain,
        signs: &[
            Engine(&["are you trying to mount a directory onto a file"]),
            Fact("a bind source with the name of a file is an empty directory, or missing", became),
        ],
        mend: "remove the empty directory on the host, put the file there, and let it be started again",
    },
    Cause {
        id: "bind-source-missing",
        title: "a path of the host that is to be bound is not there",
        certainty: Certain,
        signs: &[Engine(&["bind source path does not exist"]), Engine(&["bind source", "missing"])],
        mend: "make the path on the host, or correct the volume; relative paths begin at the project's directory",
    },
    Cause {
        id: "script-line-endings",
        title: "a script has line ends of Windows, so that its interpreter is not found",
        certainty: Certain,
        signs: &[
            Log(&["bash\\r"]),
            Log(&["sh\\r"]),
            Log(&["^m", "bad interpreter"]),
            Log(&["exec user process caused", "no such file or directory"]),
            Log(&["exec /", ".sh: no such file or directory"]),
        ],
        mend: "save the script with line ends of Unix (`sed -i 's/\\r$//'`, `* text eol=lf` in .gitattributes) and build again",
    },
    Cause {
        id: "command-not-executable",
        title: "the command of the container may not be executed",
        certainty: Certain,
        signs: &[
            Engine(&["exec:", "permission denied"]),
            Log(&["exec", "entrypoint", "permission denied"]),
        ],
        mend: "`chmod +x` the file where the image is built (and in git), or call it through its interpreter",
    },
    Cause {
        id: "command-not-found",
        title: "the command or entrypoint of the container is not in the image",
        certainty: Certain,
        signs: &[
            Engine(&["executable file not found in $path"]),
            Engine(&["exec:", "no such file or directory"]),
            Engine(&["no command specified"]),
        ],
        mend: "correct `command` or `entrypoint`, or install the program in the image; a bind over its directory hides it",
    },
    Cause {
        id: "port-taken",
        title: "a port of the host that is to be published is taken by somebody else",
        certainty: Certain,
        signs: &[
            Engine(&["port is already allocated"]),
            Engine(&["bind: address already in use"]),
            Engine(&["port", "is held by"]),
            Fact("somebody else holds a published port, and it does not run", port_holder),
        ],
        mend: "stop the holder (`composelet doctor` names it, its unit too), or publish another port",
    },
    Cause {
        id: "port-not-bindable",
        title: "the address that a port is to be published on is none of this host",
        certainty: Certain,
        signs: &[Engine(&["cannot assign requested address"])],
        mend: "publish on an address that the host has, or on none in particular",
    },
    Cause {
        id: "name-taken",
        title: "a container of somebody else has the name",
        certainty: Certain,
        signs: &[
            Engine(&["the container name", "is already in use"]),
            Engine(&["name", "is held by a container"]),
        ],
        mend: "rename or remove that container, or give this one another `container_name`, or none",
    },
    Cause {
        id: "address-pool-exhausted",
        title: "the engine has no subnet left for another network",
        certainty: Certain,
        signs: &[
            Engine(&["non-overlapping", "address pool"]),
            Engine(&["all predefined address pools have been fully subnetted"]),
        ],
        mend: "remove networks that nobody uses, or widen `default-address-pools` in the daemon's settings",
    },
    Cause {
        id: "subnet-overlaps",
        title: "the subnet of a network overlaps with another network of the host",
        certainty: Certain,
        signs: &[
            Engine(&["pool overlaps with other one"]),
            Engine(&["cannot create network", "conflicts"]),
        ],
        mend: "choose another `ipam` subnet; `docker network inspect` and `ip route` show those in use",
    },
    Cause {
        id: "shared-memory-too-small",
        title: "/dev/shm is too small for the database",
        certainty: Certain,
        signs: &[Log(&["could not resize shared memory segment"])],
        mend: "set `shm_size: 256m`; the engine's own is 64 MiB",
    },
    Cause {
        id: "disk-full",
        title: "the disk is full, or has no inodes left",
        certainty: Certain,
        signs: &[
            Engine(&["no space left on device"]),
            Log(&["no space left on device"]),
            Log(&["errno 28"]),
        ],
        mend: "free space where the engine keeps its data and where binds lie (`df -h`, `df -i`): old images and logs first, never volumes",
    },
    Cause {
        id: "out-of-memory",
        title: "the kernel killed it because it wanted more memory than its limit, or than the host has",
        certainty: Certain,
        signs: &[
            Fact("the engine says OOMKilled", oom),
            Log(&["was sent sigkill! perhaps out of memory?"]),
            Log(&["fatal: kernel too old or out of memory"]),
        ],
        mend: "raise `deploy.resources.limits.memory`, or let the program take less (workers, heap, cache)",
    },
    Cause {
        id: "process-limit",
        title: "no further process or thread may be started",
        certainty: Likely,
        signs: &[
            Log(&["can't start new thread"]),
            Log(&["fork", "resource temporarily unavailable"]),
            Log(&["pthread_create failed"]),
            Log(&["unable to create native thread"]),
        ],
        mend: "raise `pids_limit` (or `ulimits.nproc`); on engines before 23 an image of a newer distribution needs a newer libseccomp",
    },
    Cause {
        id: "too-many-open-files",
        title: "no further file or connection may be opened",
        certainty: Likely,
        signs: &[Log(&["too many open files"]), Log(&["emfile"])],
        mend: "raise `ulimits.nofile`, or look for connections that are never closed",
    },
    Cause {
        id: "inotify-limit",
        title: "no further file may be watched: the limit of the host is reached",
        certainty: Likely,
        signs: &[
            Log(&["system limit for number of file watchers reached"]),
            Log(&["inotify", "limit"]),
        ],
        mend: "raise `fs.inotify.max_user_watches` and `max_user_instances` on the host with sysctl",
    },
    Cause {
        id: "map-count-too-low",
        title: "the host allows too few memory areas for Elasticsearch or OpenSearch",
        certainty: Certain,
        signs: &[Log(&["vm.max_map_count", "too low"])],
        mend: "`sysctl -w vm.max_map_count=262144` on the host, and in /etc/sysctl.d/ for the next boot",
    },
    Cause {
        id: "segmentation-fault",
        title: "the program crashed with a segmentation fault",
        certainty: Likely,
        signs: &[Fact("exit code 139", crashed), Log(&["segmentation fault"])],
        mend: "look for native libraries built for another libc (Alpine) or processor; try the image's previous tag",
    },
];

fn oom(evidence: &Evidence) -> Vec<String> {
    if !evidence.oom_killed || evidence.at_rest || evidence.mood_is_well() {
        return Vec::new();
    }
    let limit =
        evidence.memory_bytes.map(|bytes| format!(", its limit is {} MiB", bytes / 1_048_576));
    vec![format!("the engine says OOMKilled{}", limit.unwrap_or_default())]
}

/// Bind sources that are called like a file and are none.
fn became(evidence: &Evidence) -> Vec<String> {
    let binds = evidence.mounts.iter().filter(|mount| mount.kind == MountKind::Bind);
    let wrong = binds.filter(|mount| {
        let ending = Path::new(&mount.source).extension().and_then(OsStr::to_str);
        let like_file = ending.is_some_and(|ending| ending != "d");
        like_file && mount.is == SourceKind::Empty && !evidence.mood_is_well()
    });
    let told = wrong.map(|mount| {
        format!("{} is an empty directory on the host, mounted as {}", mount.source, mount.target)
    });
    told.collect()
}

fn port_holder(evidence: &Evidence) -> Vec<String> {
    if evidence.state == State::Running || evidence.at_rest {
        return Vec::new();
    }
    let held = evidence.ports.iter().filter_map(|port| Some((port.host?, port.holder.as_ref()?)));
    held.map(|(port, holder)| format!("port {port} of the host is held by {holder}")).collect()
}

fn crashed(evidence: &Evidence) -> Vec<String> {
    if evidence.exit_code != Some(SEGMENTATION_FAULT) || evidence.mood_is_well() {
        return Vec::new();
    }
    vec![format!("exit code {SEGMENTATION_FAULT}: ended by SIGSEGV")]
}
