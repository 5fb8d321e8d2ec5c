//! The one integration binary: every file of this directory is a module of it.

#[cfg(test)]
mod real;
#[cfg(test)]
mod support_real;
