//! What the API shows, in a form that stays when the model changes. The OpenAPI document says the same.

mod container;
mod event;
mod history;
mod project;
mod service;
mod version;

pub(super) use event::EventView;
pub(super) use history::HistoryView;
pub(super) use project::{ProjectView, SummaryView};
pub(super) use service::ServiceView;
pub(super) use version::VersionView;
