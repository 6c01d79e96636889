//! Making a log stream and changing it.

use actix_web::{http::StatusCode, post, put, web};
use app::{
    App,
    delivery::log_streams::{LogStreamChanges, NewLogStream},
};
use domain::{
    LogStreamId, all,
    core::value::Name,
    delivery::log_streams::{
        BatchSize, From, Provider, ReceiverUrl,
        credentials::{AuthHeader, Credentials, ReceiverKey, SigningSecret},
        options::{Framing, Index, Mapping, StreamOptions},
    },
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::SiemConfigResponse;
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    path::OrgPath,
    wire::{Body, Field},
};

/// A new log stream.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"name": "Splunk", "provider_type": "Splunk", "endpoint_url": "https://splunk.example.com:8088", "api_key": "B5A79AAD-D822-46CC-80D1-819F80D7BFB0", "batch_size": 100}))]
pub(super) struct CreateSiemConfigRequest {
    /// Unique in the organization.
    #[serde(default)]
    #[schema(value_type = String, min_length = 2, max_length = 100, required)]
    name: Field<Name>,
    /// `Datadog`, `Splunk`, `Elastic`, `Custom`, `Syslog` or `OTLP`.
    #[serde(default)]
    #[schema(value_type = String, required)]
    provider_type: Field<Provider>,
    /// https (of `Syslog`: `tls://host:port`), at a public address. Without a path, the provider's usual one is added.
    #[serde(default)]
    #[schema(value_type = String, max_length = 2000, required)]
    endpoint_url: Field<ReceiverUrl>,
    /// The key at the receiver; of `Custom` and `OTLP` a bearer token, unless there is an `auth_header`.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 1024)]
    api_key: Field<ReceiverKey>,
    /// Of `Custom` and `OTLP`: `Name: value`, or a value for `Authorization`.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2048)]
    auth_header: Field<AuthHeader>,
    /// Of `Custom`: signs bodies (`X-Tenantry-Signature`).
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 24, max_length = 256)]
    signing_secret: Field<SigningSecret>,
    /// Records of one batch at most; default 100.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 1000)]
    batch_size: Field<BatchSize>,
    /// Default true.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    enabled: Field<bool>,
    /// The shape of a record: `plain` (default), `ecs` or `ocsf`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    mapping: Field<Mapping>,
    /// Of `Custom`: `ndjson` (default) or `array`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    framing: Field<Framing>,
    /// Splunk's index, or Elasticsearch's data stream.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    index: Field<Index>,
    /// Whether bodies are compressed; default: where the receiver is known to take it.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    gzip: Field<bool>,
    /// `now` (default): only what happens from now on. `start`: everything that is kept.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    from: Field<From>,
}

impl CreateSiemConfigRequest {
    pub(super) fn parsed(self) -> domain::Result<NewLogStream> {
        let (name, provider, url, api_key, auth_header, signing_secret, size, enabled, mapping, framing, index, gzip, from) =
            all((
                self.name.required("name"),
                self.provider_type.required("provider_type"),
                self.endpoint_url.required("endpoint_url"),
                self.api_key.optional("api_key"),
                self.auth_header.optional("auth_header"),
                self.signing_secret.optional("signing_secret"),
                self.batch_size.optional("batch_size"),
                self.enabled.optional("enabled"),
                self.mapping.optional("mapping"),
                self.framing.optional("framing"),
                self.index.optional("index"),
                self.gzip.optional("gzip"),
                self.from.optional("from"),
            ))?;
        Ok(NewLogStream {
            name,
            provider,
            url,
            options: StreamOptions { mapping: mapping.unwrap_or_default(), framing: framing.unwrap_or_default(), index, gzip },
            batch_size: size.unwrap_or_default(),
            enabled: enabled.unwrap_or(true),
            credentials: Credentials { api_key, auth_header, signing_secret },
            from: from.unwrap_or(From::Now),
        })
    }
}

/// Forward the organization's log, its sign-ins included, to a receiver: in order, at least once.
#[utoipa::path(
    operation_id = "organizations.siem.create",
    request_body = CreateSiemConfigRequest,
    responses((status = 201, body = SiemConfigResponse)),
)]
#[post("/siem-configs")]
pub(super) async fn create(
    app: web::Data<App>,
    mut who: SignedIn<OrgPath>,
    body: Body<CreateSiemConfigRequest>,
) -> ApiResult<(web::Json<SiemConfigResponse>, StatusCode)> {
    let new = body.value.parsed()?;
    who.once("siem.create", &body.raw);
    let stream = app.create_log_stream(&who.caller, &who.path.org, &new).await?;
    Ok((web::Json(SiemConfigResponse::of(stream, who.caller.call.now)), StatusCode::CREATED))
}

/// Changes of a log stream.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"enabled": false}))]
pub(super) struct UpdateSiemConfigRequest {
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 2, max_length = 100)]
    name: Field<Name>,
    /// Credentials stay only while it leads to the same receiver: else send each again, or null.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000)]
    endpoint_url: Field<ReceiverUrl>,
    /// Null clears it.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 1024)]
    api_key: Field<ReceiverKey>,
    /// Null clears it.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2048)]
    auth_header: Field<AuthHeader>,
    /// Null clears it.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 24, max_length = 256)]
    signing_secret: Field<SigningSecret>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 1000)]
    batch_size: Field<BatchSize>,
    /// False pauses the stream; true lets it go on where it stopped, and tries at once.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    enabled: Field<bool>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    mapping: Field<Mapping>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    framing: Field<Framing>,
    /// Null: the usual one.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    index: Field<Index>,
    /// Null: where the receiver is known to take it.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    gzip: Field<bool>,
    /// Goes on elsewhere: `start` sends everything that is kept (again), `now` skips what waits.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    from: Field<From>,
}

impl UpdateSiemConfigRequest {
    pub(super) fn parsed(self) -> domain::Result<LogStreamChanges> {
        let (name, url, api_key, auth_header, signing_secret, batch_size, enabled, mapping, framing, index, gzip, from) = all((
            self.name.change("name"),
            self.endpoint_url.change("endpoint_url"),
            self.api_key.patch("api_key"),
            self.auth_header.patch("auth_header"),
            self.signing_secret.patch("signing_secret"),
            self.batch_size.change("batch_size"),
            self.enabled.change("enabled"),
            self.mapping.change("mapping"),
            self.framing.change("framing"),
            self.index.patch("index"),
            self.gzip.patch("gzip"),
            self.from.change("from"),
        ))?;
        Ok(LogStreamChanges {
            name,
            url,
            api_key,
            auth_header,
            signing_secret,
            batch_size,
            enabled,
            mapping,
            framing,
            index,
            gzip,
            from,
        })
    }
}

/// Change a log stream, all of it or nothing; what is left out stays. What failed is forgotten: it is tried at once.
#[utoipa::path(
    operation_id = "organizations.siem.update",
    request_body = UpdateSiemConfigRequest,
    responses((status = 200, body = SiemConfigResponse)),
)]
#[put("/siem-configs/{config_id}")]
pub(super) async fn update(
    app: web::Data<App>,
    who: SignedIn<OrgPath<LogStreamId>>,
    body: Body<UpdateSiemConfigRequest>,
) -> ApiResult<web::Json<SiemConfigResponse>> {
    let changes = body.value.parsed()?;
    let stream = app.update_log_stream(&who.caller, &who.path.org, who.path.id, &changes).await?;
    Ok(web::Json(SiemConfigResponse::of(stream, who.caller.call.now)))
}
