//! Long calls: single-flight by subject, run beside the passes, seen by the planner. Their end wakes whoever waits.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use tokio::sync::{Notify, mpsc};
use tokio::task::{AbortHandle, JoinSet};

use crate::controller::clock::Clock;
use crate::controller::events::EventSink;
use crate::controller::governor::Governor;
use crate::controller::operation_calls::{Done, Ended, OperationCalls};
use crate::model::event::EventKind;
use crate::model::id::ProjectName;
use crate::model::operation::{Operation, OperationSubject, RunningOperation, RunningOperations};
use crate::model::outcome::{Failure, FailureClass, OperationReport, SkipReason};
use crate::model::status::OperationStatus;
use crate::model::time::Timestamp;

/// Lines of progress that may wait to be read.
const PROGRESS_LINES: usize = 64;

/// The table of running operations. Dropping it ends its tasks; what the engine was told to do, it does.
pub struct Operations {
    shared: Arc<Shared>,
    tasks: Mutex<JoinSet<()>>,
}

impl fmt::Debug for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operations")
            .field("running", &self.shared.table().running.len())
            .finish_non_exhaustive()
    }
}

/// What the tasks share with the table's owner.
struct Shared {
    calls: Arc<dyn OperationCalls>,
    governor: Arc<Governor>,
    clock: Arc<dyn Clock>,
    events: EventSink,
    table: Mutex<Table>,
    ended: Notify,
}

#[derive(Default)]
struct Table {
    gate: Gate,
    running: BTreeMap<OperationSubject, Entry>,
    /// Operations begun so far.
    begun: u64,
    /// Ends that the next pass of each project takes with it.
    reports: BTreeMap<ProjectName, Vec<OperationReport>>,
    /// Projects to wake.
    woken: BTreeSet<ProjectName>,
}

/// Whether operations may begin.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Gate {
    #[default]
    Open,
    Closed,
}

struct Entry {
    /// Which it is, so that one that was given up cannot speak for the one in its place.
    number: u64,
    /// Digest of the input, if it is a build.
    digest: Option<String>,
    /// Gives it up.
    task: Option<AbortHandle>,
    kind: &'static str,
    since: Timestamp,
    progress: String,
    /// Who began it and who waits for it.
    projects: BTreeSet<ProjectName>,
}

impl Entry {
    fn shown(&self) -> RunningOperation {
        RunningOperation {
            kind: self.kind.to_owned(),
            since: self.since,
            progress: self.progress.clone(),
            digest: self.digest.clone(),
        }
    }

    /// Whether `operation` builds the same image of another input, and nobody but `project` waits for this one: two projects
    /// that build one image must not give up each other's for ever.
    fn is_outdated_by(&self, operation: &Operation, project: &ProjectName) -> bool {
        match (self.digest.as_deref(), operation.digest()) {
            (Some(runs), Some(wanted)) => {
                runs != wanted && self.projects.iter().all(|other| other == project)
            }
            _ => false,
        }
    }
}

impl Table {
    /// A place for `operation`: whose, and its number.
    fn enter(&mut self, entry: Entry, subject: OperationSubject) -> u64 {
        self.begun += 1;
        let number = self.begun;
        self.running.insert(subject, Entry { number, ..entry });
        number
    }

    /// The running operation with this number.
    fn entry(&mut self, subject: &OperationSubject, number: u64) -> Option<&mut Entry> {
        self.running.get_mut(subject).filter(|entry| entry.number == number)
    }
}

impl Operations {
    /// An empty table.
    pub fn new(
        calls: Arc<dyn OperationCalls>,
        governor: Arc<Governor>,
        clock: Arc<dyn Clock>,
        events: EventSink,
    ) -> Self {
        let shared = Shared {
            calls,
            governor,
            clock,
            events,
            table: Mutex::default(),
            ended: Notify::new(),
        };
        Self { shared: Arc::new(shared), tasks: Mutex::default() }
    }

    /// Begins `operation` for `project` and returns at once. A build of another input of the same image is given up for it.
    ///
    /// # Errors
    /// [`SkipReason::Running`] when one about the same subject runs already (the project waits for its end too),
    /// [`SkipReason::Shutdown`] after [`Operations::close`].
    pub fn begin(
        &self,
        project: &ProjectName,
        operation: &Operation,
    ) -> Result<OperationSubject, SkipReason> {
        let subject = operation.subject();
        let number = {
            let mut table = self.shared.table();
            if table.gate == Gate::Closed {
                return Err(SkipReason::Shutdown);
            }
            if let Some(entry) = table.running.get_mut(&subject) {
                if !entry.is_outdated_by(operation, project) {
                    entry.projects.insert(project.clone());
                    return Err(SkipReason::Running);
                }
                if let Some(task) = &entry.task {
                    task.abort();
                }
            }
            let entry = Entry {
                number: 0,
                digest: operation.digest().map(str::to_owned),
                task: None,
                kind: operation.kind(),
                since: self.shared.clock.now(),
                progress: String::new(),
                projects: BTreeSet::from([project.clone()]),
            };
            table.enter(entry, subject.clone())
        };
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        let shared = Arc::clone(&self.shared);
        let task = tasks.spawn(shared.run(project.clone(), operation.clone(), number));
        if let Some(entry) = self.shared.table().entry(&subject, number) {
            entry.task = Some(task);
        }
        Ok(subject)
    }

    /// What runs now, and the ends that `project` has not taken yet. One look, so that no end falls between the two.
    pub fn take(&self, project: &ProjectName) -> (RunningOperations, Vec<OperationReport>) {
        let mut table = self.shared.table();
        let reports = table.reports.remove(project).unwrap_or_default();
        let running =
            table.running.iter().map(|(subject, entry)| (subject.clone(), entry.shown())).collect();
        (running, reports)
    }

    /// What runs now, for people.
    pub fn running(&self) -> Vec<OperationStatus> {
        let table = self.shared.table();
        let running = table.running.iter().map(|(subject, entry)| OperationStatus {
            subject: subject.clone(),
            running: entry.shown(),
        });
        running.collect()
    }

    /// `project` waits for the image operation about `image`, which another project may have begun. `false`: it does not
    /// run any more, so look again.
    pub fn join_image(&self, project: &ProjectName, image: &str) -> bool {
        let subject = OperationSubject::Image(image.to_owned());
        let mut table = self.shared.table();
        let entry = table.running.get_mut(&subject);
        entry.is_some_and(|entry| {
            entry.projects.insert(project.clone());
            true
        })
    }

    /// Waits until operations have ended, and returns the projects to wake. Cancel safe: what was not returned stays.
    pub async fn ended(&self) -> BTreeSet<ProjectName> {
        loop {
            let woken = std::mem::take(&mut self.shared.table().woken);
            if !woken.is_empty() {
                return woken;
            }
            self.shared.ended.notified().await;
        }
    }

    /// Nothing begins any more.
    pub fn close(&self) {
        self.shared.table().gate = Gate::Closed;
    }

    /// Drops the reports of a project that is gone for good.
    pub fn forget(&self, project: &ProjectName) {
        self.shared.table().reports.remove(project);
    }
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One operation from its place in the line to its report.
    async fn run(self: Arc<Self>, project: ProjectName, operation: Operation, number: u64) {
        let subject = operation.subject();
        let place = match self.governor.places(&operation) {
            Some(places) => {
                if places.available_permits() == 0 {
                    self.progress((&project, number), &operation, "waiting for a place".to_owned());
                }
                places.acquire().await.ok()
            }
            None => None,
        };
        let result = self.call((&project, number), &operation).await;
        drop(place);
        let (result, done) = match result {
            Ok(done) => (Ok(()), done),
            // What is not there any more has stopped.
            Err(failure)
                if failure.class == FailureClass::NotFound
                    && matches!(operation, Operation::Stop { .. }) =>
            {
                (Ok(()), Done::default())
            }
            Err(failure) => (Err(failure), Done::default()),
        };
        let report = OperationReport {
            subject: subject.clone(),
            kind: operation.kind(),
            result: result.clone(),
            notes: done.notes,
            found: done.found,
            at: self.clock.now(),
        };
        if !self.end(&report, number) {
            return;
        }
        for note in report.notes {
            self.events.send(report.at, Some(&project), EventKind::Noted(note));
        }
        let kind = EventKind::OperationEnded { subject, kind: operation.kind(), result };
        self.events.send(report.at, Some(&project), kind);
    }

    /// The call, with its progress read beside it. A panic is a failure.
    async fn call(&self, whose: (&ProjectName, u64), operation: &Operation) -> Ended {
        let (sender, mut lines) = mpsc::channel(PROGRESS_LINES);
        let call = AssertUnwindSafe(self.calls.run(whose.0, operation, &sender)).catch_unwind();
        tokio::pin!(call);
        loop {
            tokio::select! {
                biased;
                // Cancel safe: recv loses no line. It never yields None, since the sender lives in this function.
                Some(line) = lines.recv() => self.progress(whose, operation, line),
                // Pinned outside of the loop, so that no arm restarts it.
                result = &mut call => {
                    return result.unwrap_or_else(|_| {
                        Err(Failure {
                            class: FailureClass::Maybe,
                            message: "internal error: the operation panicked".to_owned(),
                        })
                    });
                }
            }
        }
    }

    fn progress(
        &self,
        (project, number): (&ProjectName, u64),
        operation: &Operation,
        line: String,
    ) {
        let subject = operation.subject();
        if let Some(entry) = self.table().entry(&subject, number) {
            entry.progress.clone_from(&line);
        }
        let kind = EventKind::Progress { subject, kind: operation.kind(), line };
        self.events.send(self.clock.now(), Some(project), kind);
    }

    /// Reports the end to who waits for it; `false` if another operation has taken its place.
    fn end(&self, report: &OperationReport, number: u64) -> bool {
        let mut table = self.table();
        if table.entry(&report.subject, number).is_none() {
            return false;
        }
        let Some(entry) = table.running.remove(&report.subject) else {
            return false;
        };
        for project in entry.projects {
            let reports = table.reports.entry(project.clone()).or_default();
            reports.push(report.clone());
            table.woken.insert(project);
        }
        drop(table);
        self.ended.notify_one();
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::future::BoxFuture;

    use super::*;
    use crate::controller::clock::SystemClock;
    use crate::controller::governor::Limits;
    use crate::engine::ProgressSink;
    use crate::model::build::{Build, ContextRoot};
    use crate::model::path::LocalPath;

    /// Takes ten seconds for everything; pulls of `bad` fail.
    struct Slow;

    impl OperationCalls for Slow {
        fn run<'a>(
            &'a self,
            _project: &'a ProjectName,
            operation: &'a Operation,
            progress: &'a ProgressSink,
        ) -> BoxFuture<'a, Ended> {
            Box::pin(async move {
                progress.send("half".to_owned()).await.unwrap();
                tokio::time::sleep(Duration::from_secs(10)).await;
                assert_ne!(operation.to_string(), "pull panics");
                match operation.to_string().as_str() {
                    "pull bad" => {
                        Err(Failure { class: FailureClass::Engine, message: "no".to_owned() })
                    }
                    _ => Ok(Done::default()),
                }
            })
        }
    }

    fn table() -> Operations {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let governor = Arc::new(Governor::new(&Limits::default(), clock.now()));
        Operations::new(Arc::new(Slow), governor, clock, EventSink::default())
    }

    fn pull(image: &str) -> Operation {
        Operation::Pull { image: image.to_owned(), platform: None }
    }

    #[tokio::test(start_paused = true)]
    async fn two_projects_wait_for_one_image_and_both_hear_its_end() {
        let (operations, shop, blog) = (table(), "shop".into(), "blog".into());
        assert!(operations.begin(&shop, &pull("bad")).is_ok());
        assert_eq!(operations.begin(&blog, &pull("bad")), Err(SkipReason::Running));
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (running, reports) = operations.take(&blog);
        let subject = OperationSubject::Image("bad".to_owned());
        assert_eq!(running[&subject].progress, "half");
        assert_eq!(reports, []);
        let woken = operations.ended().await;
        assert_eq!(woken, BTreeSet::from([shop.clone(), blog.clone()]));
        for project in [&shop, &blog] {
            let (running, reports) = operations.take(project);
            assert!(running.is_empty());
            assert!(reports[0].result.is_err());
            assert_eq!(operations.take(project).1, [], "taken once");
        }
    }

    fn build(digest: &str) -> Operation {
        let root = ContextRoot::Directory(LocalPath::new("/p"));
        Operation::Build {
            image: "app".to_owned(),
            project: "shop".into(),
            service: "web".into(),
            directory: LocalPath::new("/p"),
            build: Box::new(Build::of(root)),
            digest: digest.to_owned(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_build_is_given_up_for_one_of_another_input() {
        let (operations, shop, blog) = (table(), "shop".into(), "blog".into());
        assert!(operations.begin(&shop, &build("1")).is_ok());
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(operations.begin(&shop, &build("1")), Err(SkipReason::Running));
        assert!(operations.begin(&shop, &build("2")).is_ok());
        assert_eq!(operations.begin(&blog, &build("3")), Err(SkipReason::Running));
        assert_eq!(operations.begin(&shop, &build("3")), Err(SkipReason::Running), "blog waits");
        let (running, reports) = operations.take(&shop);
        let subject = OperationSubject::Image("app".to_owned());
        assert_eq!(running[&subject].digest.as_deref(), Some("2"));
        assert_eq!(reports, [], "what was given up has no end");
        let begin = tokio::time::Instant::now();
        assert_eq!(operations.ended().await, BTreeSet::from([shop.clone(), blog]));
        assert_eq!(begin.elapsed().as_secs(), 10, "it began anew");
        assert_eq!(operations.take(&shop).1.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn pulls_run_three_at_a_time() {
        let (operations, shop) = (table(), "shop".into());
        let begin = tokio::time::Instant::now();
        for image in ["a", "b", "c", "d", "e", "f", "g"] {
            assert!(operations.begin(&shop, &pull(image)).is_ok());
        }
        let mut ended = 0;
        while ended < 7 {
            operations.ended().await;
            ended += operations.take(&shop).1.len();
        }
        assert_eq!(begin.elapsed().as_secs(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_ends_the_operation_and_a_closed_table_begins_none() {
        let (operations, shop) = (table(), "shop".into());
        assert!(operations.begin(&shop, &pull("panics")).is_ok());
        operations.ended().await;
        assert!(operations.take(&shop).1[0].result.is_err());
        operations.close();
        assert_eq!(operations.begin(&shop, &pull("a")), Err(SkipReason::Shutdown));
    }
}
