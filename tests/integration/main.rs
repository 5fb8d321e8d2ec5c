//! The one integration test binary; each module is an area.
#![allow(missing_docs, reason = "tests")]

mod compose_oracle;
mod executor_walk;
mod manifest_cases;
mod manifest_properties;
