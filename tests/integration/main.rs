//! Integration tests, in one binary.

mod engine_configs;
mod engine_fixture;
mod engine_images;
mod engine_real;
mod engine_roundtrip;
mod engine_streams;
