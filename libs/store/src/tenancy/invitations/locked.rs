//! A pending invitation under its lock: what whoever accepts, declines or cancels it has to know.

use domain::{
    Error, InvitationId, OrgId, Result,
    authorization::{
        policy::{OrgScope, Write},
        resource::Invitations,
    },
    core::value::Email,
    tenancy::{
        invitations::{Invitation, InvitationStatus},
        organizations::OrganizationView,
        roles::Role,
    },
};

use super::{INVITATION_COLUMNS, read};
use crate::{
    WriteTx,
    core::{
        error::from_db,
        sql::{self, Sql, sql},
    },
    tenancy::{organizations::view, roles::role_of},
};

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

const LOCK_BY_ADDRESS: Sql = sql!(
    "select {invitation}
    from invitations i
    where i.org_id = $1 and i.pending_email = $2
    {for no key update}",
    invitation = INVITATION_COLUMNS
);

const LOCK_BY_TOKEN: Sql = sql!(
    "select {invitation}
    from invitations i
    where i.token_hash = $1
    {for no key update}",
    invitation = INVITATION_COLUMNS
);

const LOCK_BY_ID: Sql = sql!(
    "select {invitation}
    from invitations i
    where i.id = $1
    {for no key update}",
    invitation = INVITATION_COLUMNS
);

impl WriteTx {
    /// Locks a pending invitation of an existing organization, expired or not: the caller says which. `NotFound` otherwise.
    pub async fn lock_invitation(&self, which: Which<'_>) -> Result<LockedInvitation> {
        let (text, value) = match which {
            Which::Token(hash) => (LOCK_BY_TOKEN, hash.into()),
            Which::Id(id) => (LOCK_BY_ID, id.uuid().into()),
        };
        let row = sql::one(&self.tx, text, vec![value]).await?;
        let gone = || Error::not_found("pending invitation");
        let invitation = row.as_ref().map(read).transpose().map_err(from_db)?.filter(|i| i.status == InvitationStatus::Pending);
        let invitation = invitation.ok_or_else(gone)?;
        let organization = view(self, invitation.org_id).await?.ok_or_else(gone)?;
        Ok(LockedInvitation { invitation, organization })
    }

    /// The pending invitation of an address to an organization, locked, if there is one; the caller must know whose address it is.
    pub async fn lock_invitation_of(&self, organization: &OrganizationView, email: &Email) -> Result<Option<LockedInvitation>> {
        let values = vec![organization.organization.id.uuid().into(), email.as_str().into()];
        let Some(row) = sql::one(&self.tx, LOCK_BY_ADDRESS, values).await? else { return Ok(None) };
        let invitation = read(&row).map_err(from_db)?;
        let is_open = invitation.status == InvitationStatus::Pending && invitation.expires_at > self.now();
        Ok(is_open.then(|| LockedInvitation { invitation, organization: organization.clone() }))
    }

    /// An organization as it is now, not locked; `None`: it is gone.
    pub async fn organization_now(&self, org: OrgId) -> Result<Option<OrganizationView>> {
        view(self, org).await
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
        self.lock_memberships_of(locked.org()).await?;
        role_of(&self.tx, locked.org(), locked.invitation.invited_by).await
    }

    /// The invited role with what it allows, locked as by [`WriteTx::resolve_role`]; `None` if it was deleted since the invitation was sent.
    pub async fn resolve_invited_role(&self, locked: &LockedInvitation) -> Result<Option<Role>> {
        self.resolve_role_in(locked.org(), &locked.invitation.role).await
    }

    /// Says what became of a locked invitation.
    pub async fn close_invitation(&self, locked: &LockedInvitation, status: InvitationStatus) -> Result<()> {
        self.close(locked.org(), locked.invitation.id, status).await
    }
}
