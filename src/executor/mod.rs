//! Walks a plan: bounded parallelism, outcomes, no decisions.
