//! Whether a host is fit for its projects: checks over facts that were collected beforehand. Pure.

mod certificate;
mod checklist;
mod engine;
mod host;
mod judge;
mod line;
mod project;
mod secrets;
mod survey;

pub use self::certificate::{CertificateFile, Certified, Found, certificates_in};
pub use self::checklist::{CHECKLISTS, Point};
pub use self::judge::{CHECKS, Check, judge};
pub use self::line::{Line, Outcome};
pub use self::secrets::weakness;
pub use self::survey::{
    BindWant, Disk, HostSurvey, ImageWant, Inotify, Listener, PortWant, ProjectSurvey,
    RegistryAnswer, Survey,
};
