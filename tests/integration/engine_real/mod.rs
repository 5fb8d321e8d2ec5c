//! The facade against a real engine, the one of DOCKER_HOST.

mod attributes;
mod configs;
mod engine;
mod fixture;
mod images;
mod roundtrip;
mod streams;
