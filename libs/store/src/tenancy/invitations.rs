//! Invitations.

use domain::{
    Error, InvitationId, OrgId, PLATFORM, Page, Result, Time, UserId,
    authorization::{
        policy::{OrgScope, Read, UserScope, Write},
        resource::Invitations,
    },
    core::value::{Email, Name, Slug},
    identity::accounts::User,
    tenancy::{
        invitations::{Invitation, InvitationStatus},
        organizations::OrganizationView,
        roles::{Role, RoleName},
    },
};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryResult, QuerySelect, Set, sea_query::LockType};

use crate::{
    Store, WriteTx,
    core::{
        dialect,
        entity::invitations,
        error::{INVITATIONS_PENDING, from_db, on},
        sql::{self, Columns},
    },
    identity::accounts::{next_user, user_columns},
    tenancy::organizations::view,
};

/// How many invitations of an organization can be pending.
pub const MAX_PENDING: i64 = 1000;

fn invitation(row: invitations::Model) -> Invitation {
    Invitation {
        id: InvitationId::new(row.id),
        org_id: OrgId::new(row.org_id),
        email: Email::stored(row.email),
        role: RoleName::stored(row.role),
        invited_by: UserId::new(row.invited_by),
        status: row.status.parse().unwrap_or(InvitationStatus::Cancelled),
        expires_at: row.expires_at,
        created_at: row.created_at,
    }
}

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

/// A pending invitation that this transaction has locked: nobody else can accept, decline or cancel it meanwhile.
#[derive(Debug)]
pub struct LockedInvitation {
    /// The invitation.
    pub invitation: Invitation,
    /// Its organization, which exists.
    pub organization: OrganizationView,
}

impl LockedInvitation {
    pub(crate) fn org(&self) -> OrgId {
        self.invitation.org_id
    }
    pub(crate) fn seats(&self) -> i64 {
        self.organization.seats().max
    }
}

/// How an invitation is named by whoever acts on it.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// By the hash of its token: whoever has the token received the mail.
    Token(&'a str),
    /// By its id: the caller must prove the address otherwise.
    Id(InvitationId),
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

const OF_ORG: &str =
    "select i.id, i.org_id, i.email, i.role, i.invited_by, i.status, i.expires_at, i.created_at, u.email as inviter_email,
u.created_at as inviter_created_at from invitations i join users u on u.id = i.invited_by
where i.org_id = $1 and ($2 = '' or i.status = $2) order by i.created_at desc, i.id desc limit $3 offset $4";

const OF_PERSON: &str = "select i.id, i.org_id, i.email, i.role, i.invited_by, i.status, i.expires_at, i.created_at, o.slug, o.name
from invitations i join organizations o on o.id = i.org_id
where i.pending_email = $1 and i.expires_at > $2 and o.deleted_at is null and o.status = 'active' order by i.created_at desc, i.id desc limit 100";

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
        rows.iter().map(listed).collect::<Result<_, _>>().map_err(from_db)
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
        rows.iter().map(received).collect::<Result<_, _>>().map_err(from_db)
    }
}

/// What has to be known before somebody is invited, read at once.
pub struct InviteeState {
    /// Whether a member has the address.
    pub is_member: bool,
    /// Who invites.
    pub inviter: User,
    pending: i64,
    ran_out: bool,
}

/// A member's account is the platform's or the organization's own; naming the realm lets the index find the address.
const INVITEE_STATE: &str = concat!(
    "select (select count(*) from users x join memberships m on m.org_id = $1 and m.user_id = x.id
    where x.email = $2 and (x.realm = $1 or x.realm = $5)),
(select count(*) from invitations where org_id = $1 and pending_email is not null),
(select count(*) from invitations where org_id = $1 and pending_email = $2 and expires_at <= $3), ",
    user_columns!(),
    " from users u where u.id = $4"
);

fn invitee_state(inviter: UserId, row: &QueryResult) -> Result<InviteeState, DbErr> {
    let mut columns = Columns::of(row);
    let (members, pending, ran_out): (i64, i64, i64) = (columns.next()?, columns.next()?, columns.next()?);
    let inviter = next_user(inviter, &mut columns)?;
    Ok(InviteeState { is_member: members > 0, inviter, pending, ran_out: ran_out > 0 })
}

impl WriteTx {
    /// What is known about an address that the caller wants to invite.
    pub async fn invitee_state(&self, scope: OrgScope<'_, Invitations, Write>, email: &Email) -> Result<InviteeState> {
        let (org, inviter) = (scope.org(), scope.require_person()?.id);
        let values =
            vec![org.uuid().into(), email.as_str().into(), self.now().into(), inviter.uuid().into(), PLATFORM.uuid().into()];
        let row = sql::one(&self.tx, INVITEE_STATE, values).await?.ok_or_else(|| Error::not_found("user"))?;
        invitee_state(inviter, &row).map_err(from_db)
    }

    /// Stores an invitation; answers the expired one to the same address that it replaces. `AlreadyExists` (`already_invited`) while
    /// one is pending.
    pub async fn insert_invitation(
        &self,
        scope: OrgScope<'_, Invitations, Write>,
        i: &Invitation,
        token_hash: String,
        known: &InviteeState,
    ) -> Result<Option<InvitationId>> {
        let replaced = if known.ran_out { self.expire_invitation(scope.org(), &i.email).await? } else { None };
        if known.pending - i64::from(replaced.is_some()) >= MAX_PENDING {
            return Err(Error::conflict(
                "invitation_limit",
                format!("At most {MAX_PENDING} invitations can be pending. Cancel some first."),
            ));
        }
        let row = invitations::ActiveModel {
            org_id: Set(scope.org().uuid()),
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
        let pending = on(INVITATIONS_PENDING, || {
            Error::exists("already_invited", "An invitation to this address is pending already. Cancel it to send another.")
        });
        invitations::Entity::insert(row).exec_without_returning(&self.tx).await.map_err(pending)?;
        Ok(replaced)
    }

    /// An invitation that ran out no longer stands in the way of a new one, whether or not the worker has come by.
    async fn expire_invitation(&self, org: OrgId, email: &Email) -> Result<Option<InvitationId>> {
        let query = invitations::Entity::find()
            .filter(invitations::Column::OrgId.eq(org.uuid()))
            .filter(invitations::Column::PendingEmail.eq(email.as_str()))
            .filter(invitations::Column::ExpiresAt.lte(self.now()));
        let Some(row) = query.lock(LockType::NoKeyUpdate).one(&self.tx).await.map_err(from_db)? else { return Ok(None) };
        self.close(org, InvitationId::new(row.id), InvitationStatus::Expired).await?;
        Ok(Some(InvitationId::new(row.id)))
    }

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

    /// Locks a pending invitation of an existing organization, expired or not: the caller says which. `NotFound` otherwise.
    pub async fn lock_invitation(&self, which: Which<'_>) -> Result<LockedInvitation> {
        let query = match which {
            Which::Token(hash) => invitations::Entity::find().filter(invitations::Column::TokenHash.eq(hash)),
            Which::Id(id) => invitations::Entity::find().filter(invitations::Column::Id.eq(id.uuid())),
        };
        let row = query.lock(LockType::NoKeyUpdate).one(&self.tx).await.map_err(from_db)?;
        let gone = || Error::not_found("pending invitation");
        let invitation = invitation(row.filter(|row| row.status == InvitationStatus::Pending.as_str()).ok_or_else(gone)?);
        let organization = view(self, invitation.org_id).await?.ok_or_else(gone)?;
        Ok(LockedInvitation { invitation, organization })
    }

    /// The same for an invitation of the organization the proof is for.
    pub async fn lock_own_invitation(
        &self,
        scope: OrgScope<'_, Invitations, Write>,
        id: InvitationId,
    ) -> Result<LockedInvitation> {
        let locked = self.lock_invitation(Which::Id(id)).await?;
        if locked.org() == scope.org() { Ok(locked) } else { Err(Error::not_found("pending invitation")) }
    }

    /// The inviter's role now; `None` if they left. Asked at acceptance, because they may have been demoted since (T19). Nobody's
    /// membership changes from here to the end of the transaction.
    pub async fn inviter_role(&self, locked: &LockedInvitation) -> Result<Option<Role>> {
        let lock = dialect::row_lock(self.is_sqlite(), "for no key update");
        let text = format!("select 1 from org_counters where org_id = $1 {lock}");
        sql::one(&self.tx, &text, vec![locked.org().uuid().into()]).await?;
        crate::tenancy::roles::role_of(&self.tx, locked.org(), locked.invitation.invited_by).await
    }

    /// The invited role with what it allows, locked as by [`WriteTx::resolve_role`]; `None` if it was deleted since the invitation was sent.
    pub async fn resolve_invited_role(&self, locked: &LockedInvitation) -> Result<Option<Role>> {
        self.resolve_role_in(locked.org(), &locked.invitation.role).await
    }

    /// Says what became of a locked invitation.
    pub async fn close_invitation(&self, locked: &LockedInvitation, status: InvitationStatus) -> Result<()> {
        self.close(locked.org(), locked.invitation.id, status).await
    }

    async fn close(&self, org: OrgId, id: InvitationId, status: InvitationStatus) -> Result<()> {
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
