//! Signing in, staying signed in, signing out.
//!
//! Every answer about a wrong address and a wrong password is the same, and takes the same work (T40). Whoever guesses is slowed, and
//! nobody can lock a person out from elsewhere (T41, [`domain::identity::login_throttling`]).

mod by_mail;
pub(crate) mod doors;
pub(crate) mod entering;

use crypto::{Asker, Hasher, Purpose, Verdict, opaque};
use domain::{
    Error, Event, OrgId, PLATFORM, Result, SessionId, Time, UserId,
    authorization::{policy, principal::Credential},
    core::value::{Email, Slug},
    identity::sessions::{GrantRow, Session, TokenPair},
};
use store::{
    Change, NoEvent, WriteTx,
    identity::{accounts::Account, sessions::Presented},
};

use self::{
    doors::{Arrived, Door},
    entering::check_organization,
};
use crate::{
    App, Call, Caller,
    core::admission::Place,
    identity::{
        login_throttling::{self, LoginAttempt},
        tokens::refused,
    },
};

/// What a login form sends.
pub struct Login {
    /// The address.
    pub email: Email,
    /// The password as typed; never checked for shape, so an old rule cannot lock anybody out.
    pub password: String,
    /// Sign in to this organization; none: to the platform.
    pub org_slug: Option<Slug>,
    /// What the device shows of itself ([`risk::device`](crate::identity::risk)).
    pub device: Option<String>,
}

/// What a sign-in gives.
pub struct SignedIn {
    /// Tokens; or, with an empty refresh token, what a mailed code is to be sent with.
    pub tokens: TokenPair,
    /// What the device shows of itself from now on.
    pub device: Option<String>,
}

pub(crate) fn wrong() -> Error {
    Error::unauthenticated("invalid_credentials", "The e-mail address or password is wrong, or the address is not confirmed yet.")
}

fn no_access() -> Error {
    Error::forbidden("no_access", "This account has no access to that organization.")
}

impl App {
    /// Signs in with a password. `Unauthenticated` for a wrong pair, `Forbidden` without access to the organization.
    pub async fn login(&self, call: &Call, input: Login) -> Result<SignedIn> {
        self.login_at(call, input, Door::Api).await?.tokens()
    }

    /// The same at any door.
    pub(crate) async fn login_at(&self, call: &Call, input: Login, door: Door<'_>) -> Result<Arrived> {
        let org = match &input.org_slug {
            Some(slug) => self.store.public_organization(slug).await?,
            None => None,
        };
        // Strict, also about guesses that come at the same moment; what must outlive the shared store is judged within.
        let pair = format!("{} {}", input.email, call.origin.network());
        let (verdict, (account, attempt)) = self.guess("login", &pair, self.look(call, &input)).await?;
        let (Some(account), true) = (account, verdict != Verdict::Wrong) else {
            return self.refuse_login(call, org, &input.email, &attempt).await;
        };
        // An unknown organization is one that nobody has access to.
        let to = match (input.org_slug, org) {
            (None, _) => None,
            (Some(slug), Some(org)) => Some((org, slug)),
            (Some(_), None) => return Err(no_access()),
        };
        // It can wait until the next time if there is no thread for it.
        let rehash = match verdict {
            Verdict::RightButRehash => self.hasher_for(call, Some(account.user.id)).hash(&input.password).await.ok(),
            _ => None,
        };
        let shown = self.shown_device(input.device.as_deref()).await?;
        self.sign_in(call, account, to, (rehash, shown), door).await
    }

    /// Whether the password is right, if it may be looked at. One that is right does not count where the address is not confirmed.
    async fn look(&self, call: &Call, input: &Login) -> Result<(Verdict, (Option<Account>, LoginAttempt))> {
        self.fresh_keys(call.now).await?;
        let account = self.account_for_sign_in(input.org_slug.as_ref(), &input.email).await?;
        let id = account.as_ref().map(|account| account.user.id);
        let attempt = self.admit_login(call, id, &input.email).await?;
        let hasher = self.hasher_for(call, id.filter(|_| attempt.is_known()));
        let hash = account.as_ref().and_then(|account| account.password_hash.as_deref());
        let verdict = match hasher.verify(&input.password, hash).await {
            Ok(verdict) => verdict,
            Err(e) => {
                self.give_turn_back(call, &attempt).await?;
                return Err(e);
            }
        };
        let account = account.filter(|account| account.user.email_verified_at.is_some());
        Ok((if account.is_some() { verdict } else { Verdict::Wrong }, (account, attempt)))
    }

    /// The hashing threads, for somebody: an account that is known where the request comes from, or whoever is there.
    pub(crate) fn hasher_for(&self, call: &Call, known: Option<UserId>) -> Hasher {
        let [network, wider, widest] = call.origin.ranges();
        let path = match known {
            Some(account) => [account.to_string(), wider, network],
            None => [widest, wider, network],
        };
        self.hasher.on_behalf_of(Asker { known: known.is_some(), path })
    }

    /// The account that signs in: the organization's own, if that is a member of it, else the platform's.
    pub(crate) async fn account_for_sign_in(&self, org: Option<&Slug>, email: &Email) -> Result<Option<Account>> {
        if let Some(slug) = org
            && let Some(managed) = self.store.public_managed_account(slug, email).await?
        {
            return Ok(Some(managed));
        }
        self.store.public_account(PLATFORM, email).await
    }

    /// Failed sign-ins are recorded at once, so that they can be alarmed on, and counted.
    async fn refuse_login(&self, call: &Call, org: Option<OrgId>, email: &Email, attempt: &LoginAttempt) -> Result<Arrived> {
        let log = org.unwrap_or(PLATFORM);
        self.anonymously(call, async |tx| {
            self.charge_failed_login(tx, attempt).await?;
            tx.count_sign_in_attempt(&login_throttling::network(tx.origin())).await?;
            Ok(Change::new((), log, Event::LoginFailed { email: email.to_string(), reason: "invalid_credentials".to_owned() }))
        })
        .await?;
        Err(wrong())
    }

    /// Exchanges a refresh token for a new pair. It works once; one that comes back ends its family, because two hold it. Only just after
    /// its use that is excused: whoever repeats the request from the same place gets the same pair, others are refused.
    pub async fn refresh(&self, call: &Call, token: &str) -> Result<TokenPair> {
        if !opaque::recognises(Purpose::Refresh, token) {
            return Err(refused());
        }
        self.fresh_keys(call.now).await?;
        let hash = opaque::hash(token);
        self.anonymously(call, async |tx| match tx.present_refresh(&hash, self.settings.session_longest).await? {
            Presented::Unknown => Err(refused()),
            Presented::Spent { grant, at } => self.refresh_again(tx, call, (&grant, at), &hash).await,
            Presented::Current(found) => {
                let slug = check_organization(&found, call)?;
                let pair = self.renew(tx, &found, slug, &hash).await?;
                Ok(Change::silent(Ok(pair), NoEvent::TokenRenewed))
            }
        })
        .await?
    }

    /// A refresh token that was used `at` (by the database's clock) comes back.
    async fn refresh_again(
        &self,
        tx: &WriteTx,
        call: &Call,
        (grant, at): (&GrantRow, Time),
        hash: &str,
    ) -> Result<Change<Result<TokenPair>>> {
        let now = tx.database_now().await?;
        if now - at >= self.settings.refresh_race {
            tx.revoke_grant(grant.id).await?;
            let event = Event::RefreshTokenReused { user_id: grant.user_id, session_id: grant.session_id };
            return Ok(Change::new(Err(refused()), grant.org_id, event));
        }
        let Some(pair) = tx.renewal_again(grant, hash, now).await? else { return Err(refused()) };
        // Worth no more than what it was exchanged for: an unused token of somebody who still has access.
        match tx.present_refresh(&opaque::hash(&pair.refresh_token), self.settings.session_longest).await? {
            Presented::Current(found) => check_organization(&found, call)?,
            _ => return Err(refused()),
        };
        Ok(Change::silent(Ok(pair), NoEvent::TokenRenewed))
    }

    /// Ends the session of the token that asks; of who acts as somebody else, that only.
    pub async fn logout(&self, c: &Caller) -> Result<()> {
        if let Credential::Impersonation(who) = &c.who {
            return self.leave_impersonation(c, who).await;
        }
        // Whoever's word the session is, its end is what it may always ask for.
        let who = Credential::Session(*c.who.require_session()?);
        self.write(c, self.admit_write(c.who.id(), Place::Own).await?, async |tx| {
            let principal = tx.principal(&who).await?;
            let person = principal.require_person()?;
            tx.revoke_session(person.id, person.session).await?;
            Ok(Change::new((), PLATFORM, Event::LoggedOut { user_id: person.id, session_id: person.session }))
        })
        .await
    }

    /// RFC 7009: ends the session that an access token, or the family that a refresh token, belongs to. Says nothing about unknown ones.
    pub async fn revoke_token(&self, call: &Call, token: &str) -> Result<()> {
        if opaque::recognises(Purpose::Refresh, token) {
            let hash = opaque::hash(token);
            return self
                .anonymously(call, async |tx| {
                    let Some(grant) = tx.grant_of_refresh(&hash).await? else {
                        return Ok(Change::silent((), NoEvent::Unchanged));
                    };
                    tx.revoke_grant(grant.id).await?;
                    let event = Event::SessionsRevoked { user_id: grant.user_id, count: 1, reason: "token_revoked".to_owned() };
                    Ok(Change::new((), PLATFORM, event))
                })
                .await;
        }
        let Ok(who) = self.credential_of(token, call).await else { return Ok(()) };
        let c = Caller { call: call.clone(), who, once: None };
        match self.logout(&c).await {
            Err(e) if e.kind == domain::Kind::Unauthenticated => Ok(()),
            outcome => outcome,
        }
    }

    /// The caller's own living sessions, and which one asks.
    pub async fn list_sessions(&self, c: &Caller) -> Result<(Vec<Session>, SessionId)> {
        let person = self.reader(c).await?;
        person.require_unconfined()?;
        Ok((self.store.own_sessions(policy::own(&person), c.call.now).await?, person.session))
    }

    /// Ends one of the caller's sessions.
    pub async fn revoke_session(&self, c: &Caller, id: SessionId) -> Result<()> {
        self.as_person(c, async |tx, person| {
            if !tx.revoke_session(person.id, id).await? {
                return Err(Error::not_found("session"));
            }
            Ok(Change::new((), PLATFORM, Event::SessionsRevoked { user_id: person.id, count: 1, reason: "user".to_owned() }))
        })
        .await
    }

    /// Ends all of the caller's other sessions; how many.
    pub async fn revoke_other_sessions(&self, c: &Caller) -> Result<u64> {
        self.as_person(c, async |tx, person| {
            let count = tx.revoke_sessions(person.id, Some(person.session)).await?;
            Ok(Change::new(count, PLATFORM, Event::SessionsRevoked { user_id: person.id, count, reason: "user".to_owned() }))
        })
        .await
    }
}
