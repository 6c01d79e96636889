//! Logs and traces of a process. A trace runs from the request that changed something to the delivery that tells the world: the
//! request's `traceparent` is stored with the event, and the worker continues it.

mod otlp;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, io::IsTerminal};

use domain::Error;
use opentelemetry::{propagation::TextMapPropagator, trace::TraceContextExt};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::{Level, Metadata, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{
    EnvFilter, Layer, filter::filter_fn, layer::SubscriberExt, registry::LookupSpan, util::SubscriberInitExt,
};

use crate::config::{LogConfig, LogFormat, TelemetryConfig};

/// Keep it until the process ends: dropping it sends the spans that were not sent yet.
#[must_use = "dropping the guard ends tracing"]
pub struct Guard(Option<otlp::Exporter>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(exporter) = self.0.take() {
            exporter.shutdown();
        }
    }
}

/// Starts logging to standard output and, where an endpoint is configured, tracing. `service` is the process's name in traces. Call
/// it once; a second call fails.
pub fn init(log: &LogConfig, telemetry: &TelemetryConfig, service: &str) -> Result<Guard, Error> {
    let filter = EnvFilter::try_new(&log.filter).map_err(Error::internal)?;
    let exporter = match telemetry.otlp_endpoint.as_str() {
        "" => None,
        endpoint => Some(otlp::Exporter::start(endpoint, service)?),
    };
    let traces = exporter.as_ref().map(otlp::Exporter::layer);
    // The filters stand in front of both: what is not logged is not traced.
    let registry = tracing_subscriber::registry().with(filter).with(filter_fn(discreet)).with(traces).with(lines(log.format));
    registry.try_init().map_err(Error::internal)?;
    Ok(Guard(exporter))
}

/// Whatever an operator asks for: a library that logs what it carries, passwords and mailed links included, is not heard below `info`
/// (T42).
fn discreet(what: &Metadata<'_>) -> bool {
    const WIRE: &[&str] = &["lettre"];
    *what.level() <= Level::INFO || !WIRE.iter().any(|library| what.target().starts_with(library))
}

fn lines<S: Subscriber + for<'a> LookupSpan<'a>>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync> {
    // A log that cannot be written is not told on the standard error, which may be gone too: that would be a panic.
    match format {
        LogFormat::Text => {
            // Colours only for people, not in files.
            tracing_subscriber::fmt::layer()
                .with_target(false)
                .with_ansi(std::io::stdout().is_terminal())
                .log_internal_errors(false)
                .boxed()
        }
        LogFormat::Json => tracing_subscriber::fmt::layer().json().flatten_event(true).log_internal_errors(false).boxed(),
    }
}

/// The current span as a W3C `traceparent`, to be stored or sent; `None` where nothing is traced.
pub fn current_traceparent() -> Option<String> {
    let context = tracing::Span::current().context();
    if !context.span().span_context().is_valid() {
        return None;
    }
    let mut headers = HashMap::new();
    TraceContextPropagator::new().inject_context(&context, &mut headers);
    headers.remove("traceparent")
}

/// Makes `span` continue the trace of a `traceparent`. One that is not well-formed is ignored: it came from outside. Call it before
/// the span is entered.
pub fn with_parent(span: &tracing::Span, traceparent: &str) {
    let headers = HashMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
    let context = TraceContextPropagator::new().extract(&headers);
    if context.span().span_context().is_valid() {
        // Fails where no traces are gathered, and then there is nothing to continue.
        let _ = span.set_parent(context);
    }
}
