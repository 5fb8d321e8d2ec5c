//! Binds and build digests.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use composelet::model::build::{Build, ContextRoot, Dockerfile};
use composelet::model::config::{BindRecursion, ContainerConfig, Mount, MountSource};
use composelet::model::content::OnChange;
use composelet::model::desired::{
    BindState, BuildDigest, DesiredProject, DesiredService, PullPolicy, RestartIntent, RestartWhen,
    Suspend,
};
use composelet::model::diagnostic::Location;
use composelet::model::id::{ProjectName, ServiceName};
use composelet::model::path::{HostPath, LocalPath, PathMap};
use composelet::model::secret::Secret;
use composelet::model::time::Timestamp;
use composelet::source::FactReader;

use crate::support::build;

fn service(name: &str, build: Option<Build>, binds: &[&Path]) -> DesiredService {
    let mounts = binds.iter().map(|source| {
        let mount = Mount {
            source: MountSource::Bind {
                source: HostPath::new(*source),
                create_host_path: true,
                propagation: None,
                selinux: None,
                recursive: BindRecursion::Enabled,
            },
            read_only: false,
        };
        (format!("/mnt{}", source.display()), mount)
    });
    DesiredService {
        probes: None,
        before: Vec::new(),
        checks: Vec::new(),
        hooks: composelet::model::hook::Hooks::default(),
        update: None,
        rollback: None,
        strategy: None,
        on_endpoints_change: None,
        drain: None,
        name: ServiceName::from(name),
        location: Location {
            file: LocalPath::new("/compose.yaml"),
            line: 1,
            column: 1,
            text: String::new(),
            width: 1,
        },
        config: ContainerConfig { mounts: mounts.collect(), ..ContainerConfig::default() },
        container_name: None,
        replicas: 1,
        image: name.to_owned(),
        pull_policy: PullPolicy::Missing,
        image_update: None,
        build,
        depends_on: BTreeMap::new(),
        job: None,
        schedules: Vec::new(),
        restart: RestartIntent {
            when: RestartWhen::Default,
            delay: None,
            window: None,
            max_attempts: None,
        },
        files: BTreeMap::new(),
        on_change: OnChange::default(),
        backup: None,
        suspend: Suspend::No,
        refusal: None,
        links: std::collections::BTreeSet::new(),
        compose_hash: composelet::model::join::ComposeHash::Fixed(String::new()),
    }
}

fn project(directory: &Path, services: Vec<DesiredService>) -> DesiredProject {
    DesiredProject {
        name: ProjectName::from("shop"),
        directory: LocalPath::new(directory),
        host_directory: HostPath::new(directory),
        config_files: Vec::new(),
        digest: String::new(),
        encrypted: None,
        commit: None,
        services: services.into_iter().map(|one| (one.name.clone(), one)).collect(),
        networks: BTreeMap::new(),
        volumes: BTreeMap::new(),
        suspend: Suspend::No,
        depends_on_projects: BTreeMap::new(),
        drill: None,
        volume_backups: BTreeMap::new(),
        backup: None,
        restore_drill: None,
    }
}

/// The newest change below a directory, which is what "now" is measured against: no test needs a clock.
fn newest(directory: &Path) -> Timestamp {
    let mut newest = 0;
    let mut todo = vec![directory.to_path_buf()];
    while let Some(path) = todo.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        newest = newest.max(metadata.ctime() * 1000 + metadata.ctime_nsec() / 1_000_000 + 1);
        if metadata.is_dir() {
            todo.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    Timestamp::from_millis(newest)
}

const SECONDS: fn(u64) -> Duration = Duration::from_secs;

struct Bench {
    base: tempfile::TempDir,
    reader: FactReader,
    project: DesiredProject,
}

impl Bench {
    fn new(binds: &[&str]) -> Self {
        let base = tempfile::tempdir().unwrap();
        fs::write(base.path().join("Dockerfile"), "FROM scratch\nCOPY . /\n").unwrap();
        fs::write(base.path().join("main.py"), "print(1)").unwrap();
        fs::create_dir(base.path().join("data")).unwrap();
        let binds: Vec<PathBuf> = binds.iter().map(|bind| base.path().join(bind)).collect();
        let binds: Vec<&Path> = binds.iter().map(PathBuf::as_path).collect();
        let service = service("web", Some(build(base.path())), &binds);
        let project = project(base.path(), vec![service]);
        Self { base, reader: FactReader::default(), project }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.base.path().join(name), text).unwrap();
    }

    fn build(&mut self) -> &mut Build {
        let service = self.project.services.get_mut(&ServiceName::from("web"));
        service.unwrap().build.as_mut().unwrap()
    }

    fn read(&mut self, now: Timestamp) -> BuildDigest {
        let facts = self.reader.read(&self.project, &PathMap::default(), now);
        facts.builds[&ServiceName::from("web")].clone()
    }

    /// The digest once everything is old.
    fn known(&mut self) -> String {
        let now = newest(self.base.path()).plus(SECONDS(60));
        match self.read(now) {
            BuildDigest::Known(digest) => digest,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_old_context_is_known_at_once_and_a_fresh_one_settles() {
    let mut bench = Bench::new(&[]);
    let touched = newest(bench.base.path());
    assert_eq!(bench.read(touched.plus(SECONDS(1))), BuildDigest::Settling);
    assert_eq!(bench.read(touched.plus(SECONDS(4))), BuildDigest::Settling);
    let first = bench.read(touched.plus(SECONDS(6)));
    assert!(matches!(first, BuildDigest::Known(_)));

    let mut restarted = FactReader::default();
    let facts = restarted.read(&bench.project, &PathMap::default(), touched.plus(SECONDS(6)));
    assert_eq!(facts.builds[&ServiceName::from("web")], first, "known at first sight");
}

#[test]
fn times_in_the_future_settle_by_readings() {
    let mut bench = Bench::new(&[]);
    let early = newest(bench.base.path()).minus(SECONDS(3600));
    assert_eq!(bench.read(early), BuildDigest::Settling);
    assert_eq!(bench.read(early.plus(SECONDS(4))), BuildDigest::Settling);
    assert!(matches!(bench.read(early.plus(SECONDS(5))), BuildDigest::Known(_)));
    bench.write("main.py", "print(2)");
    assert_eq!(bench.read(early.plus(SECONDS(6))), BuildDigest::Settling);
    assert!(matches!(bench.read(early.plus(SECONDS(11))), BuildDigest::Known(_)));
}

#[test]
fn what_the_image_is_made_of_changes_the_digest() {
    let mut bench = Bench::new(&[]);
    let mut seen = vec![bench.known()];
    let steps: [fn(&mut Bench); 11] = [
        |bench| bench.write("main.py", "print(2)"),
        |bench| bench.write("Dockerfile", "FROM scratch\nCOPY main.py /\n"),
        |bench| bench.write("new.py", ""),
        |bench| {
            fs::rename(bench.base.path().join("new.py"), bench.base.path().join("old.py")).unwrap();
        },
        |bench| {
            let path = bench.base.path().join("main.py");
            fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
        },
        |bench| symlink("main.py", bench.base.path().join("link")).unwrap(),
        |bench| bench.build().target = Some("prod".to_owned()),
        |bench| {
            bench.build().args = BTreeMap::from([("A".to_owned(), Secret::from("1"))]);
        },
        |bench| {
            bench.build().args = BTreeMap::from([("A".to_owned(), Secret::from("2"))]);
        },
        |bench| bench.build().dockerfile = Dockerfile::Inline("FROM scratch".to_owned()),
        |bench| bench.build().dockerfile = Dockerfile::Inline("FROM busybox".to_owned()),
    ];
    for (number, step) in steps.into_iter().enumerate() {
        step(&mut bench);
        let digest = bench.known();
        assert_eq!(digest, bench.known(), "step {number} is stable");
        assert!(!seen.contains(&digest), "step {number} changes the digest");
        seen.push(digest);
    }
}

#[test]
fn git_mounts_and_ignored_files_do_not_change_the_digest() {
    let mut bench = Bench::new(&["data", "conf/nginx.conf"]);
    bench.write(".dockerignore", "*.log\n");
    fs::create_dir(bench.base.path().join("conf")).unwrap();
    bench.write("conf/nginx.conf", "a");
    fs::create_dir_all(bench.base.path().join(".git/objects")).unwrap();
    let before = bench.known();
    bench.write("data/db.sqlite3", "rows");
    bench.write("conf/nginx.conf", "b");
    bench.write(".git/index", "x");
    bench.write("debug.log", "x");
    assert_eq!(bench.known(), before);
    bench.write("conf/other.conf", "b");
    assert_ne!(bench.known(), before, "beside a mount is not in it");
}

#[test]
fn a_mount_of_the_whole_context_leaves_the_dockerfile() {
    let mut bench = Bench::new(&[""]);
    let before = bench.known();
    bench.write("main.py", "print(2)");
    assert_eq!(bench.known(), before);
    bench.write("Dockerfile", "FROM scratch\n");
    assert_ne!(bench.known(), before);
}

#[test]
fn an_edit_of_same_size_and_time_is_seen_when_it_could_be_missed() {
    let mut bench = Bench::new(&[]);
    let early = newest(bench.base.path()).minus(SECONDS(3600));
    bench.read(early);
    let BuildDigest::Known(before) = bench.read(early.plus(SECONDS(10))) else {
        panic!("not known");
    };
    bench.write("main.py", "print(9)");
    let BuildDigest::Known(after) = bench.read(newest(bench.base.path()).plus(SECONDS(9))) else {
        panic!("not known");
    };
    assert_ne!(before, after);
}

#[test]
fn what_cannot_be_built_says_why() {
    let mut bench = Bench::new(&[]);
    let path = bench.base.path().to_path_buf();
    bench.build().dockerfile = Dockerfile::Path("Dockerfile.prod".to_owned());
    let missing =
        format!("the Dockerfile {} does not exist", path.join("Dockerfile.prod").display());
    assert_eq!(bench.read(Timestamp::default()), BuildDigest::Unreadable(missing));
    bench.build().context = ContextRoot::Directory(LocalPath::new(path.join("nothing")));
    let nothing =
        format!("the build context {} is not a directory", path.join("nothing").display());
    assert_eq!(bench.read(Timestamp::default()), BuildDigest::Unreadable(nothing));
    bench.build().context = ContextRoot::Directory(LocalPath::new(&path));
    bench.build().dockerfile = Dockerfile::Path("Dockerfile".to_owned());
    bench.write(".dockerignore", "!");
    let BuildDigest::Unreadable(why) = bench.read(Timestamp::default()) else {
        panic!("readable");
    };
    assert!(why.ends_with(".dockerignore: line 1: `!`: `!` needs a pattern after it"), "{why}");
}

#[test]
fn services_of_one_build_share_its_digest() {
    let mut bench = Bench::new(&[]);
    let twin = service("worker", Some(build(bench.base.path())), &[]);
    bench.project.services.insert(twin.name.clone(), twin);
    let now = newest(bench.base.path()).plus(SECONDS(60));
    let facts = bench.reader.read(&bench.project, &PathMap::default(), now);
    assert_eq!(facts.builds.len(), 2);
    assert_eq!(facts.builds[&ServiceName::from("web")], facts.builds[&ServiceName::from("worker")]);
}

#[test]
fn binds_are_looked_at_where_this_process_sees_them() {
    let base = tempfile::tempdir().unwrap();
    let at = |name: &str| base.path().join(name);
    fs::write(at("file"), "x").unwrap();
    fs::create_dir_all(at("full/x")).unwrap();
    fs::create_dir_all(at("empty")).unwrap();
    fs::create_dir_all(at("disk/lost+found")).unwrap();
    symlink("full", at("link")).unwrap();
    symlink("nothing", at("dangling")).unwrap();
    let host = |name: &str| Path::new("/srv/host").join(name);
    let cases = [
        ("file", BindState::File),
        ("full", BindState::FullDirectory),
        ("empty", BindState::EmptyDirectory),
        ("disk", BindState::EmptyDirectory),
        ("link", BindState::FullDirectory),
        ("dangling", BindState::Missing),
        ("nothing", BindState::Missing),
    ];
    let mut sources: Vec<PathBuf> = cases.iter().map(|(name, _)| host(name)).collect();
    sources.push(PathBuf::from("/proc"));
    let sources: Vec<&Path> = sources.iter().map(PathBuf::as_path).collect();
    let project = project(base.path(), vec![service("web", None, &sources)]);
    let paths = PathMap { prefixes: vec![(base.path().to_path_buf(), PathBuf::from("/srv/host"))] };
    let facts = FactReader::default().read(&project, &paths, Timestamp::default());
    for (name, state) in cases {
        assert_eq!(facts.binds[&HostPath::new(host(name))], state, "{name}");
    }
    // What no prefix maps is the host's own, and not what lies at that path in here.
    assert_eq!(facts.binds[&HostPath::new("/proc")], BindState::Unknown);

    let outside = FactReader::default().read(&project, &PathMap::default(), Timestamp::default());
    assert_eq!(outside.binds[&HostPath::new("/proc")], BindState::FullDirectory);
}
