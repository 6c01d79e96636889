//! Signing in with a passkey. There is nothing to guess, so nothing is slowed but requests, and nobody can lock a passkey; what the organization's policy
//! and those who judge risky sign-ins say counts as with a password. Where a second factor is asked for, it was given.

use crypto::passkeys::Claimed;
use domain::{
    Actor, Error, Event, OrgId, PLATFORM, PasskeyChallengeId, Result,
    core::value::Slug,
    identity::{
        accounts::User,
        authentications::{Authentication, Authentications, Method},
        passkeys::{CHALLENGE_LASTS, Ceremony},
    },
};
use serde_json::Value;
use store::{Change, NoEvent, WriteTx, identity::passkeys::StoredPasskey};

use super::Challenge;
use crate::{
    App, Call,
    identity::{
        login::{
            SignedIn,
            doors::{Arrived, Door},
            entering::Arriving,
        },
        login_throttling,
        risk::{challenge::proven, device::Shown},
    },
};

/// What a sign-in with a passkey sends.
pub struct PasskeySignIn {
    /// The challenge that is answered.
    pub challenge: PasskeyChallengeId,
    /// What the device answered.
    pub answer: Value,
    /// Sign in to this organization; none: to the platform.
    pub org_slug: Option<Slug>,
    /// What the device shows of itself ([`risk::device`](crate::identity::risk)).
    pub device: Option<String>,
}

/// One answer for all that does not fit.
pub(crate) fn wrong_passkey() -> Error {
    Error::unauthenticated(
        "invalid_passkey",
        "This passkey is not known here, or its answer came too late or was used. Try again, or sign in another way.",
    )
}

impl App {
    /// Asks whoever is there for one of their passkeys.
    pub async fn begin_passkey_sign_in(&self, call: &Call) -> Result<Challenge> {
        self.relying_party()?;
        self.anonymously(call, async |tx| {
            let challenge = self.ask_for_passkey(tx).await?;
            Ok(Change::silent(challenge, NoEvent::Housekeeping))
        })
        .await
    }

    pub(crate) async fn ask_for_passkey(&self, tx: &WriteTx) -> Result<Challenge> {
        let asked = self.relying_party()?.begin_sign_in()?;
        let id = PasskeyChallengeId::new(tx.uuid());
        tx.ask_passkey(id, (Ceremony::SignIn, None), &asked, tx.now() + CHALLENGE_LASTS).await?;
        Ok(Challenge { id, options: asked.options })
    }

    /// Signs in with a passkey. `Unauthenticated` for an answer that does not fit, `Forbidden` without access to the organization.
    pub async fn passkey_sign_in(&self, call: &Call, input: PasskeySignIn) -> Result<SignedIn> {
        let org = match &input.org_slug {
            Some(slug) => self.store.public_organization(slug).await?,
            None => None,
        };
        let to = match (input.org_slug.clone(), org) {
            (None, _) => None,
            (Some(slug), Some(org)) => Some((org, slug)),
            // An unknown organization is one that nobody has access to.
            (Some(_), None) => return Err(no_access()),
        };
        self.fresh_keys(call.now).await?;
        self.passkey_sign_in_at(call, (input.challenge, &input.answer), to, (input.device.as_deref(), Door::Api)).await?.tokens()
    }

    /// The same at any door.
    pub(crate) async fn passkey_sign_in_at(
        &self,
        call: &Call,
        (challenge, answer): (PasskeyChallengeId, &Value),
        to: Option<(OrgId, Slug)>,
        (device, door): (Option<&str>, Door<'_>),
    ) -> Result<Arrived> {
        self.relying_party()?;
        let shown = self.shown_device(device).await?;
        self.anonymously(call, async |tx| {
            let user = match self.answered(tx, challenge, answer).await? {
                Ok(user) => user,
                Err(known) => return self.refused_passkey(tx, known, to.as_ref()).await,
            };
            // An organization's own account is for that organization.
            if matches!(door, Door::Api) && user.realm != PLATFORM && to.is_none() {
                return Ok(Change::silent(Err(no_access()), NoEvent::Housekeeping));
            }
            self.enter_by_passkey(tx, (&user, to.as_ref()), (&shown, door, call)).await
        })
        .await?
    }

    /// Whose passkey answered; or, if the answer does not fit, whose it says to be.
    async fn answered(
        &self,
        tx: &WriteTx,
        id: PasskeyChallengeId,
        answer: &Value,
    ) -> Result<std::result::Result<User, Option<User>>> {
        let party = self.relying_party()?;
        let Some((_, asked)) = tx.take_passkey_challenge(id, Ceremony::SignIn).await? else { return Ok(Err(None)) };
        let Ok(claimed) = party.claimed(answer) else { return Ok(Err(None)) };
        let Some(passkey) = known(tx, &claimed).await? else { return Ok(Err(None)) };
        let account = tx.lock_account(passkey.user).await?;
        if account.user.deleted_at.is_some() {
            return Ok(Err(None));
        }
        // Read again under the lock: another answer may have moved its counter, or its owner removed it.
        let Some(passkey) = known(tx, &claimed).await?.filter(|again| again.user == account.user.id) else {
            return Ok(Err(None));
        };
        match party.finish_sign_in(asked, answer, &passkey.credential) {
            Ok(changed) => {
                tx.passkey_used(&passkey, changed.as_deref()).await?;
                Ok(Ok(account.user))
            }
            Err(_) => Ok(Err(Some(account.user))),
        }
    }

    async fn refused_passkey(
        &self,
        tx: &WriteTx,
        known: Option<User>,
        to: Option<&(OrgId, Slug)>,
    ) -> Result<Change<Result<Arrived>>> {
        tx.count_sign_in_attempt(&login_throttling::network(tx.origin())).await?;
        let refused = Err(wrong_passkey());
        let Some(user) = known else { return Ok(Change::silent(refused, NoEvent::Housekeeping)) };
        let event = Event::LoginFailed { email: user.email.to_string(), reason: "invalid_passkey".to_owned() };
        Ok(Change::new(refused, to.map_or(PLATFORM, |(org, _)| *org), event))
    }

    async fn enter_by_passkey(
        &self,
        tx: &WriteTx,
        (user, to): (&User, Option<&(OrgId, Slug)>),
        (shown, door, call): (&Shown, Door<'_>, &Call),
    ) -> Result<Change<Result<Arrived>>> {
        tx.acts(Actor::User { id: user.id, email: user.email.clone() });
        let mut did = Authentications::one(Authentication::own(Method::Passkey, tx.now()));
        if let Door::Browser { proof: Some(proof), .. } = door {
            did = did.and(proof.done);
        }
        let proven = proven(None);
        let judged = door.judged(user, &did);
        let arriving = Arriving { user, proven: &proven, did: &did, judged: &judged, to, shown, door, call };
        let change = self.as_judged(tx, &arriving).await;
        tx.count_sign_in_attempt(&login_throttling::network(tx.origin())).await?;
        match change {
            // The answer is used up.
            Err(e) if e.code == "no_access" => Ok(Change::silent(Err(e), NoEvent::Housekeeping)),
            change => change,
        }
    }
}

async fn known(tx: &WriteTx, claimed: &Claimed) -> Result<Option<StoredPasskey>> {
    Ok(tx.passkey_of_credential(&claimed.credential_id).await?.filter(|one| one.handle == claimed.handle))
}

fn no_access() -> Error {
    Error::forbidden("no_access", "This account has no access to that organization.")
}
