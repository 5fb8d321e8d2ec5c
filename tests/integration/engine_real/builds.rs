//! Builds on a real engine, by both of its builders.

#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use composelet::controller::HostFiles;
use composelet::engine::{Engine, ObserveRequest};
use composelet::model::build::{Build, BuildSecret, ContextRoot, Dockerfile, NamedContext};
use composelet::model::config::Ulimit;
use composelet::model::id::{ProjectName, ServiceName};
use composelet::model::observed::ImageState;
use composelet::model::operation::Operation;
use composelet::model::outcome::{Failure, FailureClass};
use composelet::model::path::LocalPath;
use composelet::model::secret::Secret;
use tempfile::TempDir;

use super::fixture::{IMAGE, docker, engine, map};

/// One image of one test, removed in the end.
struct Bench {
    engine: Engine,
    base: TempDir,
    image: String,
    build: Build,
}

impl Drop for Bench {
    fn drop(&mut self) {
        drop(Command::new("docker").args(["rmi", "-f", &self.image]).output());
    }
}

impl Bench {
    async fn new(test: &str, dockerfile: &str) -> Option<Self> {
        let (engine, _) = engine().await?;
        let base = tempfile::tempdir().expect("directory");
        let root = ContextRoot::Directory(LocalPath::new(base.path().join("context")));
        // No step needs the network, and so none depends on the engine's bridge.
        let build = Build { network: Some("none".to_owned()), ..Build::of(root) };
        let image = format!("eng-build-{test}:{}", std::process::id());
        let bench = Self { engine, base, image, build };
        bench.write("context/Dockerfile", &format!("FROM {IMAGE}\n{dockerfile}"));
        Some(bench)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.base.path().join(path);
        fs::create_dir_all(path.parent().expect("parent")).expect("directory");
        fs::write(path, text).expect("file");
    }

    fn path(&self, path: &str) -> LocalPath {
        LocalPath::new(self.base.path().join(path))
    }

    /// Builds, and returns what it told.
    async fn run(&self) -> Result<Vec<String>, Failure> {
        let operation = Operation::Build {
            image: self.image.clone(),
            project: ProjectName::new("eng-build"),
            service: ServiceName::new("web"),
            directory: LocalPath::new(self.base.path()),
            build: Box::new(self.build.clone()),
            digest: "d1".into(),
        };
        let (sink, mut lines) = tokio::sync::mpsc::channel(1000);
        self.engine.build_image(&operation, &HostFiles, &sink).await?;
        drop(sink);
        let mut told = Vec::new();
        while let Some(line) = lines.recv().await {
            told.push(line);
        }
        Ok(told)
    }

    fn shell(&self, line: &str) -> String {
        docker(&["run", "--rm", "--network", "none", &self.image, "sh", "-c", line])
    }

    fn classic(&self) -> bool {
        let format = "{{index .Config.Labels \"com.docker.compose.image.builder\"}}";
        docker(&["image", "inspect", "--format", format, &self.image]).trim() == "classic"
    }
}

#[tokio::test]
async fn a_build_by_buildkit_has_files_arguments_labels_and_a_cache() {
    let text = "ARG WORD\nCOPY . /got/\nRUN echo \"$WORD\" > /word\n";
    let Some(mut bench) = Bench::new("plain", text).await else {
        return;
    };
    bench.build.args = [("WORD".to_owned(), Secret::from("hello world & more"))].into();
    bench.build.labels = map(&[("team", "blue")]);
    bench.write("context/.dockerignore", "*\n!sub/keep\n!run.sh");
    bench.write("context/sub/keep", "kept");
    bench.write("context/sub/gone", "gone");
    bench.write("context/run.sh", "#!/bin/sh\necho ran");
    let script = bench.path("context/run.sh");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(script.as_path(), executable).expect("mode");
    std::os::unix::fs::symlink("sub/keep", bench.path("context/run.sh.link").as_path())
        .expect("link");
    let told = bench.run().await.expect("build");
    assert!(told.iter().any(|line| line.contains("RUN echo \"$WORD\"")), "{told:?}");
    assert!(!told.join("\n").contains("hello"), "values of arguments are not told: {told:?}");
    assert!(!bench.classic());
    assert_eq!(
        bench.shell("cat /word; /got/run.sh; find /got | sort"),
        "hello world & more\nran\n/got\n/got/run.sh\n/got/sub\n/got/sub/keep"
    );
    let request =
        ObserveRequest { images: [bench.image.clone()].into(), ..ObserveRequest::default() };
    let seen = bench.engine.observe(&request).await.expect("observe");
    let image = seen.images.get(&bench.image).and_then(ImageState::present).expect("built");
    assert_eq!(image.build.as_deref(), Some("d1"));
    assert_eq!(image.labels.get("team").map(Secret::expose), Some("blue"));
    let told = bench.run().await.expect("again");
    let cached = told.iter().find(|line| line.contains("RUN echo"));
    assert!(cached.is_some_and(|line| line.ends_with("(cached)")), "{told:?}");
    bench.write("context/sub/keep", "changed");
    bench.run().await.expect("once more");
    assert_eq!(bench.shell("cat /got/sub/keep"), "changed");
}

#[tokio::test]
async fn a_change_that_shows_neither_in_size_nor_in_time_is_built() {
    let Some(bench) = Bench::new("unseen", "COPY a /\nENV WORD=one\n").await else {
        return;
    };
    bench.write("context/a", "one");
    let file = bench.path("context/a");
    let time = fs::metadata(file.as_path()).and_then(|metadata| metadata.modified()).expect("time");
    bench.run().await.expect("build");
    assert_eq!(bench.shell("cat /a; echo $WORD"), "oneone");
    bench.write("context/Dockerfile", &format!("FROM {IMAGE}\nCOPY a /\nENV WORD=two\n"));
    bench.write("context/a", "two");
    let opened = fs::File::options().write(true).open(file.as_path()).expect("file");
    opened.set_modified(time).expect("time");
    bench.run().await.expect("build");
    assert_eq!(bench.shell("cat /a; echo $WORD"), "twotwo");
}

#[tokio::test]
async fn a_secret_is_there_for_its_step_and_nowhere_else() {
    let text = "RUN --mount=type=secret,id=token,mode=0440,uid=7 sh -c 'cat /run/secrets/token | rev > /t; stat -c %a:%u /run/secrets/token >> /t'\n\
                RUN --mount=type=secret,id=file sha256sum /run/secrets/file > /f\n";
    let Some(mut bench) = Bench::new("secret", text).await else {
        return;
    };
    bench.write("file-secret", "from a file");
    bench.build.secrets = [
        ("token".to_owned(), BuildSecret::Value(Secret::from("hunter2"))),
        ("file".to_owned(), BuildSecret::File(bench.path("file-secret"))),
    ]
    .into();
    let told = bench.run().await.expect("build");
    assert_eq!(bench.shell("cat /t"), "2retnuh440:7");
    assert!(bench.shell("cat /f").len() > 64);
    assert_eq!(bench.shell("ls /run/secrets 2>/dev/null | wc -l").trim(), "0");
    let history = docker(&["history", "--no-trunc", &bench.image]);
    assert!(!history.contains("hunter2") && !told.join("\n").contains("hunter2"));
    bench.build.secrets.remove("file");
    bench.build.no_cache = true;
    bench.write(
        "context/Dockerfile",
        &format!("FROM {IMAGE}\nRUN --mount=type=secret,id=file,required cat /run/secrets/file\n"),
    );
    let failure = bench.run().await.expect_err("not there");
    assert!(failure.message.contains("file"), "{}", failure.message);
}

#[tokio::test]
async fn additional_contexts_are_stages_for_both_builders() {
    let text = "COPY --from=more . /more/\nCOPY --from=tools /bin/busybox /tools\n";
    let Some(mut bench) = Bench::new("contexts", text).await else {
        return;
    };
    bench.write("more/a", "1");
    bench.write("more/.dockerignore", "secret");
    bench.write("more/secret", "2");
    bench.build.contexts = [
        ("more".to_owned(), NamedContext::Directory(bench.path("more"))),
        ("tools".to_owned(), NamedContext::Image(IMAGE.to_owned())),
    ]
    .into();
    for classic in [false, true] {
        if classic {
            bench.build.shm_size_bytes = Some(1 << 20);
        }
        bench.run().await.expect("build");
        // From API 1.42 on BuildKit knows the limit too.
        assert_eq!(bench.classic(), classic && bench.engine.facts().api.minor < 42);
        assert_eq!(
            bench.shell("find /more -type f ! -name .dockerignore; test -x /tools && echo x"),
            "/more/a\nx"
        );
    }
    let left = docker(&["images", "-q", "composelet-context"]);
    assert_eq!(left.trim(), "", "images of directories go away");
}

#[tokio::test]
async fn a_failing_step_is_explained_by_both_builders() {
    let Some(mut bench) =
        Bench::new("broken", "\n# why\nRUN echo first && \\\n  echo last && exit 3\n").await
    else {
        return;
    };
    for classic in [false, true] {
        if classic {
            bench.build.ulimits = [("nofile".to_owned(), Ulimit { soft: 100, hard: 200 })].into();
        }
        let failure = bench.run().await.expect_err("broken");
        assert_eq!(failure.class, FailureClass::Engine);
        for part in ["RUN echo first", "(Dockerfile line 4)", "3", "it said last: first | last"] {
            assert!(failure.message.contains(part), "{classic}: {part}: {}", failure.message);
        }
    }
}

#[tokio::test]
async fn limits_hold_in_steps_on_an_engine_whose_buildkit_knows_none() {
    let Some(mut bench) = Bench::new("limits", "RUN ulimit -n > /n\n").await else {
        return;
    };
    bench.build.ulimits = [("nofile".to_owned(), Ulimit { soft: 123, hard: 456 })].into();
    bench.run().await.expect("build");
    assert_eq!(bench.shell("cat /n"), "123");
    bench.build.secrets = [("s".to_owned(), BuildSecret::Value(Secret::from("x")))].into();
    if bench.engine.facts().api.minor < 42 {
        let failure = bench.run().await.expect_err("both");
        assert_eq!(failure.class, FailureClass::Invalid);
        assert!(failure.message.contains("build.ulimits"), "{}", failure.message);
    }
}

#[tokio::test]
async fn instructions_from_outside_or_inline_are_not_in_the_image() {
    let Some(mut bench) = Bench::new("outside", "").await else {
        return;
    };
    bench.write("context/a", "1");
    bench.write(
        "other/Dockerfile",
        &format!("FROM {IMAGE} AS one\nCOPY . /got/\nFROM one AS two\nRUN touch /two"),
    );
    bench.build.target = Some("one".to_owned());
    for classic in [false, true] {
        if classic {
            bench.build.shm_size_bytes = Some(1 << 20);
        }
        for path in [Some("../other/Dockerfile"), None] {
            bench.build.dockerfile = match path {
                Some(path) => Dockerfile::Path(path.to_owned()),
                None => Dockerfile::Inline(format!("FROM {IMAGE} AS one\nCOPY . /got/\n")),
            };
            bench.run().await.expect("build");
            assert_eq!(bench.shell("ls -A /got; ls -d /two 2>/dev/null; true"), "Dockerfile\na");
        }
    }
}

/// Whether a process with this word among its arguments runs on this host.
fn runs(word: &str) -> bool {
    let processes = fs::read_dir("/proc").expect("proc");
    processes.flatten().any(|process| {
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|argument| argument == word.as_bytes())
    })
}

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..600 {
        if done() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("never: {what}");
}

#[tokio::test]
async fn a_build_that_is_given_up_ends_on_the_engine() {
    let seconds = format!("9{}", std::process::id());
    let Some(bench) = Bench::new("given-up", &format!("RUN exec sleep {seconds}\n")).await else {
        return;
    };
    tokio::select! {
        result = bench.run() => panic!("it ended: {result:?}"),
        () = until("the step runs", || runs(&seconds)) => {}
    }
    until("the step is gone", || !runs(&seconds)).await;
}

fn git(directory: &Path, arguments: &[&str]) {
    let done = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
        .args(arguments)
        .current_dir(directory)
        .output()
        .expect("git");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// `git daemon` on a port of its own.
struct GitDaemon(std::process::Child);

impl Drop for GitDaemon {
    fn drop(&mut self) {
        // `git` waits for a child of its own, so the whole group is told.
        if let Some(group) = rustix::process::Pid::from_raw(self.0.id().cast_signed()) {
            rustix::process::kill_process_group(group, rustix::process::Signal::TERM).ok();
        }
        self.0.wait().ok();
    }
}

async fn serve(directory: &Path) -> (GitDaemon, u16) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("port");
    let port = free.local_addr().expect("address").port();
    drop(free);
    let child = Command::new("git")
        .args(["daemon", "--export-all", "--reuseaddr", "--listen=127.0.0.1"])
        .arg(format!("--port={port}"))
        .arg(format!("--base-path={}", directory.display()))
        .process_group(0)
        .spawn()
        .expect("git daemon");
    let daemon = GitDaemon(child);
    let listens = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
    until("git daemon listens", listens).await;
    (daemon, port)
}

#[tokio::test]
async fn the_engine_clones_a_git_context_itself() {
    let Some(mut bench) = Bench::new("git", "").await else {
        return;
    };
    bench.write("repositories/app/sub/Dockerfile", &format!("FROM {IMAGE}\nCOPY word /\n"));
    bench.write("repositories/app/sub/word", "sub");
    bench.write("repositories/app/Dockerfile", &format!("FROM {IMAGE}\nCOPY word /\n"));
    bench.write("repositories/app/word", "top");
    let repository = bench.path("repositories/app");
    git(repository.as_path(), &["init", "-q", "-b", "main"]);
    git(repository.as_path(), &["add", "."]);
    git(repository.as_path(), &["commit", "-q", "-m", "x"]);
    let (_daemon, port) = serve(bench.path("repositories").as_path()).await;
    for (place, context) in [("#main:sub", "sub"), ("#main", "top")] {
        let address = format!("git://127.0.0.1:{port}/app/.git{place}");
        bench.build = Build::of(ContextRoot::Remote(address));
        bench.run().await.expect(context);
        assert_eq!(bench.shell("cat /word"), context);
    }
}
