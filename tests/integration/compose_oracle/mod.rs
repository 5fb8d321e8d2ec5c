//! The oracle: what `docker compose` of the command line 2.26 makes of a file, we must make of it, too.
//!
//! COMPOSELET_COMPOSE_CLI names the program (`docker-compose`, stand-alone or the plug-in itself); without it the one that
//! `scripts/oracle` installs is taken.

mod case;
mod cases;
mod cli;
mod compare;
mod fixtures;
mod generate;
mod generated;
mod inspect;
mod inspected;
mod known;
mod samples;
