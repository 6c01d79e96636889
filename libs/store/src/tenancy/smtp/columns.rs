//! Settings as rows have them.

use domain::{
    OrgId,
    core::value::{Email, HostName, SenderName},
    tenancy::smtp::{Ceiling, Failure, Health, Port, Reason, Reply, Security, Sender, Server, SmtpSettings, SmtpUser, Step},
};
use sea_orm::{DbErr, Value};

use crate::core::sql::Columns;

/// The columns of [`SmtpSettings`] and of the sealed password, of `smtp_settings s`, in the order of [`read_settings`].
pub(super) const SETTINGS: &str = "s.org_id, s.host, s.port, s.security, s.username, s.password, s.from_email, s.from_name, s.ceiling,
    s.revision, s.down_since, s.retry_at, s.failed_step, s.failed_reason, s.failed_reply, s.failed_at, s.last_sent_at, s.updated_at";

/// Reads what [`SETTINGS`] selects.
pub(super) fn read_settings(columns: &mut Columns<'_>) -> Result<(SmtpSettings, Option<String>), DbErr> {
    let org_id = OrgId::new(columns.next()?);
    let host = HostName::stored(columns.next()?);
    let port = Port(u16::try_from(columns.next::<i32>()?).map_err(|e| DbErr::Type(e.to_string()))?);
    let security = columns.next::<String>()?.parse::<Security>().map_err(|e| DbErr::Type(e.to_string()))?;
    let username = SmtpUser::stored(columns.next()?);
    let password = columns.next()?;
    let sender =
        Sender { email: Email::stored(columns.next()?), name: columns.next::<Option<String>>()?.map(SenderName::stored) };
    let settings = SmtpSettings {
        org_id,
        server: Server { host, port, security, username },
        sender,
        ceiling: Ceiling::stored(&columns.next::<String>()?),
        revision: columns.next()?,
        health: read_health(columns)?,
        updated_at: columns.next()?,
    };
    Ok((settings, password))
}

fn read_health(columns: &mut Columns<'_>) -> Result<Health, DbErr> {
    let (down_since, retry_at) = (columns.next()?, columns.next()?);
    let (step, reason): (Option<String>, Option<String>) = (columns.next()?, columns.next()?);
    let reply = columns.next::<Option<String>>()?.as_deref().and_then(Reply::stored);
    let step = step.and_then(|name| Step::ALL.into_iter().find(|step| step.as_str() == name));
    let reason = reason.and_then(|name| Reason::ALL.iter().copied().find(|reason| reason.as_str() == name));
    // A step that a newer version wrote is left out.
    let last_failure = match (step, reason, columns.next()?) {
        (Some(step), Some(reason), Some(at)) => Some((Failure { step, reason, reply }, at)),
        _ => None,
    };
    Ok(Health { down_since, retry_at, last_failure, last_sent_at: columns.next()? })
}

/// The values of a [`Health`]: since when it is down, when it is tried again, step, reason, reply and time of the failure, the last success.
pub(super) fn health_values(health: &Health) -> [Value; 7] {
    let failure = health.last_failure.as_ref();
    [
        health.down_since.into(),
        health.retry_at.into(),
        failure.map(|(failure, _)| failure.step.as_str().to_owned()).into(),
        failure.map(|(failure, _)| failure.reason.as_str().to_owned()).into(),
        failure.and_then(|(failure, _)| failure.reply.map(|reply| reply.to_string())).into(),
        failure.map(|(_, at)| *at).into(),
        health.last_sent_at.into(),
    ]
}
