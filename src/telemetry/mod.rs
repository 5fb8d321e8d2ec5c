//! Sinks of the one typed event stream.
