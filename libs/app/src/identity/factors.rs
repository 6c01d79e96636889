//! Enrolling a second factor, and taking it away. Both take more than a session that lies about: a sign-in within the last 15 minutes, by
//! something of the person's own, and where there is a factor already, with that (T25). Every change is told to the account's address, and
//! to the organizations that the person is a member of.

use crypto::totp::{self, TotpSecret};
use domain::{
    Error, Event, PLATFORM, Result, UserId,
    authorization::policy,
    core::value::Email,
    delivery::mails::Template,
    events::analytics::Day,
    identity::{
        accounts::{Person, User},
        authentications::{Authentication, Method},
        factors::{Enrolled, FactorFigures, RECOVERY_CODES, SET_UP_LASTS, Suspicious, Typed},
    },
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Change, NoEvent, WriteTx, identity::factors::StoredTotp};

use super::second_factor::{FactorTried, ShownIn, too_often};
use crate::{App, Caller, core::admission::Place, mail};

/// An authenticator app that was set up; shown once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SetUp {
    /// As people type it into an app.
    pub secret: String,
    /// What an app reads as a QR code.
    pub url: String,
    /// Each works once, when the app is lost.
    pub recovery_codes: Vec<String>,
}

fn wrong() -> Error {
    Error::field("code", "wrong", "This code is wrong, or was used. Take the newest one of your app.")
}

fn not_enrolled() -> Error {
    Error::conflict("mfa_not_enabled", "There is no second factor to change. Set one up first.")
}

impl App {
    /// What the caller has enrolled.
    pub async fn own_factors(&self, c: &Caller) -> Result<Enrolled> {
        let person = self.reader(c).await?;
        person.require_unconfined()?;
        self.store.own_factors(policy::own(&person)).await
    }

    /// Sets an authenticator app up, which counts once a code of it is shown. `Conflict` (`mfa_enabled`) if there is one; `Forbidden`
    /// (`recent_sign_in_required`) unless the sign-in is fresh or the password is sent.
    pub async fn set_up_totp(&self, c: &Caller, password: Option<&str>) -> Result<SetUp> {
        let person = self.person(c).await?;
        person.require_unconfined()?;
        self.demand_presence(c, &person, password).await?;
        self.as_person(c, async |tx, person| {
            tx.lock_account(person.id).await?;
            if tx.enrolled(person.id).await?.totp_since.is_some() {
                return Err(Error::conflict("mfa_enabled", "There is an authenticator app already. Take it away first."));
            }
            let secret = TotpSecret::generate(self.ids.as_ref());
            tx.put_totp(person.id, &secret).await?;
            let recovery_codes = self.new_recovery_codes(tx, person.id).await?;
            Ok(Change::silent(shown(&secret, &person.email, recovery_codes), NoEvent::Housekeeping))
        })
        .await
    }

    async fn new_recovery_codes(&self, tx: &WriteTx, user: UserId) -> Result<Vec<String>> {
        let codes: Vec<_> = (0..RECOVERY_CODES).map(|_| totp::recovery_code(self.ids.as_ref())).collect();
        let hashes: Vec<_> = codes.iter().map(|code| code.hash.clone()).collect();
        tx.put_recovery_codes(user, &hashes).await?;
        Ok(codes.into_iter().map(|code| code.text).collect())
    }

    /// What was set up and is not confirmed yet, for who could not confirm it; without recovery codes. `Conflict` (`mfa_not_enabled`).
    pub async fn unconfirmed_app(&self, c: &Caller) -> Result<SetUp> {
        self.as_person(c, async |tx, person| {
            let totp = tx.totp(person.id).await?.filter(|totp| totp.confirmed_at.is_none()).ok_or_else(not_enrolled)?;
            Ok(Change::silent(shown(&totp.secret, &person.email, Vec::new()), NoEvent::Housekeeping))
        })
        .await
    }

    /// Confirms an app that was set up, by a code of it; or shows the second factor in a session that has not. Either way the session has two
    /// from now on. `Invalid` for a wrong code, `RateLimited` after too many. After too many within a day the session ends: whoever holds it does
    /// not hold the factor.
    pub async fn confirm_factor(&self, c: &Caller, code: &str) -> Result<()> {
        self.confirm_at(c, (code, false)).await.map(|_| ())
    }

    /// Confirms an app that was set up as [`App::confirm_factor`], and answers recovery codes in the place of those that it was set up with.
    pub async fn confirm_new_app(&self, c: &Caller, code: &str) -> Result<Vec<String>> {
        self.confirm_at(c, (code, true)).await
    }

    async fn confirm_at(&self, c: &Caller, (code, codes): (&str, bool)) -> Result<Vec<String>> {
        self.write(c, self.admit_write(c.who.id(), Place::Own).await?, async |tx| {
            let person = tx.person(&c.who).await?;
            let user = tx.lock_account(person.id).await?.user;
            let counts = |totp: &StoredTotp| totp.confirmed_at.is_some() || tx.now() - totp.set_up_at <= SET_UP_LASTS;
            let Some(totp) = tx.totp(user.id).await?.filter(counts) else { return Err(not_enrolled()) };
            let is_new = totp.confirmed_at.is_none();
            let tried = match is_new {
                true => self.confirm(tx, &user, &totp, code).await?,
                // Somebody else set it up meanwhile: who asks for codes would get them for an app that is not theirs.
                false if codes => return Err(not_enrolled()),
                false => self.try_factor(tx, user.id, &totp, (code, ShownIn::Session)).await?,
            };
            match tried {
                FactorTried::TooOften(until) => Err(too_often(tx, until)),
                FactorTried::Wrong => self.wrong_in_session(tx, &person, &user, is_new).await,
                FactorTried::Right(method) => {
                    tx.session_did(user.id, person.session, Authentication::own(method, tx.now())).await?;
                    let codes = if codes { self.new_recovery_codes(tx, user.id).await? } else { Vec::new() };
                    if is_new {
                        return Ok(self.enabled(tx, &user).await?.map(|()| Ok(codes)));
                    }
                    let event = Event::MfaVerified { user_id: user.id, method: method.as_str() };
                    Ok(Change::new(Ok(codes), user.realm, event))
                }
            }
        })
        .await?
    }

    async fn wrong_in_session(
        &self,
        tx: &WriteTx,
        person: &Person,
        user: &User,
        is_new: bool,
    ) -> Result<Change<Result<Vec<String>>>> {
        let refused = Err(wrong());
        let change = match is_new {
            true => Change::silent(refused, NoEvent::Housekeeping),
            false => Change::new(refused, user.realm, Event::MfaFailed { user_id: user.id }),
        };
        if !self.charge_factor(tx, user.id, ShownIn::Session).await? {
            return Ok(change);
        }
        tx.revoke_session(user.id, person.session).await?;
        let ended = Event::SessionsRevoked { user_id: user.id, count: 1, reason: "second_factor_guessed".to_owned() };
        Ok(change.and(user.realm, ended))
    }

    /// The code of an app that is not confirmed yet. Whoever holds the session need not be who has seen the secret.
    async fn confirm(&self, tx: &WriteTx, user: &User, totp: &StoredTotp, code: &str) -> Result<FactorTried> {
        if let Some(until) = self.must_wait(tx, user.id, ShownIn::Session).await? {
            return Ok(FactorTried::TooOften(until));
        }
        let Typed::Code(code) = Typed::of(code) else { return Ok(FactorTried::Wrong) };
        match totp.secret.step_of(&code, tx.now()) {
            Some(step) if tx.confirm_totp(user.id, step).await? => Ok(FactorTried::Right(Method::Totp)),
            _ => Ok(FactorTried::Wrong),
        }
    }

    async fn enabled(&self, tx: &WriteTx, user: &User) -> Result<Change<()>> {
        self.tell(tx, user, Template::MfaEnabled).await?;
        let event = Event::MfaEnabled { user_id: user.id, method: Method::Totp.as_str() };
        let told = tx.member_of(user.id).await?.into_iter().map(|org| (org, Event::MemberMfaEnabled { user_id: user.id }));
        Ok(told.fold(Change::new((), user.realm, event), |change, (org, event)| change.and(org, event)))
    }

    async fn disabled(&self, tx: &WriteTx, user: &User, reason: &'static str) -> Result<Change<()>> {
        self.tell(tx, user, Template::MfaDisabled).await?;
        let event = Event::MfaDisabled { user_id: user.id, reason };
        let told =
            tx.member_of(user.id).await?.into_iter().map(|org| (org, Event::MemberMfaDisabled { user_id: user.id, reason }));
        Ok(told.fold(Change::new((), user.realm, event), |change, (org, event)| change.and(org, event)))
    }

    async fn tell(&self, tx: &WriteTx, user: &User, template: Template) -> Result<()> {
        tx.queue_mail(user.realm, &mail(template, &user.email, json!({ "link": self.settings.public_url }))).await
    }

    /// Takes the caller's second factors away. `Conflict` (`mfa_not_enabled`); `Forbidden` (`recent_sign_in_required`) unless the sign-in is fresh, with
    /// both factors.
    pub async fn drop_own_factors(&self, c: &Caller) -> Result<()> {
        self.as_person(c, async |tx, person| {
            let user = tx.lock_account(person.id).await?.user;
            self.changes_factors(tx, person).await?;
            tx.drop_factors(user.id).await?;
            self.disabled(tx, &user, "user").await
        })
        .await
    }

    /// New recovery codes for the caller, in the place of those that are left; shown once. Refused as [`App::drop_own_factors`].
    pub async fn renew_recovery_codes(&self, c: &Caller) -> Result<Vec<String>> {
        self.as_person(c, async |tx, person| {
            let user = tx.lock_account(person.id).await?.user;
            self.changes_factors(tx, person).await?;
            let codes = self.new_recovery_codes(tx, user.id).await?;
            self.tell(tx, &user, Template::RecoveryCodesRenewed).await?;
            Ok(Change::new(codes, user.realm, Event::RecoveryCodesRenewed { user_id: user.id }))
        })
        .await
    }

    async fn changes_factors(&self, tx: &WriteTx, person: &Person) -> Result<()> {
        if tx.enrolled(person.id).await?.totp_since.is_none() {
            return Err(not_enrolled());
        }
        demand_whole_sign_in(tx, person).await
    }

    /// What an account has enrolled, for who operates the platform. `NotFound`.
    pub async fn platform_factors(&self, c: &Caller, id: UserId) -> Result<Enrolled> {
        let principal = self.principal(c).await?;
        let scope = policy::platform(&principal)?;
        self.store.user_detail(scope, id, c.call.now).await?;
        self.store.factors_of(scope, id).await
    }

    /// Takes somebody's second factors away, who has lost them. `NotFound`; `Conflict` (`mfa_not_enabled`); `Forbidden` (`recent_sign_in_required`)
    /// unless the operator's own sign-in is fresh, with both factors if they have two: it takes a person to vouch for another, or for oneself.
    pub async fn reset_factors(&self, c: &Caller, id: UserId) -> Result<()> {
        self.as_operator(c, async |tx, scope| {
            let user = tx.lock_account(id).await?.user;
            demand_whole_sign_in(tx, scope.require_person()?).await?;
            if tx.enrolled(user.id).await?.totp_since.is_none() {
                return Err(not_enrolled());
            }
            tx.drop_factors(user.id).await?;
            let change = self.disabled(tx, &user, "platform").await?;
            Ok(change.and(PLATFORM, Event::PlatformMfaReset { user_id: user.id }))
        })
        .await
    }

    /// The platform's second factors in numbers, of now and today.
    pub async fn factor_figures(&self, c: &Caller) -> Result<FactorFigures> {
        let principal = self.principal(c).await?;
        let scope = policy::platform(&principal)?;
        self.heavy_read(PLATFORM, self.store.factor_figures(scope, Day::of(c.call.now))).await
    }

    /// The same, kept as the figures of today.
    pub async fn keep_factor_figures(&self, c: &Caller) -> Result<FactorFigures> {
        // Counting goes through many rows, which no transaction that writes should wait for.
        let counted = self.factor_figures(c).await?;
        self.as_operator(c, async |tx, scope| {
            tx.keep_factor_figures(scope, &counted).await?;
            Ok(Change::silent(counted, NoEvent::Housekeeping))
        })
        .await
    }

    /// The figures that were kept, of each day, the newest first, with when they were counted.
    pub async fn factor_days(&self, c: &Caller) -> Result<Vec<(String, FactorFigures, domain::Time)>> {
        let principal = self.principal(c).await?;
        self.store.factor_days(policy::platform(&principal)?).await
    }

    /// The accounts at which second factors were guessed at since yesterday.
    pub async fn guessed_at(&self, c: &Caller) -> Result<Vec<Suspicious>> {
        let principal = self.principal(c).await?;
        self.store.guessed_at(policy::platform(&principal)?, Day::of(c.call.now).plus(-1)).await
    }
}

fn shown(secret: &TotpSecret, email: &Email, recovery_codes: Vec<String>) -> SetUp {
    SetUp { secret: secret.to_base32(), url: secret.url("Tenantry", email.as_str()), recovery_codes }
}

/// A sign-in of just now, with the second factor if there is one.
pub(super) async fn demand_whole_sign_in(tx: &WriteTx, person: &Person) -> Result<()> {
    let has_two = tx.enrolled(person.id).await?.totp_since.is_some();
    if person.is_fresh(tx.now()) && (!has_two || person.has_fresh_factor(tx.now())) {
        return Ok(());
    }
    let message = "Sign in again, with your password and the second factor if you have one.";
    Err(Error::forbidden("recent_sign_in_required", message))
}
