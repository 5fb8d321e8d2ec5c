//! The one integration test binary; each module is an area.

mod compose_oracle;
mod manifest_cases;
mod manifest_properties;
