//! The container that this process runs in, if it runs in one: how it is recognised, and what of it waits.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::model::id::{ContainerId, ContainerName};
use crate::model::path::PathMap;
use crate::model::time::Timestamp;

/// Digits of the id of a container.
const ID_DIGITS: usize = 64;
/// Files that the engine mounts into every container from its own directory of that container.
const ENGINE_FILES: [&str; 3] = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"];

/// The container that this process runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    /// Its id.
    pub id: ContainerId,
    /// Its name when it was recognised.
    pub name: ContainerName,
    /// Where the engine finds what is mounted into it.
    pub paths: PathMap,
}

/// What the kernel shows of a container to the processes in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traces {
    /// Ids, and beginnings of ids, that may be its own; the likeliest first.
    pub candidates: Vec<String>,
    /// Where something is mounted.
    pub mounts: BTreeSet<PathBuf>,
}

impl Traces {
    /// Reads `/proc/self/mountinfo` and `/proc/self/cgroup` (proc(5), cgroups(7)). `hostname` counts only in a container, of
    /// which the engine's marker file `/.dockerenv` is the sign.
    pub fn read(mountinfo: &str, cgroup: &str, hostname: Option<&str>) -> Self {
        let mounts: Vec<(PathBuf, &str)> = mountinfo.lines().filter_map(mount).collect();
        // With cgroup v2 there is mostly nothing, because the container has a namespace of its own for them.
        let groups = cgroup.lines().filter_map(|line| id_in(line.splitn(3, ':').nth(2)?));
        let files = mounts
            .iter()
            .filter(|(point, _)| ENGINE_FILES.iter().any(|file| point == Path::new(file)));
        let files = files.filter_map(|(_, root)| id_in(root.split_once("/containers/")?.1));
        let name = hostname.filter(|name| {
            name.len() >= 12 && name.len() <= ID_DIGITS && name.bytes().all(is_digit)
        });
        let mut candidates: Vec<String> = Vec::new();
        for id in groups.chain(files).chain(name.map(str::to_owned)) {
            if !candidates.contains(&id) {
                candidates.push(id);
            }
        }
        Self { candidates, mounts: mounts.into_iter().map(|(point, _)| point).collect() }
    }

    /// Whether a container with mounts at these places can be the one. One without any could be everybody, and is nobody:
    /// with `network_mode: container:` the files of the engine are those of another one.
    pub fn fit(&self, destinations: &[PathBuf]) -> bool {
        !destinations.is_empty() && destinations.iter().all(|one| self.mounts.contains(one))
    }
}

/// Where something is mounted, and what of its file system.
fn mount(line: &str) -> Option<(PathBuf, &str)> {
    let mut words = line.split(' ').skip(3);
    let (root, point) = (words.next()?, words.next()?);
    Some((PathBuf::from(unescaped(point)), root))
}

/// The kernel writes space, tab, newline and backslash as three octal digits.
fn unescaped(text: &str) -> String {
    let mut out = text.to_owned();
    for (escape, character) in [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")] {
        out = out.replace(escape, character);
    }
    out
}

/// The last id of a container in a path such as `/docker/<id>` or `/system.slice/docker-<id>.scope`.
fn id_in(path: &str) -> Option<String> {
    let mut words = path.split(|c: char| !c.is_ascii_hexdigit());
    words.rfind(|word| word.len() == ID_DIGITS && word.bytes().all(is_digit)).map(str::to_owned)
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

/// What a controller in a container publishes of itself, for its health check. Each has a file of its own: one that stands
/// by must not write into those of the one that acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceStatus {
    /// The container.
    pub container: ContainerId,
    /// `standing by`, `acting`, `stopping`.
    pub role: String,
    /// Why it could not act if it were its turn; empty if it could.
    pub trouble: String,
    /// When this was written.
    pub published_at: Timestamp,
}

/// Why the container that this controller runs in is left as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OwnWait {
    /// Its project went away, its service is not declared any more, or it is one replica too many.
    Unwanted,
    /// Two containers cannot both have this, so that no successor can start beside it.
    Exclusive(String),
    /// Something was to be done in it or to it: the kind of the action.
    OutOfReach(String),
}

impl OwnWait {
    /// The reason code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unwanted | Self::OutOfReach(_) => "OwnContainer",
            Self::Exclusive(_) => "SelfUpdateImpossible",
        }
    }
}

impl fmt::Display for OwnWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unwanted => f.write_str(
                "a person: this controller runs in it and never removes itself; `docker stop` and `docker rm` end it",
            ),
            Self::OutOfReach(kind) => {
                write!(f, "a person: this controller runs in it, and does no {kind} there")
            }
            Self::Exclusive(why) => write!(
                f,
                "a person: no successor can run beside this controller, because {why}; take that away, or make the container anew with `docker compose up`"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const OTHER: &str = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";

    fn traces(mountinfo: &str, cgroup: &str, hostname: Option<&str>) -> Vec<String> {
        Traces::read(mountinfo, cgroup, hostname).candidates
    }

    #[test]
    fn the_own_id_is_found_in_cgroups_mounts_and_the_name_of_the_host() {
        let host =
            "27 1 254:0 / / rw - ext4 /dev/vda rw\n176 27 0:4 net:[1] /run/netns/a rw - nsfs n rw";
        assert!(
            traces(host, "4:memory:/process/166843be9d9b42c747136bf01a599722\n0::/", None)
                .is_empty()
        );
        assert_eq!(traces("", &format!("12:memory:/docker/{ID}\n0::/system.slice"), None), [ID]);
        assert_eq!(traces("", &format!("0::/system.slice/docker-{ID}.scope"), None), [ID]);
        let own = format!(
            "601 590 254:0 /var/lib/docker/containers/{ID}/hostname /etc/hostname rw,relatime - ext4 /dev/vda rw"
        );
        assert_eq!(traces(&own, "0::/", None), [ID]);
        assert_eq!(
            traces(&own, &format!("1:cpu:/docker/{OTHER}"), Some("0123456789ab")),
            [OTHER.to_owned(), ID.to_owned(), "0123456789ab".to_owned()]
        );
        // The engine's host sees mounts of all its containers, but none of them over its own files.
        let engine =
            format!("700 27 0:50 / /var/lib/docker/containers/{ID}/mounts/shm rw - tmpfs shm rw");
        assert!(traces(&engine, "0::/", Some("web-server-01")).is_empty());
    }

    #[test]
    fn mounts_tell_whether_a_container_is_the_own_one() {
        let mountinfo =
            "1 2 3:4 /srv /desired\\040state rw - ext4 a rw\n1 2 3:4 /x /state rw - ext4 a rw";
        let traces = Traces::read(mountinfo, "", None);
        let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert!(traces.fit(&paths(&["/desired state", "/state"])));
        assert!(traces.fit(&paths(&["/state"])));
        assert!(!traces.fit(&paths(&["/state", "/other"])));
        assert!(!traces.fit(&[]));
    }
}
