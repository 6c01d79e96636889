//! What is known of an address before it is invited, and the invitation that is stored then.

use domain::{
    Error, InvitationId, OrgId, PLATFORM, Result, UserId,
    authorization::{
        policy::{OrgScope, Write},
        resource::Invitations,
    },
    core::value::Email,
    delivery::mails::Mail,
    identity::accounts::User,
    tenancy::invitations::{Invitation, InvitationStatus},
};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryResult, QuerySelect, Set, sea_query::LockType};

use crate::{
    WriteTx,
    core::{
        entity::invitations,
        error::{from_db, on},
        sql::{self, Columns, Sql, sql},
    },
    identity::accounts::{USER_COLUMNS, next_user},
    tenancy::organizations::counters,
};

/// How many invitations of an organization can be pending.
pub const MAX_PENDING: i64 = 1000;

/// What has to be known before somebody is invited, read at once.
pub struct InviteeState {
    /// Whether a member has the address.
    pub is_member: bool,
    /// Who invites.
    pub inviter: User,
    ran_out: bool,
}

/// A member's account is the platform's or the organization's own; naming the realm lets the index find the address.
const INVITEE_STATE: Sql = sql!(
    "select
      (select count(*)
        from users x
        join memberships m on m.org_id = $1 and m.user_id = x.id
        where x.email = $2 and (x.realm = $1 or x.realm = $5)),
      (select count(*) from invitations where org_id = $1 and pending_email = $2 and expires_at <= $3),
      {user}
    from users u
    where u.id = $4",
    user = USER_COLUMNS
);

/// Reads a row of [`INVITEE_STATE`].
fn invitee_state(inviter: UserId, row: &QueryResult) -> Result<InviteeState, DbErr> {
    let mut columns = Columns::of(row);
    let (members, ran_out): (i64, i64) = (columns.next()?, columns.next()?);
    let inviter = next_user(inviter, &mut columns)?;
    Ok(InviteeState { is_member: members > 0, inviter, ran_out: ran_out > 0 })
}

/// The invitation, its mail and its place in one, where a statement can hold several changes: three round trips fewer. The place is taken
/// from whoever was inserted, so the row of `org_counters` is locked after the invitation was found to be the only one.
const INVITE_ON_POSTGRES: Sql = sql!(
    "with i as (
       insert into invitations
         (org_id, id, email, pending_email, role, invited_by, status, token_hash, expires_at, created_at, updated_at)
       values ($1, $2, $3, $3, $4, $5, $6, $7, $8, $9, $9)
       returning org_id),
     m as (
       insert into mails (id, org_id, message, state, attempts, next_at, created_at, updated_at)
       select $10, i.org_id, $11, {waiting}, 0, $12, $12, $12 from i)
     update org_counters c
     set pending_invitations = c.pending_invitations + 1
     from i
     where c.org_id = i.org_id and c.pending_invitations < $13"
);

impl WriteTx {
    /// What is known about an address that the caller wants to invite.
    pub async fn invitee_state(&self, scope: OrgScope<'_, Invitations, Write>, email: &Email) -> Result<InviteeState> {
        let (org, inviter) = (scope.org(), scope.require_person()?.id);
        let values =
            vec![org.uuid().into(), email.as_str().into(), self.now().into(), inviter.uuid().into(), PLATFORM.uuid().into()];
        let row = sql::one(&self.tx, INVITEE_STATE, values).await?.ok_or_else(|| Error::not_found("user"))?;
        invitee_state(inviter, &row).map_err(from_db)
    }

    /// Stores an invitation and queues its mail; answers the expired one to the same address that it replaces. `AlreadyExists`
    /// (`already_invited`) while one is pending, `Conflict` (`invitation_limit`).
    pub async fn insert_invitation(
        &self,
        scope: OrgScope<'_, Invitations, Write>,
        i: &Invitation,
        token_hash: String,
        mail: &Mail,
        known: &InviteeState,
    ) -> Result<Option<InvitationId>> {
        let org = scope.org();
        let replaced = if known.ran_out { self.expire_invitation(org, &i.email).await? } else { None };
        // What it replaces leaves its place to it.
        let has_place = if replaced.is_some() || self.is_sqlite() {
            self.insert_row(org, i, token_hash).await?;
            self.queue_mail(org, mail).await?;
            replaced.is_some() || self.take_place(org, &counters::PENDING_INVITATIONS, MAX_PENDING).await?
        } else {
            self.insert_at_once(org, i, token_hash, mail).await?
                || self.take_place(org, &counters::PENDING_INVITATIONS, MAX_PENDING).await?
        };
        if has_place {
            return Ok(replaced);
        }
        Err(Error::conflict("invitation_limit", format!("At most {MAX_PENDING} invitations can be pending. Cancel some first.")))
    }

    async fn insert_row(&self, org: OrgId, i: &Invitation, token_hash: String) -> Result<()> {
        let row = invitations::ActiveModel {
            org_id: Set(org.uuid()),
            id: Set(i.id.uuid()),
            email: Set(i.email.to_string()),
            pending_email: Set(Some(i.email.to_string())),
            role: Set(i.role.to_string()),
            invited_by: Set(i.invited_by.uuid()),
            status: Set(i.status.as_str().to_owned()),
            token_hash: Set(token_hash),
            expires_at: Set(i.expires_at),
            created_at: Set(i.created_at),
            updated_at: Set(i.created_at),
        };
        invitations::Entity::insert(row).exec_without_returning(&self.tx).await.map_err(already_invited).map(|_| ())
    }

    /// Answers whether there was a place for it.
    async fn insert_at_once(&self, org: OrgId, i: &Invitation, token_hash: String, mail: &Mail) -> Result<bool> {
        let (mail_id, message) = self.seal_mail(org, mail)?;
        let values = vec![
            org.uuid().into(),
            i.id.uuid().into(),
            i.email.as_str().into(),
            i.role.to_string().into(),
            i.invited_by.uuid().into(),
            i.status.as_str().into(),
            token_hash.into(),
            i.expires_at.into(),
            i.created_at.into(),
            mail_id.into(),
            message.into(),
            self.now().into(),
            MAX_PENDING.into(),
        ];
        Ok(sql::try_execute(&self.tx, INVITE_ON_POSTGRES, values).await.map_err(already_invited)? == 1)
    }

    /// An invitation that ran out no longer stands in the way of a new one, whether or not the worker has come by.
    async fn expire_invitation(&self, org: OrgId, email: &Email) -> Result<Option<InvitationId>> {
        let query = invitations::Entity::find()
            .filter(invitations::Column::OrgId.eq(org.uuid()))
            .filter(invitations::Column::PendingEmail.eq(email.as_str()))
            .filter(invitations::Column::ExpiresAt.lte(self.now()));
        let Some(row) = query.lock(LockType::NoKeyUpdate).one(&self.tx).await.map_err(from_db)? else { return Ok(None) };
        self.mark_closed(org, InvitationId::new(row.id), InvitationStatus::Expired).await?;
        Ok(Some(InvitationId::new(row.id)))
    }
}

fn already_invited(e: DbErr) -> Error {
    on(&super::table::INVITATIONS_PENDING, || {
        Error::exists("already_invited", "An invitation to this address is pending already. Cancel it to send another.")
    })(e)
}

#[cfg(test)]
mod tests;
