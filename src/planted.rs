//! Bugs on purpose. A build with the feature `planted-bugs` holds them, each asleep until a test wakes it in its own
//! thread; the simulation proof must find every one. In any other build only the right expression is compiled.

/// `planted!("name", right, wrong)` is the right expression, and the wrong one while that bug is awake.
#[cfg(not(feature = "planted-bugs"))]
macro_rules! planted {
    ($name:literal, $right:expr, $wrong:expr $(,)?) => {
        $right
    };
}

/// `planted!("name", right, wrong)` is the right expression, and the wrong one while that bug is awake.
#[cfg(feature = "planted-bugs")]
macro_rules! planted {
    ($name:literal, $right:expr, $wrong:expr $(,)?) => {
        if $crate::planted::is_awake($name) { $wrong } else { $right }
    };
}

#[cfg(feature = "planted-bugs")]
mod awake {
    use std::cell::Cell;

    thread_local! {
        static AWAKE: Cell<Option<&'static str>> = const { Cell::new(None) };
    }

    /// Wakes one bug in this thread, or puts it to sleep.
    pub fn wake(name: Option<&'static str>) {
        AWAKE.set(name);
    }

    /// Whether this bug is awake in this thread.
    pub fn is_awake(name: &str) -> bool {
        AWAKE.get() == Some(name)
    }
}

#[cfg(feature = "planted-bugs")]
pub use awake::{is_awake, wake};
