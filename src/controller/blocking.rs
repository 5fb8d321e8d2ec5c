//! Blocking work (files) off the loop, or inline where a simulation needs every step in one order.

use std::panic::AssertUnwindSafe;

/// Where blocking work runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Blocking {
    /// On tokio's pool of blocking threads.
    #[default]
    Pool,
    /// In the caller's own thread: deterministic, for simulations.
    Inline,
}

/// The work panicked.
#[derive(Debug, thiserror::Error)]
#[error("internal error: reading files panicked")]
pub struct BlockingPanicked;

impl Blocking {
    /// Runs `work` and returns what it gave.
    ///
    /// # Errors
    /// [`BlockingPanicked`] if it panicked.
    pub async fn run<T, F>(self, work: F) -> Result<T, BlockingPanicked>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        match self {
            Self::Pool => tokio::task::spawn_blocking(work).await.map_err(|_| BlockingPanicked),
            Self::Inline => {
                std::panic::catch_unwind(AssertUnwindSafe(work)).map_err(|_| BlockingPanicked)
            }
        }
    }
}
