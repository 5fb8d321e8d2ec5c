//! composelet
