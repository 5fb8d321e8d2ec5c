//! Compose text → desired model and diagnostics. Pure: it asks for files, the controller reads them and calls again.
