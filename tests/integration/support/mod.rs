//! What several areas of the tests share.

pub(crate) mod command;
pub(crate) mod tokens;
