//! A right password, and what becomes of it: whether the account may enter where it wants to, what those say who judge risky sign-ins, and the
//! session.

use crypto::opaque;
use domain::{
    Error, Event, OrgId, Result, ServiceId,
    core::value::Slug,
    identity::{
        accounts::User,
        authentications::{Authentication, Authentications, Method},
        entry::{self, Entered, Entering, Entry, Need, StepUp},
        risk::RiskAction,
    },
    tenancy::{organizations::OrgStatus, roles::RoleName},
};
use store::{
    Change, NoEvent, WriteTx,
    identity::{accounts::Account, risk::Judged, sessions::Refreshable, sign_in_policy::Entrance},
};

use super::{
    doors::{Arrived, Door, In, first_of},
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

/// Somebody who showed who they are, and where they want to go.
pub(crate) struct Arriving<'a> {
    pub(crate) user: &'a User,
    /// Names what was shown: the password, or the connection ([`shown_by`]).
    pub(crate) proven: &'a str,
    /// What was done.
    pub(crate) did: &'a Authentications,
    /// The same with what the browser's session did before, if that is theirs: what the policy judges.
    pub(crate) judged: &'a Authentications,
    pub(crate) to: Option<&'a (OrgId, Slug)>,
    pub(crate) shown: &'a Shown,
    pub(crate) door: Door<'a>,
    pub(crate) call: &'a Call,
}

/// What a sign-in is called by those who judge it.
pub(crate) fn way_of(did: &Authentications) -> &'static str {
    match first_of(did) {
        Method::Connection => "connection",
        Method::Passkey => "passkey",
        Method::Mail => "mail",
        _ => "password",
    }
}

/// Names what a sign-in rests on while it waits for a second factor: another password, or another generation of the connection, ends it.
pub(crate) fn shown_by(did: &Authentications, password_hash: Option<&str>) -> String {
    if did.is_by_mail() {
        return opaque::hash(&format!("mail {}", password_hash.unwrap_or_default()));
    }
    let own = did.iter().any(|one| one.method == Method::Password);
    match did.iter().find_map(|one| one.through) {
        Some(through) if !own => opaque::hash(&format!("connection {} {}", through.id, through.generation)),
        _ => proven(password_hash),
    }
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
            let mut did = Authentications::one(Authentication::own(Method::Password, tx.now()));
            if let Door::Browser { proof: Some(proof), .. } = door {
                did = did.and(proof.done);
            }
            let to = to.as_ref();
            let judged = door.judged(&user, &did);
            let arriving = Arriving { user: &user, proven: &proven, did: &did, judged: &judged, to, shown: &shown, door, call };
            let change = self.as_judged(tx, &arriving).await?;
            tx.count_sign_in_attempt(&login_throttling::network(tx.origin())).await?;
            Ok(change)
        })
        .await?
    }

    /// Does what the organization's policy and those say who judge the sign-in: refuses it, asks for a code, or lets it in.
    pub(crate) async fn as_judged(&self, tx: &WriteTx, arriving: &Arriving<'_>) -> Result<Change<Result<Arrived>>> {
        let &Arriving { user, did, to, shown, door, call, .. } = arriving;
        let org = to.map(|(org, _)| *org);
        let by = |method| did.iter().any(|one| one.method == method);
        let (by_password, by_passkey, by_mail) = (by(Method::Password), by(Method::Passkey), by(Method::Mail));
        let entry = self.entry(tx, user, (org, door.service()), (arriving.judged, call)).await?;
        let verdict = self.judge(tx, org, (user.id, way_of(did)), shown).await?;
        let wants_second = matches!(&entry, Entry::StepUp(step_up) if step_up.needs == Need::SecondFactor);
        // Whoever comes by something of their own, and has enrolled a second factor, is always asked for it.
        let has_second = (by_password || by_mail) && tx.enrolled(user.id).await?.totp_since.is_some();
        let refusal = to.filter(|_| !wants_second).and_then(|(org, slug)| entry.refusal(slug).map(|refusal| (*org, refusal)));
        let refusal = match to {
            Some(to) if refusal.is_none() => self.only_way(tx, arriving, to).await?,
            _ => refusal,
        };
        let (mails, refusal) = self.by_device(tx, arriving, (&entry, refusal)).await?;
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
            // A passkey is both factors: whoever asks for a second one has it.
            (_, None) if by_passkey => self.let_in(tx, arriving, &verdict).await.map(|change| change.map(Ok)),
            (RiskAction::Allow | RiskAction::LogOnly, None) if !wants_second && !has_second => {
                self.let_in(tx, arriving, &verdict).await.map(|change| change.map(Ok))
            }
            // Who reads the account's mail has just shown that, and that is all which a mailed code would show.
            (RiskAction::ChallengeMfa, None) if by_mail && !wants_second && !has_second => {
                self.let_in(tx, arriving, &verdict).await.map(|change| change.map(Ok))
            }
            // They have nothing on a device that is wanted: the flow goes on with that.
            (_, None) if by_mail && wants_second && !self.has_device(tx, user).await? => {
                self.let_in(tx, &Arriving { to: None, ..*arriving }, &verdict).await.map(|change| change.map(Ok))
            }
            _ => {
                let waits = Waits { user: user.id, id: tx.uuid(), to: to.cloned() };
                let told = verdict.record(tx, user, Judged::Waits(waits.id)).await?;
                let admitted = self.ask_at(tx, (user, arriving.proven, did), (&waits, mails), (door, call)).await?;
                Ok(telling(Change::silent(Ok(Arrived { admitted, device: None }), NoEvent::LinkMailed), told))
            }
        }
    }

    /// Where a second factor is missing that no mailed code stands in for: whether one is mailed all the same, and a refusal. Who has nothing on a device
    /// sets it up on our pages, behind that code, or the mail that they came by; where there are no pages, no code is asked for that would not do.
    async fn by_device(
        &self,
        tx: &WriteTx,
        arriving: &Arriving<'_>,
        (entry, refusal): (&Entry, Option<(OrgId, Error)>),
    ) -> Result<(bool, Option<(OrgId, Error)>)> {
        let &Arriving { user, did, to, door, .. } = arriving;
        let by_passkey = did.iter().any(|one| one.method == Method::Passkey);
        let Some((org, slug)) = to.filter(|_| refusal.is_none() && entry.wants_device() && !by_passkey) else {
            return Ok((true, refusal));
        };
        let has = tx.on_devices(user.id).await?;
        let refusal = if door.has_pages() || has.app { None } else { entry.refusal(slug) };
        Ok((!(has.passkey && self.offers_passkeys()), refusal.map(|refusal| (*org, refusal))))
    }

    async fn let_in(&self, tx: &WriteTx, arriving: &Arriving<'_>, verdict: &Verdict) -> Result<Change<Arrived>> {
        let &Arriving { user, did, to, shown, door, call, .. } = arriving;
        let target = to.map_or(For::Platform, |(org, slug)| For::Organization(*org, slug));
        let In { admitted, session, told: more } = self.enter(tx, (user, did), &target, (door, call)).await?;
        let told = verdict.record(tx, user, Judged::Entered(session.id)).await?;
        let device = self.trusted_device(shown, user.id, verdict.judges(), tx.now())?;
        let event = Event::LoginSucceeded { user_id: user.id, session_id: session.id, method: session.method };
        let change = Change::new(Arrived { admitted, device }, target.org(), event);
        Ok(telling(change, [more, told].concat()))
    }

    /// A domain's people whose organization lets them come through its provider only are told so, after a right password. Owners who may break the
    /// glass come without it.
    async fn only_way(
        &self,
        tx: &WriteTx,
        arriving: &Arriving<'_>,
        (org, slug): &(OrgId, Slug),
    ) -> Result<Option<(OrgId, Error)>> {
        let &Arriving { user, did, .. } = arriving;
        if did.iter().any(|one| one.through.is_some_and(|through| through.org == *org)) {
            return Ok(None);
        }
        let Some(way) = tx.only_way(*org, user.email.domain()).await? else { return Ok(None) };
        let breaks_glass = tx.entrance(*org, user.id).await?.is_some_and(|entrance| entrance.breaks_glass(user.id));
        let step_up = StepUp { needs: Need::FirstFactor, methods: vec![], connections: vec![way.slug], max_age: None };
        Ok(Entry::StepUp(step_up).refusal(slug).filter(|_| !breaks_glass).map(|refusal| (*org, refusal)))
    }

    /// What the organization's policy says about a sign-in that did this, perhaps at one of its services; the platform has none. `Forbidden` for who
    /// does not belong there.
    pub(crate) async fn entry(
        &self,
        tx: &WriteTx,
        user: &User,
        (org, service): (Option<OrgId>, Option<ServiceId>),
        (did, call): (&Authentications, &Call),
    ) -> Result<Entry> {
        let Some(org) = org else { return Ok(Entry::Enter(Entered { two_factors: false, until: None })) };
        let Some(entrance) = tx.entrance(org, user.id).await? else { return Err(no_access()) };
        let entrance = match service.filter(|_| entrance.role.is_none()) {
            Some(service) => entrance.for_guest(tx.guest((org, service), user).await?.may_come()),
            None => entrance,
        };
        entry_of(&entrance, user, (did, call), no_access)
    }
}

/// What decides on a sign-in and on every renewal: the membership, or for one of its services that it is used, and the organization's state first,
/// then its policy. A platform owner needs no membership, and is then not judged; strangers get `stranger`.
pub(crate) fn entry_of(
    entrance: &Entrance,
    user: &User,
    (did, call): (&Authentications, &Call),
    stranger: fn() -> Error,
) -> Result<Entry> {
    let operates = user.is_platform_owner && !did.is_confined(user.realm);
    match (&entrance.role, entrance.status) {
        (None, _) if !operates && !entrance.guest => Err(stranger()),
        (None, OrgStatus::Active) if !entrance.guest => Ok(Entry::Enter(Entered { two_factors: false, until: None })),
        (role, OrgStatus::Active) => {
            let (is_owner, from) = (*role == Some(RoleName::Owner), call.origin.address());
            Ok(entry::judge(&entrance.policy, &Entering { user: user.id, is_owner, did, from, now: call.now }))
        }
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
