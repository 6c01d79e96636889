//! Counters and histograms in Prometheus' format. Code anywhere uses the `metrics` macros; this installs what they report to.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use domain::Error;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// Seconds. Fixed, so that histograms of several processes can be added up.
const BUCKETS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The process's metrics.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

/// Whether whoever sent this `Authorization` header may read the metrics: with the configured bearer token, and nobody without one. That
/// a request comes from this machine says nothing, since behind a proxy here all do.
pub fn may_read(token: &str, authorization: Option<&str>) -> bool {
    let sent = authorization.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    !token.is_empty() && same(sent.as_bytes(), token.as_bytes())
}

/// Compares all bytes, so that the time it takes tells nothing.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

/// The one recorder that a process can have.
static INSTALLED: Mutex<Option<Metrics>> = Mutex::new(None);

/// Installs the recorder; a second call answers the first one's.
pub fn install() -> Result<Metrics, Error> {
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(metrics) = &*installed {
        return Ok(metrics.clone());
    }
    let builder = PrometheusBuilder::new().set_buckets(&BUCKETS).map_err(Error::internal)?;
    let metrics = Metrics(builder.install_recorder().map_err(Error::internal)?);
    *installed = Some(metrics.clone());
    Ok(metrics)
}

impl Metrics {
    /// Everything, as `/metrics` answers it, with these gauges, which are read when somebody asks. `None`: they could not be read; then
    /// `tenantry_backlog_known` is 0, and they show what they were.
    pub fn render(&self, asked: Option<[(&'static str, f64); 4]>) -> String {
        ::metrics::gauge!("tenantry_backlog_known").set(f64::from(u8::from(asked.is_some())));
        for (name, value) in asked.into_iter().flatten() {
            ::metrics::gauge!(name).set(value);
        }
        self.0.render()
    }

    /// Folds what histograms gathered, every few seconds, for ever. Rendering does it too; but where nobody scrapes, their samples
    /// would pile up. Spawn it once in a process.
    pub async fn maintain(self) {
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            self.0.run_upkeep();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_opens_them() {
        assert!(may_read("secret", Some("Bearer secret")));
        for (token, header) in
            [("secret", None), ("secret", Some("Bearer wrong")), ("secret", Some("secret")), ("", Some("Bearer ")), ("", None)]
        {
            assert!(!may_read(token, header), "{token:?} {header:?}");
        }
    }

    #[test]
    fn what_is_counted_is_rendered_and_installing_twice_is_harmless() {
        let metrics = install().unwrap();
        ::metrics::counter!("infra_test_total", "kind" => "x").increment(2);
        ::metrics::histogram!("infra_test_seconds").record(0.02);
        metrics.0.run_upkeep();
        let text = install().unwrap().render(None);
        assert!(text.contains("tenantry_backlog_known 0"), "{text}");
        assert!(text.contains("infra_test_total{kind=\"x\"} 2"), "{text}");
        assert!(text.contains("infra_test_seconds_bucket{le=\"0.025\"} 1"), "{text}");
    }
}
