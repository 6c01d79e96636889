//! A risky sign-in is asked for a code that was mailed to the account's address: whoever signs in shows that they read it. The mailbox is what
//! every account has, so there is always a way in.
//!
//! What answers the password is no token for anything but the code ([`PREAUTH_TYP`]). The code lives for ten minutes and takes five tries, and
//! an account has one at a time: asking again within that time mails nothing and gives no more tries, so that a mail which is slow
//! still fits, a mailbox is not flooded, and whoever knows the password has five guesses of a million in ten minutes.

use chrono::TimeDelta;
use crypto::opaque;
use domain::{
    Actor, Error, Event, OrgId, PLATFORM, Result,
    core::{rate::whole_seconds, value::Slug},
    delivery::mails::{Mail, Template},
    identity::{
        accounts::User,
        authentications::{Authentication, Authentications, Method},
        sessions::{PREAUTH_TYP, PreauthClaims, TokenPair},
    },
};
use serde_json::json;
use store::{
    Change, WriteTx,
    identity::{accounts::Account, risk::Tried},
};
use uuid::Uuid;

use crate::{
    App, Call,
    core::limits::refuse,
    identity::{
        login::SignedIn,
        login_throttling,
        risk::device::Shown,
        tokens::{For, audience},
    },
    mail,
};

/// How long a code works.
const CODE_MINUTES: i64 = 10;
/// How many codes may be tried.
const TRIES: i64 = 5;
/// How long the token between password and code lives, as the contract has it.
const PREAUTH: TimeDelta = TimeDelta::seconds(300);

fn refused() -> Error {
    Error::unauthenticated(
        "invalid_preauth_token",
        "This sign-in is over, or was changed meanwhile. Sign in again with the password.",
    )
}

fn wrong_code() -> Error {
    Error::unauthenticated("invalid_code", "This code is wrong or has run out. The newest mail has the right one.")
}

/// Names the password that a code was asked for with.
pub(crate) fn proven(password_hash: Option<&str>) -> String {
    opaque::hash(password_hash.unwrap_or_default())
}

impl App {
    /// Mails a code, unless one is on its way, and answers what it is to be sent with.
    pub(crate) async fn ask_for_code(
        &self,
        tx: &WriteTx,
        (user, proven): (&User, &str),
        to: Option<&(OrgId, Slug)>,
        (challenge, call): (Uuid, &Call),
    ) -> Result<TokenPair> {
        let [a, b, c, d, ..] = self.ids.secret();
        let code = format!("{:06}", (u64::from(u32::from_be_bytes([a, b, c, d])) * 1_000_000) >> 32);
        let expires_at = tx.now() + TimeDelta::minutes(CODE_MINUTES);
        if tx.put_sign_in_code(user.id, &code, proven, TRIES, expires_at).await? {
            let context = json!({ "code": code, "minutes": CODE_MINUTES, "link": self.settings.public_url });
            let mailed = Mail { language: call.language, ..mail(Template::SignInCode, &user.email, context) };
            tx.queue_mail(user.realm, &mailed).await?;
        }
        let (now, slug) = (tx.now(), to.map(|(_, slug)| slug));
        let claims = PreauthClaims {
            token_use: "mfa_preauth".to_owned(),
            sub: user.id,
            email: user.email.to_string(),
            org: slug.cloned(),
            org_id: to.map(|(org, _)| *org),
            aud: audience(slug),
            iss: self.settings.public_url.clone(),
            jti: challenge,
            mfa_required: true,
            iat: now.timestamp(),
            exp: (now + PREAUTH).timestamp(),
        };
        let access_token = self.sign(PREAUTH_TYP, &claims, now)?;
        Ok(TokenPair { access_token, refresh_token: String::new(), expires_in: PREAUTH.num_seconds() })
    }

    /// Ends a sign-in with the code that was mailed. `Unauthenticated` for a wrong one, `RateLimited` after too many of those.
    pub async fn verify_code(&self, call: &Call, token: &str, code: &str, device: Option<&str>) -> Result<SignedIn> {
        let claims: PreauthClaims = self.verified(token, PREAUTH_TYP, call.now).await.map_err(|_| refused())?;
        // As people type and copy it.
        let code: String = code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        let shown = self.shown_device(device).await?;
        self.anonymously(call, async |tx| {
            let account = tx.lock_account(claims.sub).await.map_err(|_| refused())?;
            if account.user.deleted_at.is_some() {
                return Err(refused());
            }
            match tx.try_sign_in_code(claims.sub, &code, &proven(account.password_hash.as_deref())).await? {
                Tried::TooOften(until) => Err(refuse("guesses", whole_seconds((until - tx.now()).to_std().unwrap_or_default()))),
                Tried::Wrong => {
                    tx.count_sign_in_attempt(&login_throttling::network(tx.origin())).await?;
                    let event = Event::LoginFailed { email: account.user.email.to_string(), reason: "invalid_code".to_owned() };
                    Ok(Change::new(Err(wrong_code()), claims.org_id.unwrap_or(PLATFORM), event))
                }
                Tried::Right => Ok(self.end_challenge(tx, account, &claims, &shown, call).await?.map(Ok)),
            }
        })
        .await?
    }

    async fn end_challenge(
        &self,
        tx: &WriteTx,
        account: Account,
        claims: &PreauthClaims,
        shown: &Shown,
        call: &Call,
    ) -> Result<Change<SignedIn>> {
        let user = account.user;
        tx.acts(Actor::User { id: user.id, email: user.email.clone() });
        let to = claims.org_id.zip(claims.org.clone());
        let did = Authentications::one(Authentication { method: Method::Password, at: claims.iat, through: None })
            .and(Authentication::own(Method::MailCode, tx.now()));
        let entry = self.entry(tx, &user, claims.org_id, (&did, call)).await?;
        // The policy may have become another meanwhile.
        if let Some(refusal) = claims.org.as_ref().and_then(|slug| entry.refusal(slug)) {
            return Err(refusal);
        }
        let target = to.as_ref().map_or(For::Platform, |(org, slug)| For::Organization(*org, slug));
        let judges = self.judge(tx, claims.org_id, user.id, shown).await?;
        let (tokens, session) = self.enter(tx, (&user, &did), &target, call).await?;
        if !tx.challenge_passed(user.id, claims.jti, session.id).await? {
            return Err(refused());
        }
        let device = self.trusted_device(shown, user.id, judges.judges(), tx.now())?;
        tx.count_sign_in_attempt(&login_throttling::network(tx.origin())).await?;
        let event = Event::LoginSucceeded { user_id: user.id, session_id: session.id, method: session.method };
        Ok(Change::new(SignedIn { tokens, device }, target.org(), event))
    }
}
