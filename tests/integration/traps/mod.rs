//! The traps of the Compose Specification and its command line, numbered as in `docs/compose-traps.md`: one test each, named
//! `trap_NN_words`, of what composelet does about it. `page` compares the tests with the page.

mod containers;
mod engine;
mod files;
mod hashes;
mod joins;
mod kit;
mod networks;
mod page;
mod replacing;
