//! The list, and how one of each is made.

use serde_json::json;

use super::{Maker, Noun};
use crate::text;

/// How one is made: `made!(function)` for an async function of a [`Maker`].
macro_rules! made {
    ($make:ident) => {
        |at| Box::pin($make(at))
    };
}

/// Every kind of thing, in the order in which they are made.
pub const NOUNS: &[Noun] = &[
    Noun { parameter: "org_slug", prefix: "", make: made!(organization) },
    Noun { parameter: "org_id", prefix: "org_", make: made!(organization_id) },
    Noun { parameter: "user_id", prefix: "usr_", make: made!(member) },
    Noun { parameter: "role_id", prefix: "role_", make: made!(role) },
    Noun { parameter: "invitation_id", prefix: "inv_", make: made!(invitation) },
    Noun { parameter: "session_id", prefix: "ses_", make: made!(session) },
    Noun { parameter: "webhook_id", prefix: "whk_", make: made!(webhook) },
    Noun { parameter: "delivery_id", prefix: "dlv_", make: made!(delivery) },
    Noun { parameter: "api_key_id", prefix: "apk_", make: made!(api_key) },
    Noun { parameter: "event_id", prefix: "evt_", make: made!(event) },
    Noun { parameter: "token", prefix: "inv_", make: made!(no_token) },
];

async fn organization(at: &Maker<'_>) -> String {
    let slug = at.id("org_slug");
    let answer = at.client.post("/api/organizations", json!({"slug": slug, "name": format!("The {slug} company")})).await.ok();
    at.keep("nobody", &answer);
    at.access.replace(text(&answer["access_token"]));
    slug
}

async fn organization_id(at: &Maker<'_>) -> String {
    text(&at.client.get(&at.path).await.ok()["organization"]["id"])
}

/// A managed account: added by the owner, and nobody has its password.
async fn member(at: &Maker<'_>) -> String {
    let email = format!("bob@{}.example", at.id("org_slug"));
    let invited = at.post_mailed(&email, "invitations", json!({"email": email, "role": "member"})).await;
    at.post(&format!("invitations/{}/accept", text(&invited["invitation"]["id"])), json!({})).await;
    let members = at.get("members").await;
    let mut members = members["members"].as_array().into_iter().flatten();
    text(&members.find(|member| member["user"]["email"] == email).expect("the member that was added")["user"]["id"])
}

async fn role(at: &Maker<'_>) -> String {
    let body = json!({"slug": "helper", "name": "Helper", "permissions": ["webhooks.manage"]});
    text(&at.post("roles", body).await["id"])
}

async fn invitation(at: &Maker<'_>) -> String {
    let email = format!("cy@{}.example", at.id("org_slug"));
    text(&at.post_mailed(&email, "invitations", json!({"email": email, "role": "member"})).await["invitation"]["id"])
}

/// Another sign-in of the owner's, so that ending it takes nothing from the test.
async fn session(at: &Maker<'_>) -> String {
    at.client.login(&at.owner.email, &at.owner.password).await;
    let sessions = at.client.get("/api/user/sessions").await.ok();
    let mut sessions = sessions.as_array().into_iter().flatten();
    text(&sessions.find(|session| session["current"] == false).expect("a session that is not this one")["id"])
}

async fn webhook(at: &Maker<'_>) -> String {
    // What happened so far is numbered first, so that none of it is sent there.
    (at.settle)().await;
    let body = json!({"name": "Hook", "url": "http://127.0.0.1:9/", "events": ["user.removed"]});
    text(&at.post("webhooks", body).await["id"])
}

async fn delivery(at: &Maker<'_>) -> String {
    text(&at.post(&format!("webhooks/{}/test", at.id("webhook_id")), json!({})).await["delivery_id"])
}

async fn api_key(at: &Maker<'_>) -> String {
    text(&at.post("api-keys", json!({"name": "Program", "permissions": ["webhooks.manage"]})).await["id"])
}

async fn event(at: &Maker<'_>) -> String {
    (at.settle)().await;
    text(&at.get("audit-log").await["logs"][0]["id"])
}

/// Of an invitation's page: it works once, so that those who use it make their own.
async fn no_token(_: &Maker<'_>) -> String {
    "inv_nonsense".to_owned()
}
