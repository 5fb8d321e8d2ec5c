//! composelet
fn main() {}
