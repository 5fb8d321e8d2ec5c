//! Automatic analysis of a new version (`x-composelet.strategy`, `analysis`): what is measured, how often, and how many
//! failures are put up with. The words are those of Argo Rollouts (AnalysisTemplate).

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::host_probe::{Handler, HttpGet};
use crate::model::id::{ContainerId, ContainerName, ProjectName, Revision, ServiceName};

/// One thing that is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub measure: Measure,
    /// Time before the first measurement.
    pub initial_delay: Duration,
    /// From one measurement to the next.
    pub interval: Duration,
    /// After which time no answer is a failure.
    pub timeout: Duration,
    /// Measurements; `None`: as many as there is time for.
    pub count: Option<u32>,
    /// Failures that are put up with.
    pub failure_limit: u32,
    /// What a measurement without a result counts as.
    pub inconclusive: Inconclusive,
}

/// What is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The same as a host probe, asked of every container of the new version.
    Ask(Handler),
    /// A query to Prometheus.
    Prometheus(Box<Prometheus>),
    /// Restarts and failures of the containers of the new version, together.
    Restarts {
        /// So many are good.
        max: u32,
    },
}

/// A query to Prometheus (HTTP API, instant queries).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prometheus {
    /// Host of the server: a name or address, or a service of the project.
    pub host: String,
    /// The request; its port is that of the server.
    pub get: HttpGet,
    /// What every value has to be.
    pub condition: Condition,
}

/// What a measurement without a result counts as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Inconclusive {
    /// A failure.
    #[default]
    Failure,
    /// Nothing: only the measurement is counted.
    Ignored,
}

/// A condition on a number, such as `< 0.01`.
#[derive(Clone, Copy, Debug)]
pub struct Condition {
    /// How it compares.
    pub operator: Operator,
    /// With what.
    pub threshold: f64,
}

/// How numbers compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
    /// `==`
    Equal,
    /// `!=`
    Unequal,
}

impl Operator {
    /// All, so that none is the beginning of a later one.
    pub const ALL: [Self; 6] =
        [Self::AtMost, Self::AtLeast, Self::Equal, Self::Unequal, Self::Less, Self::More];

    /// As it is written.
    pub fn text(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
            Self::Equal => "==",
            Self::Unequal => "!=",
        }
    }
}

impl Condition {
    /// Reads `< 0.01`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let operator = Operator::ALL.into_iter().find(|one| text.starts_with(one.text()))?;
        let threshold = text.get(operator.text().len()..)?.trim().parse().ok()?;
        f64::is_finite(threshold).then_some(Self { operator, threshold })
    }

    /// Whether a value is as it has to be; `None` for what is no number.
    pub fn holds(&self, value: f64) -> Option<bool> {
        if value.is_nan() {
            return None;
        }
        let order = value.total_cmp(&self.threshold);
        // Zero has two signs and is one number.
        let order =
            if value == 0.0 && self.threshold == 0.0 { std::cmp::Ordering::Equal } else { order };
        Some(match self.operator {
            Operator::Less => order.is_lt(),
            Operator::AtMost => order.is_le(),
            Operator::More => order.is_gt(),
            Operator::AtLeast => order.is_ge(),
            Operator::Equal => order.is_eq(),
            Operator::Unequal => order.is_ne(),
        })
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.operator == other.operator && self.threshold.to_bits() == other.threshold.to_bits()
    }
}

impl Eq for Condition {}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.operator.text(), self.threshold)
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ask(Handler::Http(_)) => "http",
            Self::Ask(Handler::Tcp { .. }) => "tcp",
            Self::Ask(Handler::Exec(_)) => "exec",
            Self::Prometheus(_) => "prometheus",
            Self::Restarts { .. } => "restarts",
        })
    }
}

/// Which check of which version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AnalysisKey {
    /// The project.
    pub project: ProjectName,
    /// The service.
    pub service: ServiceName,
    /// Its new version.
    pub revision: Revision,
    /// The check, by step and place: `2/0`, `background/1`.
    pub check: String,
}

/// A container that a measurement is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnalysisTarget {
    /// Which.
    pub container: ContainerId,
    /// Its name, for people.
    pub name: ContainerName,
    /// Where its ports are reached from the host, if they are.
    pub address: Option<IpAddr>,
}

/// One measurement, as it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measurement {
    /// What is measured.
    pub measure: Measure,
    /// After which time no answer is a failure.
    pub timeout: Duration,
    /// The containers of the new version.
    pub targets: Vec<AnalysisTarget>,
    /// Where the server of a query is, if it is a service of the project.
    pub server: Option<IpAddr>,
    /// What it counts as without a result.
    pub inconclusive: Inconclusive,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_and_judge() {
        let table = [
            ("< 0.01", 0.009, Some(true)),
            ("<0.01", 0.01, Some(false)),
            (" <= 0.01 ", 0.01, Some(true)),
            (">= 99.5", 99.4, Some(false)),
            ("> 1", f64::INFINITY, Some(true)),
            ("== 0", -0.0, Some(true)),
            ("!= 2", 2.0, Some(false)),
            ("< 1", f64::NAN, None),
        ];
        for (text, value, expected) in table {
            let condition = Condition::parse(text).unwrap();
            assert_eq!(condition.holds(value), expected, "{text} {value}");
            assert_eq!(Condition::parse(&condition.to_string()), Some(condition));
        }
        for wrong in ["", "0.01", "=< 1", "< one", "< NaN", "<"] {
            assert_eq!(Condition::parse(wrong), None, "{wrong}");
        }
    }
}
