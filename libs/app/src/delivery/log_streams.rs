//! Log streams: where an organization's log, or the platform's own, is forwarded to.
//!
//! Whoever may change a stream does not know the credentials that others entered, and must not learn them by pointing it at a receiver of
//! their own: they stay only as long as the receiver does ([`ReceiverUrl::is_as_trusted_as`]).

pub mod disabling;
mod platform;
mod trial;

use domain::{
    Error, Event, LogStreamId, Patch, Result, Time, Violation,
    authorization::{
        policy::{OrgScope, Read, Write, decide, may_try},
        resource::LogStreams,
    },
    core::value::{Name, Slug},
    delivery::log_streams::{
        BatchSize, From, Has, LogStream, Progress, Provider, ReceiverUrl,
        credentials::{AuthHeader, Credentials, ReceiverKey, SigningSecret},
        options::{Framing, Index, Mapping, StreamOptions},
    },
    tenancy::{features::Feature, organizations::OrganizationView},
};
use store::{
    Change, NoEvent, WriteTx,
    delivery::log_streams::{CredentialChanges, LogScope},
};

use crate::{App, Caller};

/// A new stream.
pub struct NewLogStream {
    /// Unique per organization.
    pub name: Name,
    /// What receives the records.
    pub provider: Provider,
    /// Where.
    pub url: ReceiverUrl,
    /// How records are written.
    pub options: StreamOptions,
    /// Records of one batch at most.
    pub batch_size: BatchSize,
    /// Whether records are sent.
    pub enabled: bool,
    /// What the receiver wants to see.
    pub credentials: Credentials,
    /// Where it begins.
    pub from: From,
}

/// What may be changed of a stream.
#[derive(Default)]
pub struct LogStreamChanges {
    /// Another name.
    pub name: Option<Name>,
    /// Another place.
    pub url: Option<ReceiverUrl>,
    /// The key at the receiver.
    pub api_key: Patch<ReceiverKey>,
    /// A header of the organization's choice.
    pub auth_header: Patch<AuthHeader>,
    /// What signs bodies.
    pub signing_secret: Patch<SigningSecret>,
    /// Records of one batch at most.
    pub batch_size: Option<BatchSize>,
    /// Whether records are sent.
    pub enabled: Option<bool>,
    /// The shape of a record.
    pub mapping: Option<Mapping>,
    /// How the records of a body are put together.
    pub framing: Option<Framing>,
    /// The index or data stream.
    pub index: Patch<Index>,
    /// Whether bodies are compressed.
    pub gzip: Patch<bool>,
    /// Where it goes on.
    pub from: Option<From>,
}

impl App {
    /// The streams.
    pub async fn list_log_streams(&self, c: &Caller, slug: &Slug) -> Result<Vec<LogStream>> {
        let standing = self.standing(c, slug).await?;
        let scope: OrgScope<'_, LogStreams, Read> = decide(&standing)?;
        self.store.list_log_streams(scope).await
    }

    /// One stream.
    pub async fn get_log_stream(&self, c: &Caller, slug: &Slug, id: LogStreamId) -> Result<LogStream> {
        let standing = self.standing(c, slug).await?;
        let scope: OrgScope<'_, LogStreams, Read> = decide(&standing)?;
        self.store.get_log_stream(scope, id).await
    }

    /// Makes a stream. `Forbidden` (`feature_not_in_tier`), `AlreadyExists` (`log_stream_name_taken`), `Conflict` (`log_stream_limit`).
    pub async fn create_log_stream(&self, c: &Caller, slug: &Slug, new: &NewLogStream) -> Result<LogStream> {
        fits(new.provider, &new.url)?;
        self.check_receiver(c, slug, &new.url).await?;
        self.in_org::<LogStreams, _>(c, slug, async |tx, scope| {
            allowed(scope.view())?;
            create(tx, scope, new).await
        })
        .await
    }

    /// Resolving a name takes time and must not happen inside a transaction; nor for somebody who may not make streams.
    async fn check_receiver(&self, c: &Caller, slug: &Slug, url: &ReceiverUrl) -> Result<()> {
        let standing = self.standing(c, slug).await?;
        may_try::<LogStreams>(&standing)?;
        self.check_receiver_url(url).await
    }

    async fn check_receiver_url(&self, url: &ReceiverUrl) -> Result<()> {
        self.receivers.check("endpoint_url", url).await.map_err(|violation| Error::invalid(vec![violation]))
    }

    /// Changes a stream, all of it or nothing. What failed is forgotten: it is tried at once.
    pub async fn update_log_stream(
        &self,
        c: &Caller,
        slug: &Slug,
        id: LogStreamId,
        changes: &LogStreamChanges,
    ) -> Result<LogStream> {
        if let Some(url) = &changes.url {
            self.check_receiver(c, slug, url).await?;
        }
        self.in_org::<LogStreams, _>(c, slug, async |tx, scope| {
            if changes.enabled == Some(true) {
                allowed(scope.view())?;
            }
            update(tx, scope, id, changes).await
        })
        .await
    }

    /// Deletes a stream. What is being sent may still arrive.
    pub async fn delete_log_stream(&self, c: &Caller, slug: &Slug, id: LogStreamId) -> Result<()> {
        self.in_org::<LogStreams, _>(c, slug, async |tx, scope| delete(tx, scope, id).await).await
    }
}

fn fits(provider: Provider, url: &ReceiverUrl) -> Result<()> {
    provider.fits(url).map_err(|bad| Error::field("endpoint_url", bad.code, bad.message))
}

fn allowed(view: &OrganizationView) -> Result<()> {
    if view.has_feature(Feature::Siem) {
        return Ok(());
    }
    Err(Error::forbidden("feature_not_in_tier", "Log streams are not part of this organization's tier."))
}

async fn create(tx: &WriteTx, scope: impl LogScope<Write>, new: &NewLogStream) -> Result<Change<LogStream>> {
    let credentials = &new.credentials;
    let stream = LogStream {
        id: LogStreamId::new(tx.uuid()),
        org_id: scope.log(),
        name: new.name.clone(),
        provider: new.provider,
        url: new.url.clone(),
        options: new.options.clone(),
        batch_size: new.batch_size,
        enabled: new.enabled,
        disabled_at: None,
        has: Has {
            api_key: credentials.api_key.is_some(),
            auth_header: credentials.auth_header.is_some(),
            signing_secret: credentials.signing_secret.is_some(),
        },
        progress: Progress::default(),
        created_at: tx.now(),
        updated_at: tx.now(),
    };
    tx.insert_log_stream(scope, &stream, credentials, new.from).await?;
    let event = Event::LogStreamCreated {
        siem_config_id: stream.id,
        name: stream.name.to_string(),
        provider_type: stream.provider.as_str(),
        endpoint: stream.url.origin(),
    };
    // As it was written: with its place in the feed.
    let stream = tx.lock_log_stream(scope, stream.id).await?;
    Ok(Change::new(stream, scope.log(), event))
}

async fn update(
    tx: &WriteTx,
    scope: impl LogScope<Write>,
    id: LogStreamId,
    changes: &LogStreamChanges,
) -> Result<Change<LogStream>> {
    let mut stream = tx.lock_log_stream(scope, id).await?;
    if !changes.any() {
        return Ok(Change::silent(stream, NoEvent::Unchanged));
    }
    if let Some(url) = &changes.url {
        fits(stream.provider, url)?;
    }
    keep_credentials(&stream, changes)?;
    changes.apply(&mut stream, tx.now());
    tx.save_log_stream(scope, &stream).await?;
    tx.set_log_stream_credentials(scope, id, &changes.credentials()).await?;
    if let Some(from) = changes.from {
        tx.move_log_stream(scope, id, from).await?;
    }
    let stream = tx.lock_log_stream(scope, id).await?;
    let event = Event::LogStreamUpdated {
        siem_config_id: id,
        name: stream.name.to_string(),
        provider_type: stream.provider.as_str(),
        endpoint: stream.url.origin(),
        enabled: stream.enabled,
    };
    Ok(Change::new(stream, scope.log(), event))
}

async fn delete(tx: &WriteTx, scope: impl LogScope<Write>, id: LogStreamId) -> Result<Change<()>> {
    let stream = tx.lock_log_stream(scope, id).await?;
    tx.delete_log_stream(scope, id).await?;
    let event = Event::LogStreamDeleted { siem_config_id: id, name: stream.name.to_string() };
    Ok(Change::new((), scope.log(), event))
}

/// Another receiver does not get the credentials of this one: each is sent again, or cleared.
fn keep_credentials(stream: &LogStream, changes: &LogStreamChanges) -> Result<()> {
    let moved = changes.url.as_ref().is_some_and(|url| !url.is_as_trusted_as(&stream.url, stream.provider));
    let rule = "It is only kept while `endpoint_url` leads to the same receiver. Send it again, or null.";
    let left = [
        ("api_key", stream.has.api_key, changes.api_key == Patch::Keep),
        ("auth_header", stream.has.auth_header, changes.auth_header == Patch::Keep),
        ("signing_secret", stream.has.signing_secret, changes.signing_secret == Patch::Keep),
    ];
    let violations: Vec<_> = left
        .into_iter()
        .filter(|(_, has, keep)| moved && *has && *keep)
        .map(|(field, ..)| Violation::new(field, "required", rule))
        .collect();
    if violations.is_empty() { Ok(()) } else { Err(Error::invalid(violations)) }
}

impl LogStreamChanges {
    fn any(&self) -> bool {
        let credentials = self.api_key != Patch::Keep || self.auth_header != Patch::Keep || self.signing_secret != Patch::Keep;
        let options = self.mapping.is_some() || self.framing.is_some() || self.index != Patch::Keep || self.gzip != Patch::Keep;
        let rest = self.batch_size.is_some() || self.enabled.is_some() || self.from.is_some();
        self.name.is_some() || self.url.is_some() || credentials || options || rest
    }

    fn credentials(&self) -> CredentialChanges {
        CredentialChanges {
            api_key: self.api_key.clone(),
            auth_header: self.auth_header.clone(),
            signing_secret: self.signing_secret.clone(),
        }
    }

    fn apply(&self, stream: &mut LogStream, now: Time) {
        if let Some(name) = &self.name {
            stream.name = name.clone();
        }
        if let Some(url) = &self.url {
            stream.url = url.clone();
        }
        if let Some(enabled) = self.enabled {
            stream.enabled = enabled;
            stream.disabled_at = None;
        }
        stream.batch_size = self.batch_size.unwrap_or(stream.batch_size);
        let options = &mut stream.options;
        options.mapping = self.mapping.unwrap_or(options.mapping);
        options.framing = self.framing.unwrap_or(options.framing);
        options.index = self.index.clone().apply(options.index.take());
        options.gzip = self.gzip.clone().apply(options.gzip);
        stream.updated_at = now;
    }
}
