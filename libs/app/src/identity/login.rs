//! Signing in, staying signed in, signing out.
//!
//! Every answer about a wrong address and a wrong password is the same, and takes the same work (T40). Whoever guesses is slowed, and
//! nobody can lock a person out from elsewhere (T41, [`domain::identity::login_throttling`]).

use crypto::{Asker, Hasher, Purpose, Verdict, opaque};
use domain::{
    Error, Event, OrgId, PLATFORM, Result, SessionId, Time, UserId,
    authorization::{policy, principal::Credential},
    core::value::{Email, Slug},
    identity::{
        accounts::User,
        risk::RiskAction,
        sessions::{GrantRow, Session, TokenPair},
    },
    tenancy::organizations::OrgStatus,
};
use store::{
    Change, NoEvent, WriteTx,
    identity::{
        accounts::Account,
        risk::Judged,
        sessions::{Presented, Refreshable},
    },
};

use crate::{
    App, Call, Caller,
    identity::{
        login_throttling::{self, LoginAttempt},
        risk::{challenge::proven, device::Shown, telling},
        tokens::{For, refused},
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

fn wrong() -> Error {
    Error::unauthenticated("invalid_credentials", "The e-mail address or password is wrong, or the address is not confirmed yet.")
}

fn no_access() -> Error {
    Error::forbidden("no_access", "This account has no access to that organization.")
}

impl App {
    /// Signs in with a password. `Unauthenticated` for a wrong pair, `Forbidden` without access to the organization.
    pub async fn login(&self, call: &Call, input: Login) -> Result<SignedIn> {
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
        self.sign_in(call, account, to, (rehash, shown)).await
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
    async fn refuse_login(&self, call: &Call, org: Option<OrgId>, email: &Email, attempt: &LoginAttempt) -> Result<SignedIn> {
        let log = org.unwrap_or(PLATFORM);
        self.anonymously(call, async |tx| {
            self.charge_failed_login(tx, attempt).await?;
            tx.count_sign_in_attempt(&login_throttling::network(tx.origin())).await?;
            Ok(Change::new((), log, Event::LoginFailed { email: email.to_string(), reason: "invalid_credentials".to_owned() }))
        })
        .await?;
        Err(wrong())
    }

    async fn sign_in(
        &self,
        call: &Call,
        account: Account,
        to: Option<(OrgId, Slug)>,
        (rehash, shown): (Option<String>, Shown),
    ) -> Result<SignedIn> {
        let named = to.as_ref().map(|(org, _)| *org);
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
            may_enter(tx, &user, named).await?;
            let proven = proven(rehash.as_deref().or(account.password_hash.as_deref()));
            let change = self.as_judged(tx, (&user, &proven), to.as_ref(), &shown, call).await?;
            tx.count_sign_in_attempt(&login_throttling::network(tx.origin())).await?;
            Ok(change)
        })
        .await?
    }

    /// Does what those say who judge the sign-in: refuses it, asks for a code, or lets it in.
    async fn as_judged(
        &self,
        tx: &WriteTx,
        (user, proven): (&User, &str),
        to: Option<&(OrgId, Slug)>,
        shown: &Shown,
        call: &Call,
    ) -> Result<Change<Result<SignedIn>>> {
        let verdict = self.judge(tx, to.map(|(org, _)| *org), user.id, shown).await?;
        match verdict.action() {
            RiskAction::Block => {
                let told = verdict.record(tx, user, Judged::Refused).await?;
                Ok(telling(Change::silent(Err(risky()), NoEvent::Housekeeping), told))
            }
            RiskAction::ChallengeMfa => {
                let challenge = tx.uuid();
                let told = verdict.record(tx, user, Judged::Waits(challenge)).await?;
                let tokens = self.ask_for_code(tx, (user, proven), to, (challenge, call)).await?;
                Ok(telling(Change::silent(Ok(SignedIn { tokens, device: None }), NoEvent::LinkMailed), told))
            }
            RiskAction::Allow | RiskAction::LogOnly => {
                let target = to.map_or(For::Platform, |(org, slug)| For::Organization(*org, slug));
                let (tokens, session) = self.enter(tx, user, &target, call).await?;
                let told = verdict.record(tx, user, Judged::Entered(session.id)).await?;
                let device = self.trusted_device(shown, user.id, verdict.judges(), tx.now())?;
                let event = Event::LoginSucceeded { user_id: user.id, session_id: session.id, method: session.method };
                Ok(telling(Change::new(Ok(SignedIn { tokens, device }), target.org(), event), told))
            }
        }
    }

    /// Makes the session of a sign-in that nothing stands in the way of, and its tokens.
    pub(crate) async fn enter(&self, tx: &WriteTx, user: &User, to: &For<'_>, call: &Call) -> Result<(TokenPair, Session)> {
        tx.remember_network(&login_throttling::pair(user.id, call)).await?;
        let session = new_session(tx, user, "password", self.settings.refresh_ttl);
        tx.insert_session(&session).await?;
        let tokens = self.grant(tx, user, &session, to).await?;
        tx.record_sign_in(to.org(), session.id).await?;
        Ok((tokens, session))
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
            Presented::Spent { grant, at } => self.refresh_again(tx, &grant, at, &hash).await,
            Presented::Current(found) => {
                let slug = check_organization(&found)?;
                let pair = self.renew(tx, &found, slug, &hash).await?;
                Ok(Change::silent(Ok(pair), NoEvent::TokenRenewed))
            }
        })
        .await?
    }

    /// A refresh token that was used `at` (by the database's clock) comes back.
    async fn refresh_again(&self, tx: &WriteTx, grant: &GrantRow, at: Time, hash: &str) -> Result<Change<Result<TokenPair>>> {
        let now = tx.database_now().await?;
        if now - at >= self.settings.refresh_race {
            tx.revoke_grant(grant.id).await?;
            let event = Event::RefreshTokenReused { user_id: grant.user_id, session_id: grant.session_id };
            return Ok(Change::new(Err(refused()), grant.org_id, event));
        }
        let Some(pair) = tx.renewal_again(grant, hash, now).await? else { return Err(refused()) };
        // Worth no more than what it was exchanged for: an unused token of somebody who still has access.
        match tx.present_refresh(&opaque::hash(&pair.refresh_token), self.settings.session_longest).await? {
            Presented::Current(found) => check_organization(&found)?,
            _ => return Err(refused()),
        };
        Ok(Change::silent(Ok(pair), NoEvent::TokenRenewed))
    }

    /// Ends the session of the token that asks; of who acts as somebody else, that only.
    pub async fn logout(&self, c: &Caller) -> Result<()> {
        if let Credential::Impersonation(who) = &c.who {
            return self.leave_impersonation(c, who).await;
        }
        self.as_person(c, async |tx, person| {
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
        let Ok(who) = self.credential_of(token, call.now).await else { return Ok(()) };
        let c = Caller { call: call.clone(), who, once: None };
        match self.logout(&c).await {
            Err(e) if e.kind == domain::Kind::Unauthenticated => Ok(()),
            outcome => outcome,
        }
    }

    /// The caller's own living sessions, and which one asks.
    pub async fn list_sessions(&self, c: &Caller) -> Result<(Vec<Session>, SessionId)> {
        let person = self.reader(c).await?;
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

/// Whether the account may sign in to the organization, if it names one.
pub(crate) async fn may_enter(tx: &WriteTx, user: &User, org: Option<OrgId>) -> Result<()> {
    let Some(org) = org else { return Ok(()) };
    match tx.sign_in_state(org, user.id).await? {
        Some((OrgStatus::Active, member)) if member || user.is_platform_owner => Ok(()),
        Some((_, true)) => Err(not_active()),
        _ => Err(no_access()),
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

/// A grant for an organization is only as good as the membership, and the organization's state, at this moment.
fn check_organization(found: &Refreshable) -> Result<Option<&Slug>> {
    match &found.organization {
        None if found.grant.org_id == PLATFORM => Ok(None),
        None => Err(refused()),
        Some((slug, status, belongs)) => match status.parse() {
            _ if !belongs && !found.user.is_platform_owner => Err(refused()),
            Ok(OrgStatus::Active) => Ok(Some(slug)),
            _ => Err(not_active()),
        },
    }
}

fn new_session(tx: &WriteTx, user: &User, method: &str, lifetime: chrono::TimeDelta) -> Session {
    Session {
        id: SessionId::new(tx.uuid()),
        user_id: user.id,
        method: method.to_owned(),
        ip_address: tx.origin().ip_address.clone(),
        user_agent: tx.origin().user_agent.clone(),
        created_at: tx.now(),
        last_seen_at: tx.now(),
        expires_at: tx.now() + lifetime,
    }
}
