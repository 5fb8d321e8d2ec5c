//! Which path is what.

use http::Method;

use crate::http::api::authority::Access;
use crate::model::id::{ProjectName, ServiceName};

/// Every route: method and path, as the OpenAPI document has them.
pub const ROUTES: &[(&str, &str)] = &[
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/api/v1/openapi.json"),
    ("GET", "/api/v1/version"),
    ("GET", "/api/v1/projects"),
    ("GET", "/api/v1/projects/{project}"),
    ("GET", "/api/v1/projects/{project}/services/{service}"),
    ("GET", "/api/v1/projects/{project}/history"),
    ("GET", "/api/v1/events"),
    ("GET", "/api/v1/requests/{id}"),
    ("POST", "/api/v1/projects/{project}/reconcile"),
    ("POST", "/api/v1/projects/{project}/suspend"),
    ("POST", "/api/v1/projects/{project}/resume"),
    ("POST", "/api/v1/projects/{project}/rollback"),
    ("POST", "/api/v1/projects/{project}/promote"),
    ("POST", "/api/v1/projects/{project}/stop"),
    ("POST", "/api/v1/projects/{project}/start"),
];

/// What may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Reconcile,
    Suspend,
    Resume,
    Rollback,
    Promote,
    Stop,
    Start,
}

impl Verb {
    const ALL: [Self; 7] = [
        Self::Reconcile,
        Self::Suspend,
        Self::Resume,
        Self::Rollback,
        Self::Promote,
        Self::Stop,
        Self::Start,
    ];

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.word() == word)
    }

    /// Its word in paths.
    pub(super) fn word(self) -> &'static str {
        self.template().rsplit('/').next().unwrap_or_default()
    }

    /// Its word in the history.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Reconcile => "Reconcile",
            Self::Suspend => "Suspend",
            Self::Resume => "Resume",
            Self::Rollback => "Rollback",
            Self::Promote => "Promote",
            Self::Stop => "Stop",
            Self::Start => "Start",
        }
    }

    /// What its body may say.
    pub(super) fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Reconcile => &[],
            Self::Suspend | Self::Stop => &["service", "reason", "until"],
            Self::Resume | Self::Start => &["service"],
            Self::Rollback => &["to"],
            Self::Promote => &["service", "full"],
        }
    }

    fn template(self) -> &'static str {
        match self {
            Self::Reconcile => "/api/v1/projects/{project}/reconcile",
            Self::Suspend => "/api/v1/projects/{project}/suspend",
            Self::Resume => "/api/v1/projects/{project}/resume",
            Self::Rollback => "/api/v1/projects/{project}/rollback",
            Self::Promote => "/api/v1/projects/{project}/promote",
            Self::Stop => "/api/v1/projects/{project}/stop",
            Self::Start => "/api/v1/projects/{project}/start",
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Livez,
    Readyz,
    Metrics,
    Document,
    Version,
    Projects,
    Project(ProjectName),
    Service(ProjectName, ServiceName),
    History(ProjectName),
    Events,
    Asked(String),
    Act(ProjectName, Verb),
}

impl Route {
    /// The route of a path. Names that none of ours can have are no route: nothing is decoded.
    pub(super) fn find(path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        Some(match segments.as_slice() {
            ["livez"] => Self::Livez,
            ["readyz"] => Self::Readyz,
            ["metrics"] => Self::Metrics,
            ["api", "v1", "openapi.json"] => Self::Document,
            ["api", "v1", "version"] => Self::Version,
            ["api", "v1", "events"] => Self::Events,
            ["api", "v1", "projects"] => Self::Projects,
            ["api", "v1", "projects", name] => Self::Project(project(name)?),
            ["api", "v1", "projects", name, "history"] => Self::History(project(name)?),
            ["api", "v1", "requests", id] => Self::Asked(request(id)?),
            ["api", "v1", "projects", name, verb] => Self::Act(project(name)?, Verb::parse(verb)?),
            ["api", "v1", "projects", name, "services", one] => {
                Self::Service(project(name)?, service(one)?)
            }
            _ => return None,
        })
    }

    /// The method that it takes.
    pub(super) fn method(&self) -> Method {
        let mut known = ROUTES.iter().filter(|(_, path)| *path == self.template());
        if known.any(|(method, _)| *method == "POST") { Method::POST } else { Method::GET }
    }

    /// Its path in [`ROUTES`].
    pub(super) fn template(&self) -> &'static str {
        match self {
            Self::Livez => "/livez",
            Self::Readyz => "/readyz",
            Self::Metrics => "/metrics",
            Self::Document => "/api/v1/openapi.json",
            Self::Version => "/api/v1/version",
            Self::Projects => "/api/v1/projects",
            Self::Project(_) => "/api/v1/projects/{project}",
            Self::Service(..) => "/api/v1/projects/{project}/services/{service}",
            Self::History(_) => "/api/v1/projects/{project}/history",
            Self::Events => "/api/v1/events",
            Self::Asked(_) => "/api/v1/requests/{id}",
            Self::Act(_, verb) => verb.template(),
        }
    }

    /// What it asks of whoever comes.
    pub(super) fn access(&self) -> Access {
        match self {
            Self::Livez | Self::Readyz => Access::Open,
            Self::Act(..) => Access::Write,
            _ => Access::Read,
        }
    }

    /// Parameters that it knows.
    pub(super) fn parameters(&self) -> &'static [&'static str] {
        match self {
            Self::Livez | Self::Readyz => &["verbose"],
            Self::History(_) => &["last"],
            Self::Events => &["project"],
            _ => &[],
        }
    }
}

/// A name that a project can have (Compose Specification).
pub(super) fn project(name: &str) -> Option<ProjectName> {
    named(name).filter(|name| !name.contains('.')).map(ProjectName::new)
}

/// A name that a service can have.
pub(super) fn service(name: &str) -> Option<ServiceName> {
    named(name).map(ServiceName::new)
}

/// The id of a request: a running number and random digits.
fn request(id: &str) -> Option<String> {
    let fits = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    ((10..=40).contains(&id.len()) && id.bytes().all(fits)).then(|| id.to_owned())
}

fn named(name: &str) -> Option<&str> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    (!name.is_empty() && name.len() <= 255 && name.bytes().all(fits)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_route_of_the_table_is_found_and_no_other() {
        for (method, template) in ROUTES {
            let path = template
                .replace("{project}", "shop")
                .replace("{service}", "web")
                .replace("{id}", "00000001-0123456789ab");
            let route = Route::find(&path).unwrap();
            assert_eq!((route.template(), route.method().as_str()), (*template, *method));
        }
        for path in [
            "",
            "/",
            "livez",
            "/livez/",
            "//livez",
            "/api/v1",
            "/api/v1/projects/",
            "/api/v1/projects/%2e%2e",
            "/api/v1/projects/a b",
            "/api/v1/projects/..",
            "/api/v1/projects/shop/services/",
            "/api/v1/projects/shop/none",
            "/api/v2/projects",
        ] {
            assert_eq!(Route::find(path), None, "{path}");
        }
    }
}
