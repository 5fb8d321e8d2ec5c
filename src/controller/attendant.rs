//! Asking one run of one container, for as long as it lasts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::controller::readiness::Dial;
use crate::controller::tally::{Answer, Tally, Weight};
use crate::engine::Engine;
use crate::model::hook::HookCommand;
use crate::model::host_probe::{Handler, HostProbe, ProbeKind};
use crate::model::outcome::FailureClass;
use crate::model::verdict::{ProbeState, ProbeTarget, RunVerdict};

/// Connections side by side, over all projects.
const DIALS: usize = 64;
/// Commands side by side: each costs the engine a process of its own.
const EXECS: usize = 8;
/// Tries to ask before it is given up until the next period (the kubelet's number).
const TRIES: u32 = 3;
/// Shortest and longest pause while a container was not ready in its run yet; in between, this part of the time since it
/// is asked. Kubernetes allows a readiness probe to be asked more often than its period then.
const EARLY: (Duration, Duration, u32) = (Duration::from_millis(500), Duration::from_secs(2), 6);
/// How long it is asked early.
const EARLY_FOR: Duration = Duration::from_secs(600);
/// Over this time, or a period, the first questions are spread to runs that were there before the controller.
const SPREAD: Duration = Duration::from_secs(2);

/// What questions are asked with.
pub(super) struct Asking {
    engine: Engine,
    dial: Arc<dyn Dial>,
    dials: Semaphore,
    execs: Semaphore,
}

/// A run that is attended, with what was known of it before.
pub(super) struct Attended {
    pub(super) target: ProbeTarget,
    pub(super) known: RunVerdict,
    /// Time since the run began.
    pub(super) age: Duration,
    /// Whether the run was there before the controller.
    pub(super) found: bool,
}

impl Asking {
    pub(super) fn new(engine: Engine, dial: Arc<dyn Dial>) -> Self {
        Self { engine, dial, dials: Semaphore::new(DIALS), execs: Semaphore::new(EXECS) }
    }

    /// Asks until it is dropped: the startup probe until it is good, then the others side by side.
    pub(super) async fn attend(&self, run: &Attended, tell: &(dyn Fn(ProbeKind, &Tally) + Sync)) {
        if run.state(ProbeKind::Startup) != ProbeState::Passing {
            self.watch(run, ProbeKind::Startup, tell).await;
        }
        tokio::join!(
            self.watch(run, ProbeKind::Readiness, tell),
            self.watch(run, ProbeKind::Liveness, tell),
        );
    }

    /// One probe for as long as it is asked.
    async fn watch(
        &self,
        run: &Attended,
        kind: ProbeKind,
        tell: &(dyn Fn(ProbeKind, &Tally) + Sync),
    ) {
        let Some(probe) = run.target.probes.get(kind) else {
            return;
        };
        let mut tally = Tally::from(run.state(kind));
        let (mut hung, mut was_good) = (None, tally.state == ProbeState::Passing);
        sleep(run.first(probe, kind)).await;
        let first = Instant::now();
        let mut counted: Option<Instant> = None;
        loop {
            let begin = Instant::now();
            let answer = self.ask(&run.target, probe, &mut hung).await;
            let due = counted.is_none_or(|last| begin.duration_since(last) >= probe.period);
            let weight = if due { Weight::Counts } else { Weight::Early };
            if due {
                counted = Some(begin);
            }
            tally.note(answer, weight, probe);
            tell(kind, &tally);
            if kind == ProbeKind::Startup && tally.state == ProbeState::Passing {
                return;
            }
            was_good |= tally.state == ProbeState::Passing;
            let early = kind == ProbeKind::Readiness && !was_good && tally.good == 0;
            let pause = if early { soon(first, probe.period) } else { probe.period };
            // After a question that took longer than a period there is a breath all the same.
            sleep_until((begin + pause).max(Instant::now() + pause / 10)).await;
        }
    }

    /// One question.
    pub(super) async fn ask(
        &self,
        target: &ProbeTarget,
        probe: &HostProbe,
        hung: &mut Option<Exec>,
    ) -> Answer {
        let dialled = |port| target.address.map(|address| SocketAddr::new(address, port));
        let nowhere = || Answer::Unasked("it has no address in a network of this host".to_owned());
        let late = || format!("no answer within {:?}", probe.timeout);
        match &probe.handler {
            Handler::Tcp { port } => {
                let Some(address) = dialled(*port) else { return nowhere() };
                let _place = self.dials.acquire().await;
                match timeout(probe.timeout, self.dial.connect(address)).await {
                    Ok(Ok(())) => Answer::Good,
                    Ok(Err(error)) => Answer::Failed(format!("connect {address}: {error}")),
                    Err(_) => Answer::Failed(format!("connect {address}: {}", late())),
                }
            }
            Handler::Http(get) => {
                let Some(address) = dialled(get.port) else { return nowhere() };
                let _place = self.dials.acquire().await;
                let url = get.url(&address.to_string());
                match timeout(probe.timeout, self.dial.get(address, get)).await {
                    Ok(Ok(status)) if get.expects(status) => Answer::Good,
                    Ok(Ok(status)) => Answer::Failed(format!("GET {url}: {status}")),
                    Ok(Err(error)) => Answer::Failed(format!("GET {url}: {error}")),
                    Err(_) => Answer::Failed(format!("GET {url}: {}", late())),
                }
            }
            Handler::Exec(command) => self.exec(target, (probe, command), hung).await,
        }
    }

    /// A command inside. One that takes too long cannot be ended from outside: none is begun beside it.
    async fn exec(
        &self,
        target: &ProbeTarget,
        (probe, command): (&HostProbe, &HookCommand),
        hung: &mut Option<Exec>,
    ) -> Answer {
        if hung.as_ref().is_some_and(|exec| !exec.is_finished()) {
            return Answer::Failed("the command of an earlier question has not ended".to_owned());
        }
        *hung = None;
        let _place = self.execs.acquire().await;
        let mut error = String::new();
        for _ in 0..TRIES {
            let (engine, id, copy) =
                (self.engine.clone(), target.container.clone(), command.clone());
            let work = tokio::spawn(async move { engine.ask_inside(&id, &copy).await });
            let mut work = AbortOnDropHandle::new(work);
            match timeout(probe.timeout, &mut work).await {
                Err(_) => {
                    *hung = Some(work);
                    return Answer::Failed(format!("no end within {:?}", probe.timeout));
                }
                Ok(Ok(Ok(()))) => return Answer::Good,
                // It ended with another code, or there is no such program.
                Ok(Ok(Err(failure))) if failure.class == FailureClass::Invalid => {
                    return Answer::Failed(failure.message);
                }
                Ok(Ok(Err(failure))) => error = failure.message,
                Ok(Err(ended)) => error = ended.to_string(),
            }
        }
        Answer::Unasked(error)
    }
}

/// A command that runs.
pub(super) type Exec = AbortOnDropHandle<Result<(), crate::model::outcome::Failure>>;

fn soon(first: Instant, period: Duration) -> Duration {
    let (shortest, longest, part) = EARLY;
    let elapsed = first.elapsed();
    if elapsed > EARLY_FOR { period } else { period.min((elapsed / part).clamp(shortest, longest)) }
}

impl Attended {
    fn state(&self, kind: ProbeKind) -> ProbeState {
        if self.target.probes.get(kind).is_none() {
            return ProbeState::Passing;
        }
        self.known.probes.get(&kind).map(|verdict| verdict.state).unwrap_or_default()
    }

    /// Time until the first question.
    fn first(&self, probe: &HostProbe, kind: ProbeKind) -> Duration {
        let waits = probe.initial_delay.saturating_sub(self.age);
        if !self.found {
            return waits;
        }
        let bytes = self.target.container.as_str().bytes().chain(kind.to_string().into_bytes());
        let hash =
            bytes.fold(17_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
        waits + probe.period.min(SPREAD) * (hash % 100) / 100
    }
}
