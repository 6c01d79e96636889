//! API keys; services, their plans and API keys, and what those keys open.

use serde_json::json;

use super::{
    Maker, Noun, Operation,
    access::{
        Access::{Organization, Public, ServiceKey, SignedIn},
        Rank::{Admin, Member, Owner},
        op,
    },
    made,
};
use crate::text;

pub(super) const NOUNS: &[Noun] = &[
    Noun { parameter: "api_key_id", prefix: "apk_", make: made!(api_key) },
    Noun { parameter: "service_slug", prefix: "", make: made!(service) },
    Noun { parameter: "service_id", prefix: "svc_", make: made!(service_id) },
    Noun { parameter: "plan_id", prefix: "plan_", make: made!(plan) },
    Noun { parameter: "service_key_id", prefix: "apk_", make: made!(service_key) },
    Noun { parameter: "billing_provider", prefix: "", make: made!(billing_credentials) },
    Noun { parameter: "end_user_id", prefix: "usr_", make: made!(end_user) },
];

pub(super) const OPERATIONS: &[Operation] = &[
    op("organizations.apiKeys.create", Organization(Admin)).with(|n| json!({"name": format!("Sweep {n}"), "permissions": []})),
    op("organizations.apiKeys.delete", Organization(Admin)),
    op("organizations.apiKeys.get", Organization(Admin)),
    op("organizations.apiKeys.list", Organization(Admin)),
    op("organizations.apiKeys.rotate", Organization(Admin)),
    op("organizations.apiKeys.update", Organization(Admin)),
    op("organizations.endUsers.get", Organization(Admin)),
    op("organizations.endUsers.list", Organization(Admin)),
    op("organizations.endUsers.revokeSessions", Organization(Admin)),
    op("oauth.authorize", Public),
    op("oauth.authorizeDevice", Public),
    op("oauth.introspect", Public),
    op("oauth.logout", Public),
    op("oauth.logoutAtOnce", Public),
    op("oauth.metadata", Public),
    op("oauth.openidConfiguration", Public),
    op("oauth.postAuthorize", Public),
    op("oauth.postLogout", Public),
    op("oauth.postUserInfo", Public),
    op("oauth.pushRequest", Public),
    op("oauth.revoke", Public),
    op("oauth.token", Public),
    op("oauth.userInfo", Public),
    op("saml.authenticate", Public),
    op("saml.logout", Public),
    op("saml.metadata", Public),
    op("saml.postSignIn", Public),
    op("saml.signIn", Public),
    op("billing.receivePlatform", Public),
    op("billing.receivePlatformStripe", Public),
    op("billing.receivePolar", Public),
    op("billing.receiveStripe", Public),
    op("organizations.billingCredentials.delete", Organization(Admin)),
    op("organizations.billingCredentials.get", Organization(Admin)),
    op("organizations.billingCredentials.set", Organization(Admin))
        .with(|_| json!({"api_key": "sk_test_sweep", "webhook_secret": "whsec_sweep", "mode": "test"})),
    op("organizations.billing.createPortalSession", Organization(Owner))
        .with(|_| json!({"return_url": "https://sweep.example/"})),
    op("organizations.billing.getInfo", Organization(Admin)),
    op("serviceApi.createSubscription", ServiceKey)
        .with(|_| json!({"user_id": "usr_00000000000000000000000000000000", "plan_id": "plan_00000000000000000000000000000000"})),
    op("serviceApi.createUser", ServiceKey).with(|n| json!({"email": format!("sweep{n}@example.com")})),
    op("serviceApi.deleteSubscription", ServiceKey),
    op("serviceApi.deleteUser", ServiceKey),
    op("serviceApi.getAnalytics", ServiceKey),
    op("serviceApi.getInfo", ServiceKey),
    op("serviceApi.getSubscription", ServiceKey),
    op("serviceApi.getUser", ServiceKey),
    op("serviceApi.listSubscriptions", ServiceKey),
    op("serviceApi.listUsers", ServiceKey),
    op("serviceApi.updateInfo", ServiceKey).with(|n| json!({"name": format!("Sweep {n}")})),
    op("serviceApi.updateSubscription", ServiceKey).with(|_| json!({"status": "active"})),
    op("serviceApi.updateUser", ServiceKey).with(|n| json!({"email": format!("moved{n}@example.com")})),
    op("services.apiKeys.create", Organization(Admin)).with(|n| json!({"name": format!("Sweep {n}"), "permissions": []})),
    op("services.apiKeys.delete", Organization(Admin)),
    op("services.apiKeys.get", Organization(Admin)),
    op("services.apiKeys.list", Organization(Admin)),
    op("user.consents.list", SignedIn),
    op("user.consents.revoke", SignedIn),
    op("services.checkout", SignedIn).with(|_| {
        let plan = "plan_00000000000000000000000000000000";
        json!({"plan_id": plan, "success_url": "https://sweep.example/", "cancel_url": "https://sweep.example/"})
    }),
    op("services.create", Organization(Admin))
        .with(|n| json!({"slug": format!("sweep-{n}"), "name": "Sweep", "service_type": "web"})),
    op("services.delete", Organization(Owner)),
    op("services.get", Organization(Admin)),
    op("services.list", Organization(Member)),
    op("services.plans.create", Organization(Admin))
        .with(|n| json!({"name": format!("Sweep {n}"), "price_cents": 0, "currency": "usd"})),
    op("services.plans.delete", Organization(Admin)),
    op("services.plans.list", Organization(Admin)),
    op("services.plans.update", Organization(Admin)).with(|n| json!({"price_cents": n})),
    op("services.rotateSecret", Organization(Admin)),
    op("services.saml.createCertificate", Organization(Admin)),
    op("services.saml.delete", Organization(Admin)),
    op("services.saml.endOverlap", Organization(Admin)),
    op("services.saml.get", Organization(Admin)),
    op("services.saml.getCertificate", Organization(Admin)),
    op("services.saml.getLogin", Organization(Admin)),
    op("services.saml.set", Organization(Admin)).with(|n| {
        let acs = format!("https://sweep{n}.example/acs");
        json!({"enabled": true, "entity_id": "https://sweep.example/saml", "acs_url": acs})
    }),
    op("services.update", Organization(Admin)).with(|n| json!({"name": format!("Sweep {n}")})),
];

async fn api_key(at: &Maker<'_>) -> String {
    text(&at.post("api-keys", json!({"name": "Program", "permissions": ["webhooks.manage"]})).await["id"])
}

async fn service(at: &Maker<'_>) -> String {
    let slug = format!("{}-portal", at.id("org_slug"));
    let made = at.post("services", json!({"slug": slug, "name": "Portal", "service_type": "web"})).await;
    at.keep("nobody", &made["service"]);
    at.post(&format!("services/{slug}/secret/rotate"), json!({})).await;
    let saml =
        json!({"enabled": true, "entity_id": "https://portal.example.com/saml", "acs_url": "https://portal.example.com/acs"});
    at.post(&format!("services/{slug}/saml"), saml).await;
    // Its key is made when somebody needs it.
    at.get(&format!("services/{slug}/saml/certificate")).await;
    slug
}

async fn service_id(at: &Maker<'_>) -> String {
    text(&at.get(&format!("services/{}", at.id("service_slug"))).await["service"]["id"])
}

async fn plan(at: &Maker<'_>) -> String {
    let body = json!({"name": "Team", "price_cents": 4900, "currency": "usd"});
    text(&at.post(&format!("services/{}/plans", at.id("service_slug")), body).await["plan"]["id"])
}

async fn service_key(at: &Maker<'_>) -> String {
    let body = json!({"name": "Backend", "permissions": ["read:users"]});
    text(&at.post(&format!("services/{}/api-keys", at.id("service_slug")), body).await["id"])
}

/// With secrets that are never shown.
async fn billing_credentials(at: &Maker<'_>) -> String {
    let [key, signing] = ["key", "signing"].map(|what| format!("canary-{what}-of-{}-9c3b5e7a1d", at.id("org_slug")));
    let body = json!({"api_key": key, "webhook_secret": signing, "mode": "test"});
    at.post("billing-credentials/stripe", body).await;
    at.secrets.borrow_mut().extend([key, signing].map(|secret| (secret, "nobody".to_owned())));
    "stripe".to_owned()
}

/// With a subscription, made by a program of the service.
async fn end_user(at: &Maker<'_>) -> String {
    let body = json!({"name": "Users", "permissions": ["write:users", "write:subscriptions"]});
    let key = at.post(&format!("services/{}/api-keys", at.id("service_slug")), body).await;
    let program = at.client.bearer(&text(&key["key"]));
    let email = format!("dana@{}.example", at.id("org_slug"));
    let user = text(&program.post("/api/service/users", json!({"email": email})).await.ok()["id"]);
    let body = json!({"user_id": user, "plan_id": at.id("plan_id")});
    program.post("/api/service/subscriptions", body).await.ok();
    user
}
