//! One measurement of an analysis: the containers of a new version are asked, or Prometheus is.

use std::sync::Arc;

use serde_json::Value;
use tokio::time::timeout;

use crate::controller::attendant::Asking;
use crate::controller::readiness::Dial;
use crate::controller::tally::Answer;
use crate::engine::Engine;
use crate::model::analysis::{AnalysisTarget, Inconclusive, Measure, Measurement, Prometheus};
use crate::model::host_probe::{Handler, HostProbe};
use crate::model::outcome::{Failure, FailureClass};
use crate::model::time::Timestamp;
use crate::model::verdict::{ProbeActivity, ProbeTarget};

/// Makes it.
///
/// # Errors
/// [`FailureClass::Invalid`] if it was not good enough, [`FailureClass::Maybe`] if it has no result and does not count.
pub(super) async fn measure(
    engine: &Engine,
    dial: &Arc<dyn Dial>,
    measurement: &Measurement,
) -> Result<(), Failure> {
    let answer = match &measurement.measure {
        Measure::Ask(handler) => ask_all(engine, dial, measurement, handler).await,
        Measure::Prometheus(query) => ask_prometheus(&**dial, measurement, query).await,
        // They are seen, and not asked for.
        Measure::Restarts { .. } => Answer::Good,
    };
    let (class, message) = match (answer, measurement.inconclusive) {
        (Answer::Good, _) => return Ok(()),
        (Answer::Failed(why), _) => (FailureClass::Invalid, why),
        (Answer::Unasked(why), Inconclusive::Failure) => {
            (FailureClass::Invalid, format!("no result: {why}"))
        }
        (Answer::Unasked(why), Inconclusive::Ignored) => {
            (FailureClass::Maybe, format!("no result, not counted: {why}"))
        }
    };
    Err(Failure { class, message })
}

/// One after the other; the first that is not good decides.
async fn ask_all(
    engine: &Engine,
    dial: &Arc<dyn Dial>,
    measurement: &Measurement,
    handler: &Handler,
) -> Answer {
    let asking = Asking::new(engine.clone(), Arc::clone(dial));
    let probe = HostProbe { timeout: measurement.timeout, ..HostProbe::of(handler.clone()) };
    for target in &measurement.targets {
        let answer = asking.ask(&probe_target(target), &probe, &mut None).await;
        match answer {
            Answer::Good => {}
            Answer::Failed(why) => return Answer::Failed(format!("{}: {why}", target.name)),
            Answer::Unasked(why) => return Answer::Unasked(format!("{}: {why}", target.name)),
        }
    }
    Answer::Good
}

fn probe_target(target: &AnalysisTarget) -> ProbeTarget {
    ProbeTarget {
        container: target.container.clone(),
        name: target.name.clone(),
        run: Timestamp::default(),
        activity: ProbeActivity::Asked,
        address: target.address,
        probes: Arc::default(),
    }
}

async fn ask_prometheus(dial: &dyn Dial, measurement: &Measurement, query: &Prometheus) -> Answer {
    let server = measurement.server.map(|address| address.to_string());
    let host = server.as_deref().unwrap_or(&query.host);
    match timeout(measurement.timeout, dial.fetch(host, &query.get)).await {
        Err(_) => Answer::Unasked(format!("{host} did not answer in {:?}", measurement.timeout)),
        Ok(Err(error)) => Answer::Unasked(format!("{host}: {error}")),
        Ok(Ok(body)) => judge(&body, query),
    }
}

/// Every sample has to be as wanted (Prometheus, HTTP API, "Instant queries").
fn judge(body: &[u8], query: &Prometheus) -> Answer {
    let Some(samples) = samples(body) else {
        return Answer::Unasked("the answer is none of Prometheus to an instant query".to_owned());
    };
    if samples.is_empty() {
        return Answer::Unasked("the query has an empty result".to_owned());
    }
    for sample in samples {
        match query.condition.holds(sample) {
            Some(true) => {}
            Some(false) => {
                return Answer::Failed(format!("{sample}, wanted {}", query.condition));
            }
            None => return Answer::Unasked("the value is NaN".to_owned()),
        }
    }
    Answer::Good
}

/// The values of a vector or a scalar.
fn samples(body: &[u8]) -> Option<Vec<f64>> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    if answer.get("status")?.as_str()? != "success" {
        return None;
    }
    let data = answer.get("data")?;
    let result = data.get("result")?;
    let number = |sample: &Value| sample.get(1)?.as_str()?.parse::<f64>().ok();
    match data.get("resultType")?.as_str()? {
        "vector" => result.as_array()?.iter().map(|one| number(one.get("value")?)).collect(),
        "scalar" => Some(vec![number(result)?]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::analysis::Condition;
    use crate::model::host_probe::{HttpGet, Scheme, StatusRange, TlsVerify};

    fn query(condition: &str) -> Prometheus {
        let get = HttpGet {
            scheme: Scheme::Http,
            host: None,
            port: 9090,
            path: "/api/v1/query?query=up".to_owned(),
            headers: Vec::new(),
            expect: vec![StatusRange::SUCCESS],
            tls_verify: TlsVerify::Full,
        };
        let condition = Condition::parse(condition).unwrap();
        Prometheus { host: "prometheus".to_owned(), get, condition }
    }

    fn vector(values: &[&str]) -> String {
        let sample =
            |value: &&str| format!(r#"{{"metric":{{}},"value":[1735689600.1,"{value}"]}}"#);
        let samples: Vec<String> = values.iter().map(sample).collect();
        format!(
            r#"{{"status":"success","data":{{"resultType":"vector","result":[{}]}}}}"#,
            samples.join(",")
        )
    }

    #[test]
    fn every_sample_of_an_answer_is_judged() {
        let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[1.5,"3"]}}"#;
        let table = [
            (vector(&["0.001", "0.002"]), Answer::Good),
            (vector(&["0.001", "0.5"]), Answer::Failed("0.5, wanted < 0.01".to_owned())),
            (vector(&["+Inf"]), Answer::Failed("inf, wanted < 0.01".to_owned())),
            (vector(&["NaN"]), Answer::Unasked("the value is NaN".to_owned())),
            (vector(&[]), Answer::Unasked("the query has an empty result".to_owned())),
            (scalar.to_owned(), Answer::Failed("3, wanted < 0.01".to_owned())),
        ];
        for (body, expected) in table {
            assert_eq!(judge(body.as_bytes(), &query("< 0.01")), expected, "{body}");
        }
        for wrong in ["", "{}", r#"{"status":"error","error":"bad query"}"#, &"[".repeat(100_000)] {
            let answer = judge(wrong.as_bytes(), &query("< 0.01"));
            assert!(matches!(answer, Answer::Unasked(_)), "{answer:?}");
        }
    }
}
