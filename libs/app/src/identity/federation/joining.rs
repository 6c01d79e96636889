//! What somebody becomes here whom a provider named: a member, a user of one service, and whoever has the identity.

use domain::{
    Error, Event, OrgId, Result, ServiceId,
    identity::{accounts::User, federation::asserted::Asserted},
    tenancy::organizations::OrganizationView,
};
use store::{
    WriteTx,
    identity::federation::logins::UpstreamLogin,
    tenancy::{invitations::LockedInvitation, members::Admission},
};

use super::identity_key;
use crate::tenancy::invitations;

/// They become a member: by their invitation, or because everybody does whom the provider names.
pub(super) async fn admit(
    tx: &WriteTx,
    organization: &OrganizationView,
    invited: Option<&LockedInvitation>,
    user: &User,
) -> Result<Vec<(OrgId, Event)>> {
    let org = organization.organization.id;
    if let Some(locked) = invited {
        let role = invitations::clamped_role(tx, locked).await?;
        return invitations::join(tx, locked, role, &user.email, user.id).await;
    }
    let membership = tx.insert_member(Admission::Asserted(organization), user.id).await?;
    let (email, role) = (user.email.to_string(), membership.role.to_string());
    Ok(vec![(org, Event::UserJoined { user_id: user.id, email, role })])
}

/// They begin to use the service that is signed in to, and are no members: no seat is taken. `Conflict` (`service_user_limit`).
pub(super) async fn begin(tx: &WriteTx, of: (OrgId, Option<ServiceId>), user: &User) -> Result<Vec<(OrgId, Event)>> {
    let (org, Some(service)) = of else { return Err(Error::internal("a sign-up without a service")) };
    tx.begin_to_use((org, service), user.id).await?;
    Ok(vec![(org, Event::EndUserCreated { user_id: user.id, email: user.email.to_string(), service_id: service })])
}

/// The account is theirs from now on, with the identity.
pub(super) async fn take_over(
    tx: &WriteTx,
    (login, asserted): (&UpstreamLogin, &Asserted),
    user: &User,
) -> Result<Vec<(OrgId, Event)>> {
    // Whoever made it may have left something in it (T24).
    if user.email_verified_at.is_none() {
        tx.strip_account(user).await?;
    }
    link(tx, login, asserted, user).await
}

/// The identity is theirs from now on.
pub(super) async fn link(tx: &WriteTx, login: &UpstreamLogin, asserted: &Asserted, user: &User) -> Result<Vec<(OrgId, Event)>> {
    let key = identity_key(login, asserted);
    let new = tx.link_identity(&key, asserted, user).await?;
    let event = || Event::IdentityLinked { user_id: user.id, provider_id: login.connection };
    Ok(if new { vec![(login.org, event())] } else { Vec::new() })
}
