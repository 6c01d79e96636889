//! Invitations: as they are listed, and how they are closed. What is known of an invitee is in [`invitee`], what may be done to a pending
//! invitation in [`locked`].

mod expiry;
mod invitee;
mod locked;
pub(crate) mod table;

use domain::{
    InvitationId, OrgId, Page, Result, Time, UserId,
    authorization::{
        policy::{OrgScope, Read, UserScope},
        resource::Invitations,
    },
    core::value::{Email, Name, Slug},
    tenancy::{
        invitations::{Invitation, InvitationStatus},
        roles::RoleName,
    },
};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryResult, QuerySelect, Set, sea_query::LockType};

pub use self::{
    expiry::RanOut,
    invitee::{InviteeState, MAX_PENDING},
    locked::{LockedInvitation, Which},
};
use crate::{
    Store, WriteTx,
    core::{
        entity::invitations,
        error::from_db,
        sql::{self, ONE_PAGE, Sql, sql},
    },
    tenancy::organizations::counters,
};

/// An invitation as the organization lists it.
#[derive(Clone, Debug)]
pub struct ListedInvitation {
    /// The invitation.
    pub invitation: Invitation,
    /// The inviter's address.
    pub inviter_email: Email,
    /// When the inviter's account was made.
    pub inviter_created_at: Time,
}

/// An invitation as the invited person sees it.
#[derive(Clone, Debug)]
pub struct ReceivedInvitation {
    /// The invitation.
    pub invitation: Invitation,
    /// To which organization.
    pub organization_slug: Slug,
    /// Its name.
    pub organization_name: Name,
}

fn read(row: &QueryResult) -> Result<Invitation, DbErr> {
    let status: String = row.try_get("", "status")?;
    Ok(Invitation {
        id: InvitationId::new(row.try_get("", "id")?),
        org_id: OrgId::new(row.try_get("", "org_id")?),
        email: Email::stored(row.try_get("", "email")?),
        role: RoleName::stored(row.try_get("", "role")?),
        invited_by: UserId::new(row.try_get("", "invited_by")?),
        status: status.parse().unwrap_or(InvitationStatus::Cancelled),
        expires_at: row.try_get("", "expires_at")?,
        created_at: row.try_get("", "created_at")?,
    })
}

const INVITATION_COLUMNS: &str = "i.id, i.org_id, i.email, i.role, i.invited_by, i.status, i.expires_at, i.created_at";

/// The page first, then who invited: those that are skipped are not looked up.
const OF_ORG: Sql = sql!(
    "select i.*, u.email as inviter_email, u.created_at as inviter_created_at
    from (
      select * from (
        select {invitation}
        from invitations i
        where i.org_id = $1 and ($2 = '' or i.status = $2)
        order by i.created_at desc, i.id desc
        limit {hidden $3} offset {hidden $4}
      ) page
      {one_page}
    ) i
    join users u on u.id = i.invited_by
    order by i.created_at desc, i.id desc",
    invitation = INVITATION_COLUMNS,
    one_page = ONE_PAGE
);

const OF_PERSON: Sql = sql!(
    "select {invitation}, o.slug, o.name
    from invitations i
    join organizations o on o.id = i.org_id
    where i.pending_email = $1 and i.expires_at > $2 and o.deleted_at is null and o.status = 'active'
    order by i.created_at desc, i.id desc
    limit 100",
    invitation = INVITATION_COLUMNS
);

impl Store {
    /// An organization's invitations, newest first.
    pub async fn list_invitations(
        &self,
        scope: OrgScope<'_, Invitations, Read>,
        page: Page,
        status: Option<InvitationStatus>,
    ) -> Result<Vec<ListedInvitation>> {
        if page.offset() > Page::MAX_OFFSET {
            return Ok(Vec::new());
        }
        let status = status.map_or("", InvitationStatus::as_str);
        let values =
            vec![scope.org().uuid().into(), status.into(), i64::from(page.limit).into(), page.offset().cast_signed().into()];
        let rows = sql::all(&self.db, OF_ORG, values).await?;
        let listed = |row: &QueryResult| {
            Ok(ListedInvitation {
                invitation: read(row)?,
                inviter_email: Email::stored(row.try_get("", "inviter_email")?),
                inviter_created_at: row.try_get("", "inviter_created_at")?,
            })
        };
        sql::read_all(&rows, listed)
    }

    /// What the caller is invited to, by their proven address.
    pub async fn own_invitations(&self, who: UserScope<'_>, now: Time) -> Result<Vec<ReceivedInvitation>> {
        let rows = sql::all(&self.db, OF_PERSON, vec![who.person().email.as_str().into(), now.into()]).await?;
        let received = |row: &QueryResult| {
            Ok(ReceivedInvitation {
                invitation: read(row)?,
                organization_slug: Slug::stored(row.try_get("", "slug")?),
                organization_name: Name::stored(row.try_get("", "name")?),
            })
        };
        sql::read_all(&rows, received)
    }
}

impl WriteTx {
    /// Takes back what is pending to an address.
    pub(crate) async fn cancel_pending(&self, org: OrgId, email: &Email) -> Result<Option<InvitationId>> {
        let query = invitations::Entity::find()
            .filter(invitations::Column::OrgId.eq(org.uuid()))
            .filter(invitations::Column::PendingEmail.eq(email.as_str()));
        let row = query.lock(LockType::NoKeyUpdate).one(&self.tx).await.map_err(from_db)?;
        let Some(id) = row.map(|row| InvitationId::new(row.id)) else { return Ok(None) };
        self.close(org, id, InvitationStatus::Cancelled).await?;
        Ok(Some(id))
    }

    async fn close(&self, org: OrgId, id: InvitationId, status: InvitationStatus) -> Result<()> {
        self.mark_closed(org, id, status).await?;
        self.give_place_back(org, &counters::PENDING_INVITATIONS).await
    }

    /// Without giving its place back.
    async fn mark_closed(&self, org: OrgId, id: InvitationId, status: InvitationStatus) -> Result<()> {
        let row = invitations::ActiveModel {
            org_id: Set(org.uuid()),
            id: Set(id.uuid()),
            status: Set(status.as_str().to_owned()),
            pending_email: Set(None),
            updated_at: Set(self.now()),
            ..Default::default()
        };
        invitations::Entity::update(row).exec(&self.tx).await.map_err(from_db)?;
        Ok(())
    }
}
