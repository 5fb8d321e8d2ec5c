//! Commands that read what the controller published.
