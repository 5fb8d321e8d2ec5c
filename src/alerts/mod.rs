//! Who is told outside of this host: sinks of the event stream that speak to servers. They never hold the loop up.

mod change_set;
mod channel;
mod commit_state;
mod commit_status;
mod delivery;
mod digest;
mod email;
mod https;
mod incident;
mod message;
mod payload;
mod template;
mod trouble;

pub use change_set::News;
pub use channel::{Address, Channel, Filter, Mail, MailTls, Way};
pub use commit_state::{CommitState, StatusRequest, public_api, request, state_of};
pub use commit_status::{StatusTarget, TokenReader, report};
pub use delivery::{DroppedListener, Notifications, Outside, SecretReader, deliver_once, notify};
pub use digest::Digest;
pub use email::check_address;
pub use incident::{Incident, Pace, Say};
pub use message::{ChangeSet, Message, MessageKind, Severity, Subject};
pub use payload::{plain, slack, webhook};
pub use template::Template;
pub use trouble::{Look, Trouble, look_at};
