//! Spans on their way to a collector, in batches, over OTLP/HTTP.

use std::time::Duration;

use async_trait::async_trait;
use domain::Error;
use opentelemetry::{context::FutureExt, trace::TracerProvider};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{SdkTracer, SdkTracerProvider},
};
use tokio::runtime::{Builder, Runtime};
use tracing::Subscriber;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::registry::LookupSpan;

use crate::egress::operator_client;

/// A slow collector costs spans, never more than this at shutdown.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Exporter {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    runtime: Runtime,
}

impl Exporter {
    pub(super) fn start(endpoint: &str, service: &str) -> Result<Self, Error> {
        crate::install_tls_provider();
        // A runtime of its own: the batches are sent from a plain thread, and the last of them while the caller's runtime is blocked
        // on the shutdown.
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_name("otlp").enable_all().build().map_err(Error::internal)?;
        let client = OnRuntime { client: operator_client(PATIENCE)?, handle: runtime.handle().clone() };
        let exporter = SpanExporter::builder().with_http().with_http_client(client);
        let exporter = exporter.with_endpoint(endpoint).with_protocol(Protocol::HttpBinary).with_timeout(PATIENCE).build();
        let resource = Resource::builder().with_service_name(service.to_owned()).build();
        let provider =
            SdkTracerProvider::builder().with_batch_exporter(exporter.map_err(Error::internal)?).with_resource(resource).build();
        Ok(Self { tracer: provider.tracer("tenantry"), provider, runtime })
    }

    pub(super) fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(&self) -> OpenTelemetryLayer<S, SdkTracer> {
        tracing_opentelemetry::layer().with_tracer(self.tracer.clone())
    }

    pub(super) fn shutdown(self) {
        if let Err(error) = self.provider.shutdown_with_timeout(PATIENCE) {
            tracing::warn!(%error, "the last spans were not sent");
        }
        // Dropping a runtime blocks, which is not allowed where an async `main` ends.
        self.runtime.shutdown_background();
    }
}

/// The HTTP client, on a runtime: the exporter calls it from a thread that has none.
#[derive(Debug)]
struct OnRuntime {
    client: reqwest::Client,
    handle: tokio::runtime::Handle,
}

#[async_trait]
impl HttpClient for OnRuntime {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        // The caller's context says "do not trace this"; without it a debug filter would trace the sending of traces.
        self.handle.spawn(async move { client.send_bytes(request).await }.with_current_context()).await?
    }
}
