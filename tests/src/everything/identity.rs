//! Accounts and sessions.

use serde_json::json;

use super::{
    Maker, Noun, Operation,
    access::{
        Access::{Public, SignedIn},
        op,
    },
    made,
};
use crate::text;

pub(super) const NOUNS: &[Noun] = &[Noun { parameter: "session_id", prefix: "ses_", make: made!(session) }];

pub(super) const OPERATIONS: &[Operation] = &[
    op("auth.forgotPassword", Public),
    op("auth.login", Public),
    op("auth.logout", SignedIn),
    op("auth.refreshToken", Public),
    op("auth.register", Public),
    op("auth.resendVerification", Public),
    op("auth.resetPassword", Public),
    op("auth.revoke", Public),
    op("auth.verifyEmail", Public),
    op("user.changePassword", SignedIn).with(|_| json!({"current_password": "wrong wrong", "new_password": "wrong wrong"})),
    op("user.confirmEmail", Public),
    op("user.getProfile", SignedIn),
    op("user.sessions.list", SignedIn),
    op("user.sessions.revoke", SignedIn),
    op("user.sessions.revokeOthers", SignedIn),
    op("user.updateProfile", SignedIn),
];

/// Another sign-in of the owner's, so that ending it takes nothing from the test.
async fn session(at: &Maker<'_>) -> String {
    at.client.login(&at.owner.email, &at.owner.password).await;
    let sessions = at.client.get("/api/user/sessions").await.ok();
    let mut sessions = sessions.as_array().into_iter().flatten();
    text(&sessions.find(|session| session["current"] == false).expect("a session that is not this one")["id"])
}
