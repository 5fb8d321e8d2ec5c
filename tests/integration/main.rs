//! The one integration binary: every file of this directory is a module of it.

mod real;
mod support_real;
