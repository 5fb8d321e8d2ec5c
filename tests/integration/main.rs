//! The one integration-test binary: every file and folder beside this one is declared here (the tidy test looks).

mod plan_cases;
mod plan_properties;
mod plan_rules;
mod plan_world;
