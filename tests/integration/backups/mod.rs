//! Backups without an engine: which recipe fits, whether dumps are whole, what is kept, and files on the disk.

mod recipes;
mod retention;
mod whole;
