//! The second half of a sign-in. A right password that is not enough leaves a sign-in that waits, and is answered with a token that names it and
//! opens nothing else ([`PREAUTH_TYP`]). The second factor ends it: a code of the authenticator app or a recovery code of who has enrolled one, a
//! mailed code of who has not. It waits for five minutes, ends once, and only while the password is the same.
//!
//! Wrong codes of an app are counted for the account, under its lock, in the database ([`domain::identity::factors`]); those that sessions show, apart
//! from those of sign-ins.

use chrono::TimeDelta;
use crypto::{opaque, totp};
use domain::{
    Actor, Error, Event, Kind, OrgId, PLATFORM, Result, Time, UserId,
    core::rate::whole_seconds,
    delivery::mails::Template,
    identity::{
        accounts::User,
        authentications::{Authentication, Authentications, Method},
        factors::{A_DAY, AT_ONCE, Typed},
        sessions::{PREAUTH_TYP, PreauthClaims, TokenPair},
    },
};
use serde_json::json;
use store::{
    Change, WriteTx,
    identity::{accounts::Account, factors::StoredTotp, risk::Tried},
};
use uuid::Uuid;

use crate::{
    App, Call,
    core::limits::refuse,
    identity::{
        login::{
            SignedIn,
            doors::{Arrived, Door, In, To},
            entering::{shown_by, way_of},
        },
        login_throttling,
        risk::{device::Shown, telling},
        tokens::{For, audience},
    },
    mail,
};

/// How long a sign-in waits for its second factor, as the contract has it.
const WAITS: TimeDelta = TimeDelta::seconds(300);

fn over() -> Error {
    Error::unauthenticated(
        "invalid_preauth_token",
        "This sign-in is over, or was changed meanwhile. Sign in again with the password.",
    )
}

fn wrong_code() -> Error {
    Error::unauthenticated(
        "invalid_code",
        "This code is wrong, was used or has run out. Take the newest one of your app or of the mail, or a recovery code.",
    )
}

/// A sign-in that waits for its second factor.
pub(crate) struct Waits {
    /// Whose.
    pub(crate) user: UserId,
    /// Which.
    pub(crate) id: Uuid,
    /// Into which organization; `None`: the platform.
    pub(crate) to: To,
}

impl Waits {
    fn org(&self) -> Option<OrgId> {
        self.to.as_ref().map(|(org, _)| *org)
    }
}

/// What became of a second factor.
pub(super) enum FactorTried {
    /// It was right, and is used up.
    Right(Method),
    /// It was wrong.
    Wrong,
    /// It was not looked at: too many were wrong. One more may be tried then.
    TooOften(Time),
}

/// Where a second factor is shown. Each place has counts of its own: whoever holds a session only, and not the password, keeps nobody from signing in.
#[derive(Clone, Copy)]
pub(super) enum ShownIn {
    /// In a sign-in whose password was right.
    SignIn,
    /// In a sign-in by a mail.
    Mailed,
    /// In a session.
    Session,
}

/// Where the second factor of a sign-in that did this is shown.
fn shown_in(did: &Authentications) -> ShownIn {
    if did.is_by_mail() { ShownIn::Mailed } else { ShownIn::SignIn }
}

/// The names of the budgets of wrong codes: for some minutes, and for a day.
fn budgets(user: UserId, shown: ShownIn) -> [String; 2] {
    let kinds = match shown {
        ShownIn::SignIn => ["factor", "factor-day"],
        ShownIn::Mailed => ["factor-mail", "factor-mail-day"],
        ShownIn::Session => ["factor-session", "factor-session-day"],
    };
    kinds.map(|kind| opaque::hash(&format!("{kind} {user}")))
}

impl App {
    /// Lets a sign-in wait for its second factor. Who has no app is mailed a code, if that may help.
    pub(super) async fn wait_for_second(
        &self,
        tx: &WriteTx,
        (user, proven, did): (&User, &str, &Authentications),
        (waits, mails): (&Waits, bool),
        call: &Call,
    ) -> Result<()> {
        if mails && !did.is_by_mail() && tx.enrolled(user.id).await?.totp_since.is_none() {
            self.mail_code(tx, (user, proven), call).await?;
        }
        tx.wait_for_factor(user.id, waits.id, (proven, did), tx.now() + WAITS).await
    }

    /// The token that names a sign-in that waits, for clients of our own API.
    pub(super) fn preauth(&self, user: &User, waits: &Waits, now: Time) -> Result<TokenPair> {
        let (org, slug) = (waits.to.as_ref().map(|(org, _)| *org), waits.to.as_ref().map(|(_, slug)| slug));
        let claims = PreauthClaims {
            token_use: "mfa_preauth".to_owned(),
            sub: user.id,
            email: user.email.to_string(),
            org: slug.cloned(),
            org_id: org,
            aud: audience(slug),
            iss: self.settings.public_url.clone(),
            jti: waits.id,
            mfa_required: true,
            iat: now.timestamp(),
            exp: (now + WAITS).timestamp(),
        };
        let access_token = self.sign(PREAUTH_TYP, &claims, now)?;
        Ok(TokenPair { access_token, refresh_token: String::new(), expires_in: WAITS.num_seconds() })
    }

    /// Ends a sign-in that waits. `Unauthenticated` for a wrong code, `RateLimited` after too many of those.
    pub async fn verify_second_factor(&self, call: &Call, token: &str, code: &str, device: Option<&str>) -> Result<SignedIn> {
        let claims: PreauthClaims = self.verified(token, PREAUTH_TYP, call.now).await.map_err(|_| over())?;
        let waits = Waits { user: claims.sub, id: claims.jti, to: claims.org_id.zip(claims.org) };
        self.end_waiting_at(call, &waits, (code, device), Door::Api).await?.tokens()
    }

    /// The same at any door.
    pub(crate) async fn end_waiting_at(
        &self,
        call: &Call,
        waits: &Waits,
        (code, device): (&str, Option<&str>),
        door: Door<'_>,
    ) -> Result<Arrived> {
        let shown = self.shown_device(device).await?;
        self.anonymously(call, async |tx| {
            let account = tx.lock_account(waits.user).await.map_err(|_| over())?;
            let waiting = tx.waiting_sign_in(waits.user, waits.id).await?.filter(|_| account.user.deleted_at.is_none());
            let Some(waiting) = waiting else { return Err(over()) };
            let first = || Authentications::one(Authentication::own(Method::Password, waiting.until - WAITS));
            let did = waiting.did.clone().unwrap_or_else(first);
            let shown_before = shown_by(&did, account.password_hash.as_deref());
            if waiting.proven != shown_before {
                return Err(over());
            }
            let known = tx.totp(waits.user).await?.filter(|totp| totp.confirmed_at.is_some());
            let tried = match &known {
                Some(totp) => self.try_factor(tx, waits.user, totp, (code, shown_in(&did))).await?,
                None => try_mailed(tx, waits.user, code, &shown_before).await?,
            };
            match tried {
                FactorTried::TooOften(until) => Err(too_often(tx, until)),
                FactorTried::Wrong => self.failed(tx, &account, waits, known.is_some().then(|| shown_in(&did))).await,
                FactorTried::Right(method) => {
                    let did = did.and(Authentication::own(method, tx.now()));
                    self.end_waiting(tx, (&account.user, waits), (&did, method), (&shown, door, call)).await
                }
            }
        })
        .await?
    }

    /// Whether somebody has a second factor on a device, that can be asked for.
    pub(super) async fn has_device(&self, tx: &WriteTx, user: &User) -> Result<bool> {
        let has = tx.on_devices(user.id).await?;
        Ok(has.app || has.passkey && self.offers_passkeys())
    }

    /// Tries a code of the app, or a recovery code. The account is locked.
    pub(super) async fn try_factor(
        &self,
        tx: &WriteTx,
        user: UserId,
        totp: &StoredTotp,
        (code, shown): (&str, ShownIn),
    ) -> Result<FactorTried> {
        if let Some(until) = self.must_wait(tx, user, shown).await? {
            return Ok(FactorTried::TooOften(until));
        }
        let right = match Typed::of(code) {
            Typed::Code(code) => match totp.secret.step_of(&code, tx.now()) {
                Some(step) if tx.use_totp_step(user, step).await? => Some(Method::Totp),
                _ => None,
            },
            Typed::Recovery(code) if tx.use_recovery_code(user, &totp::recovery_hash(&code)).await? => Some(Method::RecoveryCode),
            Typed::Recovery(_) | Typed::Nonsense => None,
        };
        tx.count_factor_attempt(user, right.is_some()).await?;
        Ok(right.map_or(FactorTried::Wrong, FactorTried::Right))
    }

    /// Until when no code of the account is looked at there, right or wrong.
    pub(super) async fn must_wait(&self, tx: &WriteTx, user: UserId, shown: ShownIn) -> Result<Option<Time>> {
        if !self.settings.limits.enabled {
            return Ok(None);
        }
        let [at_once, day] = budgets(user, shown);
        let wait = tx.guess_budget(&at_once).await?.wait(tx.now(), AT_ONCE);
        let wait = match shown {
            // No password counts as known, and nothing else ends: it is the day that is over.
            ShownIn::Mailed => wait.max(tx.guess_budget(&day).await?.wait(tx.now(), A_DAY)),
            ShownIn::SignIn | ShownIn::Session => wait,
        };
        Ok(wait.map(|wait| tx.now() + TimeDelta::from_std(wait).unwrap_or_default()))
    }

    /// Counts a wrong code of the app. `true`: they were too many within a day. Something has to end with them, and the count begins anew.
    pub(super) async fn charge_factor(&self, tx: &WriteTx, user: UserId, shown: ShownIn) -> Result<bool> {
        if !self.settings.limits.enabled {
            return Ok(false);
        }
        let [at_once, day] = budgets(user, shown);
        tx.charge_factor([(&at_once, AT_ONCE), (&day, A_DAY)]).await?;
        if matches!(shown, ShownIn::Mailed) {
            return Ok(false);
        }
        let too_many = tx.guess_budget(&day).await?.wait(tx.now(), A_DAY).is_some();
        if too_many {
            tx.forget_guesses(&day).await?;
        }
        Ok(too_many)
    }

    /// The password counts as known to others. `false`: there is none.
    async fn distrust(&self, tx: &WriteTx, user: &User) -> Result<bool> {
        if !tx.distrust_password(user.id).await? {
            return Ok(false);
        }
        let told = mail(Template::PasswordDistrusted, &user.email, json!({ "link": self.settings.public_url }));
        tx.queue_mail(user.realm, &told).await?;
        Ok(true)
    }

    async fn failed(
        &self,
        tx: &WriteTx,
        account: &Account,
        waits: &Waits,
        guessed: Option<ShownIn>,
    ) -> Result<Change<Result<Arrived>>> {
        let (user, log) = (&account.user, waits.org().unwrap_or(PLATFORM));
        tx.count_sign_in_attempt(&login_throttling::network(tx.origin())).await?;
        let event = Event::LoginFailed { email: user.email.to_string(), reason: "invalid_code".to_owned() };
        let change = Change::new(Err(wrong_code()), log, event).and(log, Event::MfaFailed { user_id: user.id });
        if let Some(shown) = guessed
            && self.charge_factor(tx, user.id, shown).await?
            && self.distrust(tx, user).await?
        {
            let event = Event::PasswordDistrusted { user_id: user.id, reason: "second_factor_guessed" };
            return Ok(change.and(user.realm, event));
        }
        Ok(change)
    }

    async fn end_waiting(
        &self,
        tx: &WriteTx,
        (user, waits): (&User, &Waits),
        (did, method): (&Authentications, Method),
        (shown, door, call): (&Shown, Door<'_>, &Call),
    ) -> Result<Change<Result<Arrived>>> {
        tx.acts(Actor::User { id: user.id, email: user.email.clone() });
        let slug = waits.to.as_ref().map(|(_, slug)| slug);
        // The membership may have ended meanwhile, or the policy become another. What was shown is used up all the same.
        let judged = door.judged(user, did);
        let mut enrols = false;
        let (refusal, log) = match self.entry(tx, user, (waits.org(), door.service()), (&judged, call)).await {
            // The mailed code shows that it is they who get a factor: the flow goes on with that.
            Ok(entry) if entry.wants_device() && door.has_pages() && !self.has_device(tx, user).await? => {
                enrols = true;
                (None, PLATFORM)
            }
            Ok(entry) => (slug.and_then(|slug| entry.refusal(slug)), waits.org().unwrap_or(PLATFORM)),
            Err(e) if e.kind == Kind::Forbidden => (Some(e), PLATFORM),
            Err(e) => return Err(e),
        };
        if let Some(refusal) = refusal {
            tx.end_waiting(user.id, waits.id).await?;
            self.wait_no_more(tx, door).await?;
            let event = Event::LoginFailed { email: user.email.to_string(), reason: refusal.code.to_owned() };
            return Ok(Change::new(Err(refusal), log, event));
        }
        let target = waits.to.as_ref().filter(|_| !enrols);
        let target = target.map_or(For::Platform, |(org, slug)| For::Organization(*org, slug));
        let judges = self.judge(tx, waits.org(), (user.id, way_of(did)), shown).await?;
        let In { admitted, session, told } = self.enter(tx, (user, did), &target, (door, call)).await?;
        if !tx.end_waiting(user.id, waits.id).await? {
            return Err(over());
        }
        tx.challenge_passed(user.id, waits.id, session.id).await?;
        let device = self.trusted_device(shown, user.id, judges.judges(), tx.now())?;
        tx.count_sign_in_attempt(&login_throttling::network(tx.origin())).await?;
        let event = Event::LoginSucceeded { user_id: user.id, session_id: session.id, method: session.method };
        let verified = Event::MfaVerified { user_id: user.id, method: method.as_str() };
        let change = Change::new(Ok(Arrived { admitted, device }), target.org(), event).and(target.org(), verified);
        Ok(telling(change, told))
    }
}

async fn try_mailed(tx: &WriteTx, user: UserId, code: &str, proven: &str) -> Result<FactorTried> {
    // As people type and copy it.
    let code: String = code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    Ok(match tx.try_sign_in_code(user, &code, proven).await? {
        Tried::Right => FactorTried::Right(Method::MailCode),
        Tried::Wrong => FactorTried::Wrong,
        Tried::TooOften(until) => FactorTried::TooOften(until),
    })
}

pub(super) fn too_often(tx: &WriteTx, until: Time) -> Error {
    refuse("guesses", whole_seconds((until - tx.now()).to_std().unwrap_or_default()))
}
