//! Values under the labels of the catalogue.

use std::collections::BTreeMap;

use crate::model::histogram::Histogram;
use crate::model::time::Timestamp;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Whole(u64),
    Real(f64),
    Times(Box<Histogram>),
}

/// Values by name, then by labels.
#[derive(Clone, Debug, Default)]
pub(super) struct Samples(BTreeMap<&'static str, BTreeMap<Vec<String>, Value>>);

impl Samples {
    pub(super) fn put(&mut self, name: &'static str, labels: &[&str], value: Value) {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        self.0.entry(name).or_default().insert(labels, value);
    }

    pub(super) fn whole(&mut self, name: &'static str, labels: &[&str], value: u64) {
        self.put(name, labels, Value::Whole(value));
    }

    pub(super) fn truth(&mut self, name: &'static str, labels: &[&str], value: bool) {
        self.whole(name, labels, u64::from(value));
    }

    /// Seconds since the epoch.
    pub(super) fn instant(&mut self, name: &'static str, labels: &[&str], at: Timestamp) {
        let since = at.since(Timestamp::from_millis(0));
        self.put(name, labels, Value::Real(since.as_secs_f64()));
    }

    pub(super) fn times(&mut self, name: &'static str, labels: &[&str], times: &Histogram) {
        self.put(name, labels, Value::Times(Box::new(times.clone())));
    }

    pub(super) fn of(&self, name: &str) -> impl Iterator<Item = (&Vec<String>, &Value)> {
        self.0.get(name).into_iter().flatten()
    }
}
