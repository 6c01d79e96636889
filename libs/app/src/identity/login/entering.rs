//! A right password, and what becomes of it: whether the account may enter where it wants to, what those say who judge risky sign-ins, and the
//! session.

use domain::{
    Error, Event, OrgId, Result,
    core::value::Slug,
    identity::{
        accounts::User,
        authentications::{Authentication, Authentications, Method},
        entry::{self, Entered, Entering, Entry, Need},
        risk::RiskAction,
    },
    tenancy::{organizations::OrgStatus, roles::RoleName},
};
use store::{
    Change, NoEvent, WriteTx,
    identity::{accounts::Account, risk::Judged, sessions::Refreshable, sign_in_policy::Entrance},
};

use super::{
    doors::{Arrived, Door, In},
    no_access, wrong,
};
use crate::{
    App, Call,
    identity::{
        login_throttling,
        risk::{Verdict, challenge::proven, device::Shown, telling},
        second_factor::Waits,
        tokens::{For, refused},
    },
};

/// An account whose password was right, and where it wants to go.
struct Arriving<'a> {
    user: &'a User,
    /// Names the password.
    proven: &'a str,
    to: Option<&'a (OrgId, Slug)>,
    shown: &'a Shown,
    door: Door<'a>,
    call: &'a Call,
}

impl App {
    pub(super) async fn sign_in(
        &self,
        call: &Call,
        account: Account,
        to: Option<(OrgId, Slug)>,
        (rehash, shown): (Option<String>, Shown),
        door: Door<'_>,
    ) -> Result<Arrived> {
        self.anonymously(call, async |tx| {
            // Read again under the lock: the password may have been changed, or the account closed, while we hashed.
            let now = tx.lock_account(account.user.id).await?;
            if now.user.deleted_at.is_some() || now.password_hash != account.password_hash {
                return Err(wrong());
            }
            let user = now.user;
            tx.acts(domain::Actor::User { id: user.id, email: user.email.clone() });
            if let (Some(old), Some(new)) = (&account.password_hash, rehash.clone()) {
                tx.rehash_password(user.id, old, new).await?;
            }
            let proven = proven(rehash.as_deref().or(account.password_hash.as_deref()));
            let arriving = Arriving { user: &user, proven: &proven, to: to.as_ref(), shown: &shown, door, call };
            let change = self.as_judged(tx, &arriving).await?;
            tx.count_sign_in_attempt(&login_throttling::network(tx.origin())).await?;
            Ok(change)
        })
        .await?
    }

    /// Does what the organization's policy and those say who judge the sign-in: refuses it, asks for a code, or lets it in.
    async fn as_judged(&self, tx: &WriteTx, arriving: &Arriving<'_>) -> Result<Change<Result<Arrived>>> {
        let &Arriving { user, to, shown, door, call, .. } = arriving;
        let did = Authentications::one(Authentication::own(Method::Password, tx.now()));
        let entry = self.entry(tx, user, to.map(|(org, _)| *org), (&did, call)).await?;
        let verdict = self.judge(tx, to.map(|(org, _)| *org), user.id, shown).await?;
        let wants_second = matches!(&entry, Entry::StepUp(step_up) if step_up.needs == Need::SecondFactor);
        // Who has enrolled a second factor is always asked for it.
        let has_second = tx.enrolled(user.id).await?.totp_since.is_some();
        let refusal = to.filter(|_| !wants_second).and_then(|(org, slug)| entry.refusal(slug).map(|refusal| (*org, refusal)));
        match (verdict.action(), refusal) {
            (RiskAction::Block, _) => {
                let told = verdict.record(tx, user, Judged::Refused).await?;
                Ok(telling(Change::silent(Err(risky()), NoEvent::Housekeeping), told))
            }
            (_, Some((org, refusal))) => {
                let told = verdict.record(tx, user, Judged::Refused).await?;
                let event = Event::LoginFailed { email: user.email.to_string(), reason: refusal.code.to_owned() };
                Ok(telling(Change::new(Err(refusal), org, event), told))
            }
            (RiskAction::Allow | RiskAction::LogOnly, None) if !wants_second && !has_second => {
                self.let_in(tx, arriving, &did, &verdict).await.map(|change| change.map(Ok))
            }
            _ => {
                let waits = Waits { user: user.id, id: tx.uuid(), to: to.cloned() };
                let told = verdict.record(tx, user, Judged::Waits(waits.id)).await?;
                let admitted = self.ask_at(tx, (user, arriving.proven), &waits, (door, call)).await?;
                Ok(telling(Change::silent(Ok(Arrived { admitted, device: None }), NoEvent::LinkMailed), told))
            }
        }
    }

    async fn let_in(
        &self,
        tx: &WriteTx,
        arriving: &Arriving<'_>,
        did: &Authentications,
        verdict: &Verdict,
    ) -> Result<Change<Arrived>> {
        let &Arriving { user, to, shown, door, call, .. } = arriving;
        let target = to.map_or(For::Platform, |(org, slug)| For::Organization(*org, slug));
        let In { admitted, session, replaced } = self.enter(tx, (user, did), &target, (door, call)).await?;
        let told = verdict.record(tx, user, Judged::Entered(session.id)).await?;
        let device = self.trusted_device(shown, user.id, verdict.judges(), tx.now())?;
        let event = Event::LoginSucceeded { user_id: user.id, session_id: session.id, method: session.method };
        let change = In::telling(Change::new(Arrived { admitted, device }, target.org(), event), replaced);
        Ok(telling(change, told))
    }

    /// What the organization's policy says about a sign-in that did this; the platform has none. `Forbidden` for who does not belong there.
    pub(crate) async fn entry(
        &self,
        tx: &WriteTx,
        user: &User,
        org: Option<OrgId>,
        (did, call): (&Authentications, &Call),
    ) -> Result<Entry> {
        let Some(org) = org else { return Ok(Entry::Enter(Entered { two_factors: false, until: None })) };
        let Some(entrance) = tx.entrance(org, user.id).await? else { return Err(no_access()) };
        entry_of(&entrance, user, (did, call), no_access)
    }
}

/// What decides on a sign-in and on every renewal: the membership and the organization's state first, then its policy. A platform owner
/// needs no membership, and is then not judged; strangers get `stranger`.
pub(crate) fn entry_of(
    entrance: &Entrance,
    user: &User,
    (did, call): (&Authentications, &Call),
    stranger: fn() -> Error,
) -> Result<Entry> {
    let operates = user.is_platform_owner && !did.is_confined(user.realm);
    match (&entrance.role, entrance.status) {
        (None, _) if !operates => Err(stranger()),
        (_, OrgStatus::Active) => Ok(match &entrance.role {
            None => Entry::Enter(Entered { two_factors: false, until: None }),
            Some(role) => {
                let (is_owner, from) = (*role == RoleName::Owner, call.origin.address());
                entry::judge(&entrance.policy, &Entering { user: user.id, is_owner, did, from, now: call.now })
            }
        }),
        _ => Err(not_active()),
    }
}

/// A grant for an organization is only as good as the membership, the organization's state and its policy are at this moment. Who would have to
/// do more is told what, and keeps the grant.
pub(super) fn check_organization<'f>(found: &'f Refreshable, call: &Call) -> Result<Option<&'f Slug>> {
    match &found.organization {
        None if found.grant.org_id == domain::PLATFORM => Ok(None),
        None => Err(refused()),
        Some((slug, entrance)) => {
            let entry = entry_of(entrance, &found.user, (&found.did, call), refused)?;
            entry.refusal(slug).map_or(Ok(Some(slug)), Err)
        }
    }
}

fn risky() -> Error {
    Error::forbidden(
        "risk_blocked",
        "This sign-in looks risky, and the organization refuses such. Try from a device and a network that you have used before, sign in \
         without naming the organization and confirm that with a code, or ask one of its administrators.",
    )
}

fn not_active() -> Error {
    Error::forbidden("organization_not_active", "This organization is not active. Ask the platform's operator.")
}
