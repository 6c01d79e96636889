//! Everything that grants a person anything in an organization, in one statement, which sees one moment. Whatever the schema holds of a
//! person is either among its parts or said to grant nothing: the tests hold both against the schema, so that a noun that comes later
//! cannot be forgotten.

#[cfg(test)]
pub(crate) mod personal;
#[cfg(test)]
mod tests;

use crypto::audit::{
    leaf::moment,
    statement::{self, AccessLeft, Left, MOST_LEFT},
};
use domain::{
    Error, Result, Time, UserId,
    authorization::{
        policy::{OrgScope, Read},
        resource,
    },
    core::value::Email,
    tenancy::access::{GrantKind, Granted, LISTED, MemberAccess},
};
use sea_orm::{DbErr, QueryResult};
use uuid::Uuid;

use crate::{
    Store,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
};

// Each part: its kind, and of each thing id, name, what it grants, since when and until when. `$1` is the organization, `$2` the person,
// `$3` now.

const MEMBERSHIPS: &str = "select 'membership' as kind, m.id as id, m.role as name, cast(null as text) as detail,
      m.created_at as since, cast(null as timestamptz) as ends
    from memberships m
    where m.org_id = $1 and m.user_id = $2";
const MEMBER_ROLES: &str = "select 'member_role', f.id, f.name, c.name, d.created_at, null
    from member_roles d
    join roles f on f.org_id = d.org_id and f.id = d.role_id
    left join connections c on c.org_id = d.org_id and c.id = d.connection_id
    where d.org_id = $1 and d.user_id = $2";
const PLATFORM_OWNERS: &str = "select 'platform_owner', u.id, 'platform owner', null, null, null
    from users u
    where u.id = $2 and u.is_platform_owner and u.deleted_at is null";
const SESSIONS: &str = "select 'session', g.id, s.method, null, g.created_at, g.refresh_expires_at
    from grants g
    join sessions s on s.id = g.session_id
    where g.org_id = $1 and g.user_id = $2 and g.revoked_at is null and g.refresh_expires_at > $3
      and s.revoked_at is null and s.expires_at > $3";
const SERVICE_ACCESS: &str = "select 'service_access', g.service_id, c.name, g.access, g.created_at, null
    from service_grants g
    join clients c on c.org_id = g.org_id and c.id = g.service_id
    where g.org_id = $1 and g.user_id = $2";
const INVITATIONS: &str = "select 'invitation', i.id, i.role, null, i.created_at, i.expires_at
    from invitations i
    join users u on u.email = i.pending_email
    where i.org_id = $1 and u.id = $2 and i.expires_at > $3";
const SERVICE_USES: &str = "select 'service_use', p.service_id, c.name, x.scopes, p.created_at, null
    from service_users p
    join clients c on c.org_id = p.org_id and c.id = p.service_id
    left join consents x on x.org_id = p.org_id and x.service_id = p.service_id and x.user_id = p.user_id
    where p.org_id = $1 and p.user_id = $2";
const API_KEYS: &str = "select 'api_key', k.id, k.name, k.permissions, s.created_at, coalesce(s.expires_at, k.expires_at)
    from api_key_secrets s
    join api_keys k on k.org_id = s.org_id and k.id = s.api_key_id
    where s.org_id = $1 and s.shown_to = $2
      and (s.expires_at is null or s.expires_at > $3) and (k.expires_at is null or k.expires_at > $3)";
const SERVICE_KEYS: &str = "select 'service_key', k.id, k.name, k.permissions, k.created_at, k.expires_at
    from service_api_keys k
    where k.org_id = $1 and k.created_by = $2 and (k.expires_at is null or k.expires_at > $3)";
const CLIENT_SECRETS: &str = "select 'client_secret', s.client_id, c.name, null, s.created_at, s.expires_at
    from client_secrets s
    join clients c on c.org_id = s.org_id and c.id = s.client_id
    where s.org_id = $1 and s.shown_to = $2 and (s.expires_at is null or s.expires_at > $3)";
const SCIM_TOKENS: &str = "select 'scim_token', t.id, t.name, null, t.created_at, t.expires_at
    from scim_tokens t
    where t.org_id = $1 and t.shown_to = $2 and t.revoked_at is null and (t.expires_at is null or t.expires_at > $3)";
const OAUTH_CREDENTIALS: &str = "select 'oauth_credentials', o.id, o.provider, null, o.updated_at, null
    from oauth_credentials o
    where o.org_id = $1 and o.entered_by = $2";
const BILLING_CREDENTIALS: &str = "select 'billing_credentials', b.id, b.provider, b.mode, b.updated_at, null
    from billing_credentials b
    where b.org_id = $1 and b.entered_by = $2";
const WEBHOOKS: &str = "select 'webhook', w.id, w.name, null, w.created_at, null
    from webhooks w
    where w.org_id = $1 and w.url_chosen_by = $2";
const LOG_STREAMS: &str = "select 'log_stream', l.id, l.name, null, l.created_at, null
    from log_streams l
    where l.org_id = $1 and l.url_chosen_by = $2";
const WEBHOOK_SECRETS: &str = "select 'webhook_secret', w.id, w.name, null, w.created_at, null
    from webhooks w
    where w.org_id = $1 and w.secret_shown_to = $2";

/// At most `$4` of each kind, and how many there are.
const GRANTED: Sql = sql!(
    "select kind, id, name, detail, since, ends, total
    from (
      select kind, id, name, detail, since, ends,
        count(*) over (partition by kind) as total,
        row_number() over (partition by kind order by since, id) as place
      from (
        {memberships}
        union all {member_roles}
        union all {platform_owners}
        union all {sessions}
        union all {service_access}
        union all {invitations}
        union all {service_uses}
        union all {api_keys}
        union all {service_keys}
        union all {client_secrets}
        union all {scim_tokens}
        union all {oauth_credentials}
        union all {billing_credentials}
        union all {webhooks}
        union all {webhook_secrets}
        union all {log_streams}
      ) things
    ) placed
    where place <= $4
    order by kind, place",
    memberships = MEMBERSHIPS,
    member_roles = MEMBER_ROLES,
    platform_owners = PLATFORM_OWNERS,
    sessions = SESSIONS,
    service_access = SERVICE_ACCESS,
    invitations = INVITATIONS,
    service_uses = SERVICE_USES,
    api_keys = API_KEYS,
    service_keys = SERVICE_KEYS,
    client_secrets = CLIENT_SECRETS,
    scim_tokens = SCIM_TOKENS,
    oauth_credentials = OAUTH_CREDENTIALS,
    billing_credentials = BILLING_CREDENTIALS,
    webhooks = WEBHOOKS,
    webhook_secrets = WEBHOOK_SECRETS,
    log_streams = LOG_STREAMS
);

/// When a person's membership ended last.
const ENDED: Sql = sql!(
    "select created_at
    from events
    where org_id = $1 and target_type = 'user' and target_id = $2 and name in ('user.removed', 'user.left')
    order by id desc
    limit 1"
);
const ADDRESS: Sql = sql!("select email from users where id = $1");

fn read(row: &QueryResult) -> Result<(Granted, i64), DbErr> {
    let mut columns = Columns::of(row);
    let (kind, id): (String, Uuid) = (columns.next()?, columns.next()?);
    let kind = GrantKind::named(&kind).ok_or_else(|| DbErr::Type(format!("{kind} is no kind of access")))?;
    let granted = Granted {
        kind,
        id: format!("{}_{}", kind.prefix(), id.simple()),
        name: columns.next()?,
        detail: columns.next()?,
        since: columns.next()?,
        until: columns.next()?,
    };
    Ok((granted, columns.next()?))
}

type Scope<'f> = OrgScope<'f, resource::MemberAccess, Read>;

impl Store {
    /// Everything that grants a person anything in the organization now. `NotFound` for whoever it has, and had, nothing to do with.
    pub async fn member_access(&self, scope: Scope<'_>, user: UserId, now: Time) -> Result<MemberAccess> {
        let org = scope.org();
        let values = vec![org.uuid().into(), user.uuid().into(), now.into(), LISTED.into()];
        let rows: Vec<(Granted, i64)> = sql::read_all(&sql::all(&self.db, GRANTED, values).await?, read)?;
        let mut totals: Vec<(GrantKind, i64)> = rows.iter().map(|(granted, total)| (granted.kind, *total)).collect();
        totals.dedup();
        let ended = sql::one(&self.db, ENDED, vec![org.uuid().into(), user.to_string().into()]).await?;
        let address = sql::one(&self.db, ADDRESS, vec![user.uuid().into()]).await?;
        let access = MemberAccess {
            user_id: user,
            email: address.map(|row| row.try_get_by_index(0).map(Email::stored)).transpose().map_err(from_db)?,
            ended_at: ended.map(|row| row.try_get_by_index(0)).transpose().map_err(from_db)?,
            granted: rows.into_iter().map(|(granted, _)| granted).collect(),
            totals,
            at: now,
        };
        if access.is_known() { Ok(access) } else { Err(Error::not_found("member")) }
    }

    /// Signs what is left of somebody's access, with the key that signs checkpoints.
    pub async fn sign_access_left(&self, scope: Scope<'_>, access: &MemberAccess) -> Result<String> {
        let named = |granted: &Granted| Left { kind: granted.kind.as_str().to_owned(), id: granted.id.clone() };
        let left = AccessLeft {
            organization_id: scope.org(),
            user_id: access.user_id,
            ended_at: access.ended_at.map(moment),
            left: access.granted.iter().take(MOST_LEFT).map(named).collect(),
            total: access.total(),
            created_at: moment(access.at),
        };
        statement::sign(&self.audit_key(access.at).await?, &left)
    }
}
