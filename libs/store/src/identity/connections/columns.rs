//! Connections as rows have them: one of `connections`, with those of its documents and certificates.

use std::collections::HashMap;

use domain::{
    ConnectionId, OrgId, Result, Time,
    core::value::Name,
    identity::connections::{
        ClientIdentifier, Connection, ConnectionSlug, Endpoints, Issuer, Notes, ProviderUrl, Scopes,
        certificates::Certificate,
        documents::{Document, Documents, Failing, Miss},
    },
    tenancy::smtp::Ceiling,
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::core::{
    error::from_db,
    sql::{self, Columns, Sql, sql},
};

/// The columns of a [`Connection`] in the order of [`read`], of `connections c` and its row of `org_connections o`.
pub(super) const CONNECTION: &str = "c.org_id, c.id, c.slug, c.name, c.protocol, o.enabled, o.jit, c.client_id,
    c.client_secret is not null, c.issuer, c.authorization_url, c.token_url, c.userinfo_url, c.discovery_url, c.scopes, c.notes,
    c.mapping, c.saml, c.ceiling, c.generation, c.next_check_at, c.created_at, c.updated_at";

pub(super) const FROM: &str =
    "from connections c join org_connections o on o.org_id = c.org_id and o.owner = c.org_id and o.connection_id = c.id";

const DOCUMENTS: Sql = sql!(
    "select connection_id, kind, content, fetched_at, waiting, failing_since, failure, told
     from connection_documents where org_id = $1"
);
const DOCUMENTS_OF: Sql = sql!(
    "select connection_id, kind, content, fetched_at, waiting, failing_since, failure, told
     from connection_documents where org_id = $1 and connection_id = $2"
);
const CERTS: Sql = sql!(
    "select connection_id, sha256, der, subject, not_before, not_after, by_hand, gone_at, warned
     from connection_certs where org_id = $1 order by place"
);
const CERTS_OF: Sql = sql!(
    "select connection_id, sha256, der, subject, not_before, not_after, by_hand, gone_at, warned
     from connection_certs where org_id = $1 and connection_id = $2 order by place"
);

fn unknown(error: impl ToString) -> DbErr {
    DbErr::Type(error.to_string())
}

fn url(columns: &mut Columns<'_>) -> Result<Option<ProviderUrl>, DbErr> {
    columns.next::<Option<String>>()?.map(|text| text.parse().map_err(unknown)).transpose()
}

/// Reads what [`CONNECTION`] selects; documents and certificates come with [`fill`].
pub(super) fn read(row: &QueryResult) -> Result<Connection, DbErr> {
    let mut c = Columns::of(row);
    let (org_id, id) = (OrgId::new(c.next()?), ConnectionId::new(c.next()?));
    let (slug, name) = (ConnectionSlug::stored(c.next()?), Name::stored(c.next()?));
    let protocol = c.next::<String>()?.parse().map_err(unknown)?;
    let (enabled, jit) = (c.next()?, c.next()?);
    let (client_id, has_secret) = (ClientIdentifier::stored(c.next()?), c.next()?);
    let issuer = c.next::<Option<String>>()?.map(Issuer::stored);
    let (authorization, token, userinfo, discovery) = (url(&mut c)?, url(&mut c)?, url(&mut c)?, url(&mut c)?);
    let (scopes, notes) = (c.next::<Option<String>>()?.map(Scopes::stored), c.next::<Option<String>>()?.map(Notes::stored));
    let mapping = serde_json::from_str(&c.next::<String>()?).map_err(unknown)?;
    let saml = c.next::<Option<String>>()?.map(|text| serde_json::from_str(&text).map_err(unknown)).transpose()?;
    Ok(Connection {
        org_id,
        id,
        slug,
        name,
        protocol,
        enabled,
        jit,
        client_id,
        has_secret,
        endpoints: Endpoints { issuer, authorization, token, userinfo, discovery },
        scopes,
        notes,
        mapping,
        saml: saml.unwrap_or_default(),
        ceiling: Ceiling::stored(&c.next::<String>()?),
        generation: c.next()?,
        documents: Documents::default(),
        certificates: Vec::new(),
        next_check_at: c.next()?,
        created_at: c.next()?,
        updated_at: c.next()?,
    })
}

/// Adds the documents and certificates of one organization's connections.
pub(super) async fn fill(db: &impl ConnectionTrait, org: OrgId, all: &mut [Connection]) -> Result<()> {
    let [one] = all else {
        if all.is_empty() {
            return Ok(());
        }
        let documents = sql::all(db, DOCUMENTS, vec![org.uuid().into()]).await?;
        let certificates = sql::all(db, CERTS, vec![org.uuid().into()]).await?;
        return add(all, &documents, &certificates).map_err(from_db);
    };
    let key = vec![Value::from(org.uuid()), one.id.uuid().into()];
    let documents = sql::all(db, DOCUMENTS_OF, key.clone()).await?;
    let certificates = sql::all(db, CERTS_OF, key).await?;
    add(all, &documents, &certificates).map_err(from_db)
}

fn add(all: &mut [Connection], documents: &[QueryResult], certificates: &[QueryResult]) -> Result<(), DbErr> {
    let places: HashMap<Uuid, usize> = all.iter().enumerate().map(|(place, c)| (c.id.uuid(), place)).collect();
    // A row that came in between belongs to a connection that is not shown.
    for row in documents {
        let mut columns = Columns::of(row);
        let Some(place) = places.get(&columns.next()?) else { continue };
        let of = &mut all[*place].documents;
        match columns.next::<String>()?.as_str() {
            "configuration" => of.configuration = document(&mut columns)?,
            "keys" => of.keys = document(&mut columns)?,
            // A newer version's.
            _ => {}
        }
    }
    for row in certificates {
        let mut columns = Columns::of(row);
        if let Some(place) = places.get(&columns.next()?) {
            all[*place].certificates.push(certificate(&mut columns)?);
        }
    }
    Ok(())
}

fn document<T: DeserializeOwned>(columns: &mut Columns<'_>) -> Result<Document<T>, DbErr> {
    let json = |text: Option<String>| text.map(|text| serde_json::from_str(&text).map_err(unknown)).transpose();
    let (content, fetched_at, waiting) = (json(columns.next()?)?, columns.next()?, json(columns.next()?)?);
    let (since, reason, told): (Option<Time>, Option<String>, bool) = (columns.next()?, columns.next()?, columns.next()?);
    // A reason that a newer version wrote is left out.
    let failing = since.zip(reason.as_deref().and_then(Miss::stored));
    let failing = failing.map(|(since, reason)| Failing { since, reason, told });
    Ok(Document { content, fetched_at, waiting, failing })
}

fn certificate(columns: &mut Columns<'_>) -> Result<Certificate, DbErr> {
    Ok(Certificate {
        sha256: columns.next()?,
        der: columns.next()?,
        subject: columns.next()?,
        not_before: columns.next()?,
        not_after: columns.next()?,
        by_hand: columns.next()?,
        gone_at: columns.next()?,
        warned: columns.next::<Option<i32>>()?.map(i64::from),
    })
}

const CLEAR_DOCUMENTS: Sql = sql!("delete from connection_documents where org_id = $1 and connection_id = $2");
const CLEAR_CERTS: Sql = sql!("delete from connection_certs where org_id = $1 and connection_id = $2");
const INSERT_DOCUMENT: Sql = sql!(
    "insert into connection_documents
       (org_id, connection_id, kind, content, fetched_at, waiting, failing_since, failure, told)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
);
const INSERT_CERT: Sql = sql!(
    "insert into connection_certs
       (org_id, connection_id, sha256, der, subject, not_before, not_after, by_hand, gone_at, warned, place)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
);

/// Writes what a locked connection has of documents and certificates in the place of what it had.
pub(super) async fn write_published(db: &impl ConnectionTrait, of: &Connection) -> Result<()> {
    let key = || vec![Value::from(of.org_id.uuid()), of.id.uuid().into()];
    sql::execute(db, CLEAR_DOCUMENTS, key()).await?;
    sql::execute(db, CLEAR_CERTS, key()).await?;
    write_document(db, key(), "configuration", &of.documents.configuration).await?;
    write_document(db, key(), "keys", &of.documents.keys).await?;
    for (certificate, place) in of.certificates.iter().zip(0_i32..) {
        let mut values = key();
        values.extend([
            certificate.sha256.as_str().into(),
            certificate.der.as_str().into(),
            certificate.subject.as_str().into(),
            certificate.not_before.into(),
            certificate.not_after.into(),
            certificate.by_hand.into(),
            certificate.gone_at.into(),
            certificate.warned.and_then(|days| i32::try_from(days).ok()).into(),
            place.into(),
        ]);
        sql::execute(db, INSERT_CERT, values).await?;
    }
    Ok(())
}

async fn write_document<T: Serialize + PartialEq>(
    db: &impl ConnectionTrait,
    mut values: Vec<Value>,
    kind: &str,
    document: &Document<T>,
) -> Result<()> {
    if *document == Document::default() {
        return Ok(());
    }
    let json = |content: &Option<T>| content.as_ref().map(serde_json::to_string).transpose().map_err(domain::Error::internal);
    values.extend([
        kind.into(),
        json(&document.content)?.into(),
        document.fetched_at.into(),
        json(&document.waiting)?.into(),
        document.failing.map(|failing| failing.since).into(),
        document.failing.map(|failing| failing.reason.as_str()).into(),
        document.failing.is_some_and(|failing| failing.told).into(),
    ]);
    sql::execute(db, INSERT_DOCUMENT, values).await?;
    Ok(())
}
