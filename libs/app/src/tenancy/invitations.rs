//! Invitations: an organization offers a membership; the invited person accepts or declines, or the organization adds a managed account.
//!
//! Accepting for oneself needs the proven mailbox, not just an account that claims it (T18). An organization that accepts for somebody
//! else (`members.add`) gets an account of its own realm; a platform account of the same address is never touched.

pub mod expiry;

use std::time::Duration;

use crypto::{Purpose, opaque};
use domain::{
    Error, Event, InvitationId, OrgId, Page, Result,
    authorization::{
        policy::{self, OrgScope, Read, Write, decide},
        resource::Invitations,
    },
    core::{
        ports::RateRequest,
        rate::Limit,
        value::{Email, Slug},
    },
    delivery::mails::{Mail, Template},
    identity::accounts::{Person, User},
    tenancy::{
        invitations::{self, Invitation, InvitationStatus},
        organizations::OrgStatus,
        roles::{Role, RoleName},
    },
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{
    Change, NoEvent, WriteTx,
    tenancy::{
        invitations::{ListedInvitation, LockedInvitation, ReceivedInvitation, Which},
        members::Admission,
    },
};

use crate::{
    App, Call, Caller,
    identity::{
        accounts::{mail_to, new_user},
        risk::telling,
    },
    mail,
};

/// Invitations of one organization: a hundred at once, then one each 36 seconds. They are mails with a text that a customer chose.
const PER_ORGANIZATION: Limit = Limit { burst: 100, period: Duration::from_secs(36) };

/// What creating an invitation answers; the token is shown this once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Invited {
    /// The invitation.
    pub invitation: Invitation,
    /// Who invited.
    pub inviter: User,
    /// What the mailed link carries.
    pub token: String,
}

impl App {
    /// Invites an address. `Conflict`: `already_member`, `already_invited`. Nobody invites to what they do not hold (T20).
    pub async fn create_invitation(&self, c: &Caller, slug: &Slug, email: &Email, role: &RoleName) -> Result<Invited> {
        // Whoever may not invite takes nothing from those who may, nor from whom they name.
        let standing = self.standing(c, slug).await?;
        policy::may_try::<Invitations>(&standing)?;
        let by = RateRequest::new(format!("invite:{}", standing.facts().view.organization.id), PER_ORGANIZATION);
        self.admit("mails", &[by, mail_to(email)]).await?;
        self.in_org::<Invitations, _>(c, slug, async |tx, scope| {
            if *role == RoleName::Owner {
                policy::may_invite(scope, &Role::builtin(RoleName::Owner))?;
            }
            policy::may_invite(scope, &tx.resolve_role(scope, role).await?)?;
            let known = tx.invitee_state(scope, email).await?;
            if known.is_member {
                return Err(Error::conflict("already_member", "This person is a member already."));
            }
            let invitation = Invitation {
                id: InvitationId::new(tx.uuid()),
                org_id: scope.org(),
                email: email.clone(),
                role: role.clone(),
                invited_by: scope.require_person()?.id,
                status: InvitationStatus::Pending,
                expires_at: tx.now() + invitations::LIFETIME,
                created_at: tx.now(),
            };
            let token = opaque::mint(Purpose::Invitation, self.ids.as_ref());
            let mail = self.invitation_mail(scope, &invitation, &token.text)?;
            let replaced = tx.insert_invitation(scope, &invitation, token.hash, &mail, &known).await?;
            let event = Event::UserInvited { invitation_id: invitation.id, email: email.to_string(), role: role.to_string() };
            let change = Change::new(Invited { invitation, inviter: known.inviter, token: token.text }, scope.org(), event);
            Ok(match replaced {
                Some(id) => change.and(scope.org(), Event::InvitationExpired { invitation_id: id, email: email.to_string() }),
                None => change,
            })
        })
        .await
    }

    fn invitation_mail(&self, scope: OrgScope<'_, Invitations, Write>, i: &Invitation, token: &str) -> Result<Mail> {
        let context = json!({
            "link": format!("{}/invitations/accept/{token}", self.settings.public_url),
            "organization": scope.view().organization.name,
            "inviter": scope.require_person()?.email.shown(),
            "days": invitations::LIFETIME.num_days(),
        });
        Ok(mail(Template::Invitation, &i.email, context))
    }

    /// An organization's invitations, newest first.
    pub async fn list_invitations(
        &self,
        c: &Caller,
        slug: &Slug,
        page: Page,
        status: Option<InvitationStatus>,
    ) -> Result<Vec<ListedInvitation>> {
        let standing = self.standing(c, slug).await?;
        let scope: OrgScope<'_, Invitations, Read> = decide(&standing)?;
        // The others of a status are skipped as if they came before.
        let is_long = page.is_deep() || status.is_some();
        self.list(scope.org(), is_long, self.store.list_invitations(scope, page, status)).await
    }

    /// Takes a pending invitation back.
    pub async fn cancel_invitation(&self, c: &Caller, slug: &Slug, id: InvitationId) -> Result<()> {
        self.in_org::<Invitations, _>(c, slug, async |tx, scope| {
            let locked = tx.lock_own_invitation(scope, id).await?;
            tx.close_invitation(&locked, InvitationStatus::Cancelled).await?;
            let event = Event::InvitationRevoked { invitation_id: id, email: locked.invitation.email.to_string() };
            Ok(Change::new((), scope.org(), event))
        })
        .await
    }

    /// Accepts on behalf of the invited address: the organization gets a managed account of its own (made if there is none).
    pub async fn accept_for_member(&self, c: &Caller, slug: &Slug, id: InvitationId) -> Result<()> {
        self.moving_members::<Invitations, _>(c, slug, async |tx, scope| {
            let locked = tx.lock_own_invitation(scope, id).await?;
            check_open(&locked, tx)?;
            // The caller now vouches for the role, so they must hold it, whoever sent the invitation.
            policy::may_invite(scope, &tx.resolve_role(scope, &locked.invitation.role).await?)?;
            let user = match tx.lock_account_at(scope.org(), &locked.invitation.email).await? {
                Some(account) => account.user,
                None => {
                    let user = new_user(tx, scope.org(), &locked.invitation.email, false);
                    tx.insert_account(&user, None).await?;
                    user
                }
            };
            let role = locked.invitation.role.clone();
            Ok(joined(join(tx, &locked, role, &user.email, user.id).await?))
        })
        .await
    }

    /// What the caller is invited to; nothing, unless their address is proven.
    pub async fn list_own_invitations(&self, c: &Caller) -> Result<Vec<ReceivedInvitation>> {
        let person = self.reader(c).await?;
        person.require_unconfined()?;
        if !person.owns_address() {
            return Ok(Vec::new());
        }
        self.store.own_invitations(policy::own(&person), c.call.now).await
    }

    /// Accepts an invitation to the caller's own address.
    pub async fn accept_invitation(&self, c: &Caller, which: By<'_>) -> Result<()> {
        self.as_person(c, async |tx, person| {
            let locked = lock_invitation_to(tx, which, person).await?;
            check_open(&locked, tx)?;
            let role = clamped_role(tx, &locked).await?;
            Ok(joined(join(tx, &locked, role, &person.email, person.id).await?))
        })
        .await
    }

    /// Declines an invitation to the caller's own address.
    pub async fn decline_invitation(&self, c: &Caller, id: InvitationId) -> Result<()> {
        self.as_person(c, async |tx, person| {
            let locked = lock_invitation_to(tx, By::Id(id), person).await?;
            decline(tx, &locked).await
        })
        .await
    }

    /// Declines an invitation by its token, which only the invited mailbox got.
    pub async fn decline_invitation_by_token(&self, call: &Call, token: &str) -> Result<()> {
        let hash = token_hash(token)?;
        self.anonymously(call, async |tx| {
            let locked = tx.lock_invitation(Which::Token(&hash)).await?;
            decline(tx, &locked).await
        })
        .await
    }
}

/// How the invited person names the invitation.
#[derive(Clone, Copy, Debug)]
pub enum By<'a> {
    /// By the token from the mail.
    Token(&'a str),
    /// By its id, as `GET /api/invitations` lists it.
    Id(InvitationId),
}

fn token_hash(token: &str) -> Result<String> {
    if opaque::recognises(Purpose::Invitation, token) {
        Ok(opaque::hash(token))
    } else {
        Err(Error::not_found("pending invitation"))
    }
}

async fn lock_invitation_to(tx: &WriteTx, which: By<'_>, person: &Person) -> Result<LockedInvitation> {
    let locked = match which {
        By::Token(token) => tx.lock_invitation(Which::Token(&token_hash(token)?)).await?,
        By::Id(id) => tx.lock_invitation(Which::Id(id)).await?,
    };
    if locked.invitation.email == person.email && person.owns_address() {
        return Ok(locked);
    }
    Err(Error::forbidden("other_address", "This invitation is for another address. Sign in with the invited one."))
}

/// Expiry is compared here, at use (T19), and only an active organization takes members.
fn check_open(locked: &LockedInvitation, tx: &WriteTx) -> Result<()> {
    if locked.invitation.expires_at <= tx.now() {
        return Err(Error::conflict("invitation_expired", "This invitation has expired. Ask for a new one."));
    }
    if locked.organization.organization.status != OrgStatus::Active {
        return Err(Error::forbidden("organization_not_active", "This organization is not active. Ask the platform's operator."));
    }
    Ok(())
}

/// The invited role if the inviter could still give it; otherwise `member`: a demoted or removed inviter leaves no back door (T19).
pub(crate) async fn clamped_role(tx: &WriteTx, locked: &LockedInvitation) -> Result<RoleName> {
    let (Some(inviter), Some(role)) = (tx.inviter_role(locked).await?, tx.resolve_invited_role(locked).await?) else {
        return Ok(RoleName::Member);
    };
    Ok(if policy::invitable(&inviter, &role).is_ok() { role.name } else { RoleName::Member })
}

pub(crate) async fn join(
    tx: &WriteTx,
    locked: &LockedInvitation,
    role: RoleName,
    email: &Email,
    user: domain::UserId,
) -> Result<Vec<(OrgId, Event)>> {
    let org = locked.invitation.org_id;
    tx.insert_member(Admission::Invited(locked, role.clone()), user).await?;
    tx.close_invitation(locked, InvitationStatus::Accepted).await?;
    let (email, role) = (email.to_string(), role.to_string());
    let accepted = Event::InvitationAccepted {
        invitation_id: locked.invitation.id,
        email: email.clone(),
        role: role.clone(),
        user_id: user,
    };
    Ok(vec![(org, accepted), (org, Event::UserJoined { user_id: user, email, role })])
}

fn joined(told: Vec<(OrgId, Event)>) -> Change<()> {
    telling(Change::silent((), NoEvent::Housekeeping), told)
}

async fn decline(tx: &WriteTx, locked: &LockedInvitation) -> Result<Change<()>> {
    tx.close_invitation(locked, InvitationStatus::Rejected).await?;
    let event = Event::InvitationDeclined { invitation_id: locked.invitation.id, email: locked.invitation.email.to_string() };
    Ok(Change::new((), locked.invitation.org_id, event))
}
