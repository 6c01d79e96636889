//! A sign-in that needs a second factor, of an account that has enrolled none, is asked for a code that was mailed to the account's address:
//! whoever signs in shows that they read it. The mailbox is what every account has, so there is always a way in.
//!
//! The code lives for ten minutes and takes five tries, and an account has one at a time: asking again within that time mails nothing and
//! gives no more tries, so that a mail which is slow still fits, a mailbox is not flooded, and whoever knows the password has five guesses
//! of a million in ten minutes.

use chrono::TimeDelta;
use crypto::opaque;
use domain::{
    Result,
    delivery::mails::{Mail, Template},
    identity::accounts::User,
};
use serde_json::json;
use store::WriteTx;

use crate::{App, Call, mail};

/// How long a code works.
const CODE_MINUTES: i64 = 10;
/// How many codes may be tried.
const TRIES: i64 = 5;

/// Names the password that a code was asked for with.
pub(crate) fn proven(password_hash: Option<&str>) -> String {
    opaque::hash(password_hash.unwrap_or_default())
}

impl App {
    /// Mails a code, unless one is on its way.
    pub(crate) async fn mail_code(&self, tx: &WriteTx, (user, proven): (&User, &str), call: &Call) -> Result<()> {
        let [a, b, c, d, ..] = self.ids.secret();
        let code = format!("{:06}", (u64::from(u32::from_be_bytes([a, b, c, d])) * 1_000_000) >> 32);
        let expires_at = tx.now() + TimeDelta::minutes(CODE_MINUTES);
        if tx.put_sign_in_code(user.id, &code, proven, TRIES, expires_at).await? {
            let context = json!({ "code": code, "minutes": CODE_MINUTES, "link": self.settings.public_url });
            let mailed = Mail { language: call.language, ..mail(Template::SignInCode, &user.email, context) };
            tx.queue_mail(user.realm, &mailed).await?;
        }
        Ok(())
    }
}
