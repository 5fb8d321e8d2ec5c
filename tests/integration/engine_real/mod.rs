//! The facade against a real engine, the one of DOCKER_HOST.

mod attributes;
mod builds;
mod configs;
mod differential;
mod engine;
mod fixture;
mod images;
mod roundtrip;
mod streams;
