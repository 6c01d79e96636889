//! Accounts and sessions.

use serde_json::json;

use super::{
    Maker, Noun, Operation,
    access::{
        Access::{Organization, Public, SignedIn},
        Rank::Admin,
        op,
    },
    made,
};
use crate::{PasskeyDevice, text};

pub(super) const NOUNS: &[Noun] = &[
    Noun { parameter: "session_id", prefix: "ses_", make: made!(session) },
    Noun { parameter: "passkey_id", prefix: "psk_", make: made!(passkey) },
    Noun { parameter: "provider_id", prefix: "con_", make: made!(connection) },
];

pub(super) const OPERATIONS: &[Operation] = &[
    op("organizations.upstreamProviders.create", Organization(Admin)).with(connection_to),
    op("organizations.upstreamProviders.delete", Organization(Admin)),
    op("organizations.upstreamProviders.get", Organization(Admin)),
    op("organizations.upstreamProviders.list", Organization(Admin)),
    op("organizations.upstreamProviders.listAttempts", Organization(Admin)),
    op("organizations.upstreamProviders.listIdentities", Organization(Admin)),
    op("organizations.upstreamProviders.test", Organization(Admin)),
    op("organizations.upstreamProviders.testSignIn", Organization(Admin)),
    op("organizations.upstreamProviders.unlinkIdentity", Organization(Admin)),
    op("organizations.upstreamProviders.update", Organization(Admin)).with(|_| json!({"jit": true})),
    op("auth.deviceCode.exchangeToken", Public),
    op("auth.deviceCode.request", Public),
    op("auth.deviceCode.verify", Public),
    op("auth.forgotPassword", Public),
    op("auth.getContext", Public),
    op("auth.lookupEmail", Public),
    op("auth.login", Public),
    op("auth.logout", SignedIn),
    op("auth.magicLinks.request", Public),
    op("auth.magicLinks.verify", Public),
    op("auth.passkeys.beginAuthentication", Public),
    op("auth.passkeys.beginRegistration", SignedIn),
    op("auth.passkeys.delete", SignedIn),
    op("auth.passkeys.finishAuthentication", Public),
    op("auth.passkeys.finishRegistration", SignedIn)
        .with(|_| json!({"challenge_id": "pkc_00000000000000000000000000000000", "credential": {}, "name": "Sweep"})),
    op("auth.passkeys.list", SignedIn),
    op("auth.passkeys.update", SignedIn).with(|n| json!({"name": format!("Sweep {n}")})),
    op("auth.refreshToken", Public),
    op("auth.register", Public),
    op("auth.resendVerification", Public),
    op("auth.resetPassword", Public),
    op("auth.revoke", Public),
    op("auth.verifyEmail", Public),
    op("auth.verifyMfa", Public),
    op("organizations.riskSettings.get", Organization(Admin)),
    op("privacy.export", SignedIn),
    op("privacy.forget", SignedIn),
    op("organizations.riskSettings.reset", Organization(Admin)),
    op("organizations.riskSettings.update", Organization(Admin)).with(|n| json!({"new_device_score": n % 100})),
    op("organizations.security.getRiskEvents", Organization(Admin)),
    op("organizations.signIn.simulate", Organization(Admin)).with(|_| json!({"email": "ann@example.com"})),
    op("organizations.signInPolicy.get", Organization(Admin)),
    op("organizations.signInPolicy.update", Organization(Admin)).with(|n| json!({"max_age_seconds": 86_400 + n})),
    op("user.changePassword", SignedIn).with(|_| json!({"current_password": "wrong wrong", "new_password": "wrong wrong"})),
    op("user.confirmEmail", Public),
    op("user.getProfile", SignedIn),
    op("user.identities.list", SignedIn),
    op("user.identities.startLink", SignedIn),
    op("user.identities.unlink", SignedIn),
    op("user.mfa.disable", SignedIn),
    op("user.mfa.getStatus", SignedIn),
    op("user.mfa.regenerateBackupCodes", SignedIn),
    op("user.mfa.setup", SignedIn),
    op("user.mfa.verify", SignedIn).with(|_| json!({"code": "000000"})),
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

/// On a device of the owner's.
async fn passkey(at: &Maker<'_>) -> String {
    PasskeyDevice::of(&at.client).register(&at.client, "Sweep").await
}

/// Nobody listens there.
fn connection_to(n: usize) -> serde_json::Value {
    json!({
        "connection_id": format!("sweep-{n}"), "name": "Sweep", "provider_type": "oauth2", "client_id": "sweep", "client_secret": "sweep",
        "authorization_url": "http://127.0.0.1:9/a", "token_url": "http://127.0.0.1:9/t", "userinfo_url": "http://127.0.0.1:9/u",
    })
}

/// With a secret, which is never shown.
async fn connection(at: &Maker<'_>) -> String {
    let secret = format!("canary-client-secret-of-{}-6b1f0c9d2e", at.id("org_slug"));
    let mut body = connection_to(0);
    (body["connection_id"], body["client_secret"]) = (json!("upstream"), json!(secret));
    at.secrets.borrow_mut().push((secret, "nobody".to_owned()));
    text(&at.client.post(&format!("{}/upstream-providers", at.path), body).await.ok()["id"])
}
