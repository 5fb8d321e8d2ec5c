//! Integration tests, in one binary.

mod engine_fixture;
mod engine_real;
