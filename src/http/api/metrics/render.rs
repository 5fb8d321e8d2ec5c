//! The text of OpenMetrics.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use crate::http::api::metrics::catalogue::{CATALOGUE, Family, Kind};
use crate::http::api::metrics::samples::{Samples, Value};

/// What `/metrics` is.
pub(super) const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Writes all of it; a metric without a value has its description all the same.
pub(super) fn render(samples: Samples) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scrape(samples)));
    let mut out = String::new();
    text::encode(&mut out, &registry)?;
    Ok(out)
}

#[derive(Debug)]
struct Scrape(Samples);

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for family in CATALOGUE {
            let kind = match family.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
                Kind::Histogram => MetricType::Histogram,
            };
            // The encoder adds the suffix again.
            let name = family.name.strip_suffix("_total").unwrap_or(family.name);
            let help = format!("{}.", family.help);
            let mut metric = encoder.encode_descriptor(name, &help, None, kind)?;
            for (labels, value) in self.0.of(family.name) {
                one(&mut metric, family, labels, value)?;
            }
        }
        Ok(())
    }
}

fn one(
    metric: &mut MetricEncoder<'_>,
    family: &Family,
    labels: &[String],
    value: &Value,
) -> Result<(), fmt::Error> {
    let named: Vec<(&str, &str)> =
        family.labels.iter().copied().zip(labels.iter().map(String::as_str)).collect();
    if named.is_empty() {
        return write(metric, family.kind, value);
    }
    write(&mut metric.encode_family(&named)?, family.kind, value)
}

fn write(metric: &mut MetricEncoder<'_>, kind: Kind, value: &Value) -> Result<(), fmt::Error> {
    match (kind, value) {
        (Kind::Counter, Value::Whole(value)) => {
            metric.encode_counter::<NoLabelSet, _, u64>(value, None)
        }
        (Kind::Counter, Value::Real(value)) => {
            metric.encode_counter::<NoLabelSet, _, f64>(value, None)
        }
        (Kind::Gauge, Value::Whole(value)) => {
            metric.encode_gauge(&i64::try_from(*value).unwrap_or(i64::MAX))
        }
        (Kind::Gauge, Value::Real(value)) => metric.encode_gauge(value),
        (Kind::Histogram, Value::Times(times)) => metric.encode_histogram::<NoLabelSet>(
            times.sum(),
            times.count(),
            &times.buckets(),
            None,
        ),
        // No such value is made; one would be left out.
        _ => Ok(()),
    }
}
