//! A person is forgotten: everything that grants them something ends, what names them goes, and their account stays as an id without a
//! person, to which records of others may still point. What logs say of them, the erasures that are ordered here take out.
//!
//! What the schema holds of persons and what becomes of it is [`FATES`], which a test compares with the schema: a column that comes later
//! cannot be forgotten.

pub mod export;

use std::collections::BTreeSet;

use domain::{
    ErasureId, MembershipId, OrgId, PLATFORM, Result, UserId,
    authorization::privacy::{Concerned, ForgetScope, MOST_CONCERNED},
    core::value::Email,
    events::audit::Subject,
    identity::accounts::User,
    tenancy::{
        members::{Member, Membership},
        roles::RoleName,
    },
};
use sea_orm::{DbErr, QueryResult};

use crate::{
    WriteTx,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
};

/// What becomes of a column that holds a person.
#[allow(dead_code, reason = "what a test compares with the schema, and a reader wants to know")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The row is deleted.
    Deleted,
    /// The row, or the account that it points to, names nobody any more.
    Cleared,
    /// An erasure takes the content out.
    Erased,
    /// It stays, and that is right because …
    Stays(&'static str),
}
use Fate::{Cleared, Deleted, Erased, Stays};

const ID_ONLY: Fate = Stays("an id without a person: it says that one and the same did this, and no more who");

/// Every column of the schema that holds a person.
#[allow(dead_code, reason = "as above")]
pub(crate) const FATES: &[(&str, Fate)] = &[
    ("active_users.user_id", Deleted),
    ("api_key_secrets.shown_to", ID_ONLY),
    ("api_keys.created_by", ID_ONLY),
    ("billing_credentials.entered_by", ID_ONLY),
    ("client_secrets.shown_to", ID_ONLY),
    ("connection_attempts.email", Deleted),
    ("connection_attempts.user_id", Deleted),
    ("consents.user_id", Deleted),
    ("end_users.user_id", Deleted),
    ("erasures.email", Stays("until the order is done")),
    ("erasures.user_id", Stays("until the order is done")),
    ("events.actor_email", Erased),
    ("events.actor_id", Erased),
    ("factor_attempts.user_id", Deleted),
    ("flows.email", Deleted),
    ("flows.user_id", Deleted),
    ("grants.user_id", ID_ONLY),
    ("identities.email", Deleted),
    ("identities.user_id", Deleted),
    ("impersonations.operator_id", ID_ONLY),
    ("impersonations.user_id", ID_ONLY),
    ("invitations.email", Cleared),
    ("invitations.invited_by", ID_ONLY),
    ("invitations.pending_email", Cleared),
    ("log_streams.url_chosen_by", ID_ONLY),
    ("logouts.user_id", ID_ONLY),
    ("mail_codes.user_id", Deleted),
    ("member_roles.user_id", Deleted),
    ("memberships.user_id", Deleted),
    ("oauth_credentials.entered_by", ID_ONLY),
    ("one_time_links.email", Deleted),
    ("one_time_links.user_id", Deleted),
    ("organizations.approved_by", ID_ONLY),
    ("organizations.owner_user_id", ID_ONLY),
    ("organizations.rejected_by", ID_ONLY),
    ("passkey_challenges.user_id", Deleted),
    ("passkeys.user_id", Deleted),
    ("recovery_codes.user_id", Deleted),
    ("removals.email", Deleted),
    ("removals.user_id", Deleted),
    ("risk_events.user_id", Deleted),
    ("scim_tokens.shown_to", ID_ONLY),
    ("service_api_keys.created_by", ID_ONLY),
    ("service_grants.user_id", Deleted),
    ("service_saml_names.user_id", Deleted),
    ("service_saml_sessions.user_id", Deleted),
    ("service_users.user_id", Deleted),
    ("saml_sessions.user_id", Deleted),
    ("sessions.user_id", ID_ONLY),
    ("sign_in_challenges.user_id", Deleted),
    ("sign_ins.user_id", ID_ONLY),
    ("slug_holds.owner_user_id", ID_ONLY),
    ("smtp_settings.from_email", Stays("a sender's address, of the organization")),
    ("subscriptions.user_id", Deleted),
    ("totp.user_id", Deleted),
    ("upstream_logins.user_id", Deleted),
    ("users.email", Cleared),
    ("waiting_sign_ins.user_id", Deleted),
    ("webhooks.secret_shown_to", ID_ONLY),
    ("webhooks.url_chosen_by", ID_ONLY),
];

/// Whose the account is stands in `$1`, who asks in `$2`. An organization whose service a platform account merely uses has no say over it.
const CONCERNED: Sql = sql!(
    "select b.org_id,
      case when u.realm = b.org_id or exists (select 1 from memberships m where m.org_id = b.org_id and m.user_id = u.id) then a.role end
    from (
      select org_id from memberships where user_id = $1
      union select org_id from end_users where user_id = $1
      union select realm from users where id = $1
    ) b
    join organizations o on o.id = b.org_id
    join users u on u.id = $1
    left join memberships a on a.org_id = b.org_id and a.user_id = $2
    where o.deleted_at is null
    order by b.org_id
    limit $3"
);

fn concerned(row: &QueryResult) -> Result<Concerned, DbErr> {
    let mut columns = Columns::of(row);
    let (org, role) = (OrgId::new(columns.next()?), columns.next::<Option<String>>()?);
    Ok(Concerned { org, owned: role.is_some_and(|role| RoleName::stored(role) == RoleName::Owner) })
}

/// What somebody owns stays theirs until the transaction ends.
const OWNED: Sql = sql!("select 1 from memberships where user_id = $1 and role = 'owner' order by org_id {for share}");
/// Nobody begins to point to the account while it is forgotten, and nobody else forgets it.
const LOCK: Sql = sql!("select 1 from users where id = $1 {for update}");

impl WriteTx {
    /// The account, which nobody else changes or joins to anything until the transaction ends, and which organizations have to do with it;
    /// one more than [`MOST_CONCERNED`] at most. `NotFound`.
    pub async fn lock_person(&self, id: UserId, asks: Option<UserId>) -> Result<(User, Vec<Concerned>)> {
        sql::one(&self.tx, LOCK, vec![id.uuid().into()]).await?;
        if let Some(asks) = asks {
            sql::all(&self.tx, OWNED, vec![asks.uuid().into()]).await?;
        }
        let user = self.account(id).await?.user;
        let most = i64::try_from(MOST_CONCERNED + 1).unwrap_or(i64::MAX);
        let values = vec![id.uuid().into(), asks.map_or(PLATFORM.uuid(), UserId::uuid).into(), most.into()];
        Ok((user, sql::read_all(&sql::all(&self.tx, CONCERNED, values).await?, concerned)?))
    }
}

/// Logs that may name somebody (`$1`, of the address `$2`): where they were invited, or signed in.
const LOGS: Sql = sql!(
    "select l.org_id
    from (
      select org_id from invitations where email = $2
      union select org_id from sign_ins where user_id = $1
      union select g.org_id from sessions s join grants g on g.session_id = s.id where s.user_id = $1
    ) l
    join organizations o on o.id = l.org_id
    where o.deleted_at is null
    order by l.org_id
    limit 1000"
);
const MEMBERSHIP: Sql = sql!("select id, role, created_at from memberships where org_id = $1 and user_id = $2 {for update}");
const PENDING: Sql = sql!("select org_id from invitations where pending_email = $1 order by org_id limit 1000");

const ACCOUNT: Sql = sql!(
    "update users
    set email = $3, password_hash = null, email_verified_at = null, updated_at = $2, deleted_at = $2
    where id = $1"
);
/// `$1` is the account, `$2` now.
const TRACES: &[Sql] = &[
    sql!(
        "update grants set revoked_at = coalesce(revoked_at, $2), ip_address = null
        where session_id in (select id from sessions where user_id = $1)"
    ),
    sql!(
        "update sessions set ip_address = null, user_agent = null, revoked_at = coalesce(revoked_at, $2)
        where user_id = $1"
    ),
    sql!("update impersonations set reason = '', ended_at = coalesce(ended_at, $2) where user_id = $1"),
];
/// `$1` is the account.
const ROWS: &[Sql] = &[
    sql!("update sign_ins set ip_address = null, user_agent = null where user_id = $1"),
    // The months are counted beside it.
    sql!("delete from active_users where user_id = $1"),
    sql!("delete from risk_events where user_id = $1"),
    sql!("delete from sign_in_challenges where user_id = $1"),
    sql!("delete from waiting_sign_ins where user_id = $1"),
    sql!("delete from totp where user_id = $1"),
    sql!("delete from recovery_codes where user_id = $1"),
    sql!("delete from passkeys where user_id = $1"),
    sql!("delete from passkey_challenges where user_id = $1"),
    sql!("delete from factor_attempts where user_id = $1"),
    sql!("delete from one_time_links where user_id = $1"),
    sql!("delete from mail_codes where user_id = $1"),
    sql!("delete from flows where user_id = $1"),
    sql!("delete from identities where user_id = $1"),
    sql!("delete from removals where user_id = $1"),
    sql!("delete from upstream_logins where user_id = $1"),
    sql!("delete from saml_sessions where user_id = $1"),
    sql!("delete from service_saml_sessions where user_id = $1"),
    sql!("delete from service_saml_names where user_id = $1"),
    sql!("delete from connection_attempts where user_id = $1"),
    sql!("delete from codes where session_id in (select id from sessions where user_id = $1)"),
    sql!("delete from device_codes where session_id in (select id from sessions where user_id = $1)"),
];
/// Answered invitations to an address: of one organization if `$3` is one, of all if it is nil.
const ANSWERED: Sql = sql!(
    "update invitations set email = $2
    where email = $1 and pending_email is null and (org_id = $3 or $3 = $4)"
);
const SIGN_UPS: Sql = sql!("delete from one_time_links where email = $1 and user_id is null");
const TYPED: Sql = sql!("delete from flows where email = $1");
const CLAIMED: Sql = sql!("delete from connection_attempts where email = $1");

impl WriteTx {
    /// Forgets a person, everywhere. `Conflict` (`last_owner`) if an organization would be left without an owner. Answers the orders, by
    /// log.
    pub async fn forget_person(&self, scope: ForgetScope<'_>) -> Result<Vec<(OrgId, ErasureId)>> {
        let user = scope.subject();
        // A managed account proves its address to nobody outside.
        let is_theirs_everywhere = user.realm == PLATFORM;
        for one in scope.concerned() {
            self.end_everything_in(one.org, user).await?;
        }
        if is_theirs_everywhere {
            self.cancel_all_pending(&user.email).await?;
            for text in [SIGN_UPS, TYPED, CLAIMED] {
                sql::execute(&self.tx, text, vec![user.email.as_str().into()]).await?;
            }
        }
        let orders = self.order_erasures(scope).await?;
        // Clients hear of it.
        self.revoke_sessions(user.id, None).await?;
        for text in TRACES {
            sql::execute(&self.tx, text, vec![user.id.uuid().into(), self.now().into()]).await?;
        }
        for text in ROWS {
            sql::execute(&self.tx, text, vec![user.id.uuid().into()]).await?;
        }
        let nobody = format!("forgotten-{}@forgotten.invalid", user.id.uuid().simple());
        let of = [user.email.as_str().into(), nobody.as_str().into(), user.realm.uuid().into(), PLATFORM.uuid().into()];
        sql::execute(&self.tx, ANSWERED, of.into()).await?;
        sql::execute(&self.tx, ACCOUNT, vec![user.id.uuid().into(), self.now().into(), nobody.into()]).await?;
        Ok(orders)
    }

    async fn end_everything_in(&self, org: OrgId, user: &User) -> Result<()> {
        self.fair_lock_member(user.id).await?;
        let row = sql::one(&self.tx, MEMBERSHIP, vec![org.uuid().into(), user.id.uuid().into()]).await?;
        let membership = row.as_ref().map(|row| read_membership(row, org, user.id)).transpose().map_err(from_db)?;
        self.leave_services(org, user.id).await?;
        if let Some(membership) = membership {
            self.end_access_to(org, &Member { user: user.clone(), membership }).await?;
        } else if user.realm == org {
            self.cancel_pending(org, &user.email).await?;
        }
        Ok(())
    }

    async fn cancel_all_pending(&self, email: &Email) -> Result<()> {
        let rows = sql::all(&self.tx, PENDING, vec![email.as_str().into()]).await?;
        let orgs: Vec<OrgId> = sql::read_all(&rows, |row| row.try_get_by_index(0).map(OrgId::new))?;
        for org in orgs {
            self.cancel_pending(org, email).await?;
        }
        Ok(())
    }

    /// In the log of every organization that has, or lately had, to do with them, and in the platform's own. A managed account's address is
    /// erased in its organization's log only: who gives such an account somebody's address does not have that person erased elsewhere.
    async fn order_erasures(&self, scope: ForgetScope<'_>) -> Result<Vec<(OrgId, ErasureId)>> {
        let user = scope.subject();
        let address = if user.realm == PLATFORM { user.email.as_str() } else { "" };
        let rows = sql::all(&self.tx, LOGS, vec![user.id.uuid().into(), address.into()]).await?;
        let mut logs: BTreeSet<OrgId> = sql::read_all(&rows, |row| row.try_get_by_index(0).map(OrgId::new))?;
        logs.extend(scope.concerned().iter().map(|one| one.org).chain([PLATFORM]));
        let mut orders = Vec::new();
        for org in logs {
            let id = ErasureId::new(self.uuid());
            let is_their_address = user.realm == PLATFORM || user.realm == org;
            let email = is_their_address.then(|| user.email.clone());
            // Each person is forgotten once: that bounds them.
            self.order_erasure(org, id, &Subject { user: Some(user.id), email }, i64::MAX).await?;
            orders.push((org, id));
        }
        Ok(orders)
    }
}

fn read_membership(row: &QueryResult, org_id: OrgId, user_id: UserId) -> Result<Membership, DbErr> {
    let mut columns = Columns::of(row);
    Ok(Membership {
        id: MembershipId::new(columns.next()?),
        org_id,
        user_id,
        role: RoleName::stored(columns.next()?),
        created_at: columns.next()?,
    })
}

#[cfg(test)]
mod tests {
    use super::FATES;
    use crate::tenancy::access::personal::person_columns;

    #[tokio::test]
    async fn whatever_holds_a_person_has_a_fate_and_is_shown_to_them() {
        let found = person_columns().await;
        let said: std::collections::BTreeSet<String> = FATES.iter().map(|(column, _)| (*column).to_owned()).collect();
        assert_eq!(found, said, "what becomes of it when its person is forgotten?");
        let mut shown = super::export::shown();
        // Of the organization, not of a person.
        shown.insert("smtp_settings.from_email");
        let missing: Vec<_> = found.iter().filter(|column| !shown.contains(column.as_str())).collect();
        assert!(missing.is_empty(), "not in anybody's export: {missing:?}");
    }
}
