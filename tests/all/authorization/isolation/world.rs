//! Two tenants with one of everything each, and callers of every kind.

use domain::{applications::service_keys::ServicePermission, tenancy::roles::Caps};
use serde_json::json;
use tenantry_tests::{
    Client, TestApp, User,
    everything::{Access, Everything, Ids, Rank, access},
    text,
};

use super::document::Operation;

/// The two tenants.
pub(crate) struct World<'a> {
    pub(crate) app: &'a TestApp,
    /// Owner of Acme.
    pub(crate) ann: User,
    /// Owner of Other.
    pub(crate) olga: User,
    /// Platform owner.
    pub(crate) root: User,
    pub(crate) acme: Everything,
    pub(crate) other: Everything,
    /// What is no access token.
    pub(crate) wrong_tokens: Vec<(&'static str, String)>,
    /// A member of nothing.
    pub(crate) zed: User,
    admin: User,
    member: User,
    /// Secrets of API keys: Acme's with everything and with nothing, and Other's.
    keys: [(&'static str, String, Holds); 3],
    /// Secrets of API keys of Acme's service: with everything and with nothing.
    service_keys: [(&'static str, String, Holds); 2],
}

/// Somebody, or something, that a credential of its own lets in.
pub(crate) struct Caller {
    pub(crate) name: &'static str,
    pub(crate) client: Client,
    kind: Kind,
}

/// The kinds of callers. A new one says in [`Caller::may`] what is for it.
#[derive(Clone, Copy)]
enum Kind {
    /// Somebody who signed in, with their rank in Acme.
    Person(Option<Rank>),
    /// An API key of Acme that holds this, or one of another tenant's.
    Key(Holds),
    /// An API key of Acme's service that holds this.
    ServiceKey(Holds),
}

/// What an API key holds in Acme.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Everything,
    Nothing,
    /// It is another tenant's.
    Elsewhere,
}

impl Caller {
    /// Whether it is somebody, and no program.
    pub(crate) fn is_person(&self) -> bool {
        matches!(self.kind, Kind::Person(_))
    }
    /// Whether an operation on Acme's things is for this caller.
    pub(crate) fn may(&self, operation: &Operation) -> bool {
        match (self.kind, access(&operation.id)) {
            (_, Access::Public) | (Kind::Person(_), Access::SignedIn) => true,
            (Kind::Person(rank), Access::Organization(least)) => rank.is_some_and(|rank| rank >= least),
            // What the table says of programs is in the permission matrix, and the document says it from there.
            (Kind::Key(holds), Access::Organization(_)) => {
                let said = |sentence: &str| operation.description.contains(sentence);
                match holds {
                    Holds::Everything => said("An API key of the organization"),
                    Holds::Nothing => said("An API key of the organization will do."),
                    Holds::Elsewhere => false,
                }
            }
            (Kind::ServiceKey(holds), Access::ServiceKey) => holds == Holds::Everything,
            (Kind::Person(_), Access::Platform | Access::ServiceKey)
            | (Kind::Key(_), Access::SignedIn | Access::Platform | Access::ServiceKey)
            | (Kind::ServiceKey(_), Access::SignedIn | Access::Platform | Access::Organization(_)) => false,
        }
    }
}

impl<'a> World<'a> {
    pub(crate) async fn new(app: &'a TestApp) -> Self {
        let (ann, olga, zed) =
            (app.sign_up("ann@example.com").await, app.sign_up("olga@example.com").await, app.sign_up("zed@example.com").await);
        let (acme, other) = (app.everything(&ann, "acme").await, app.everything(&olga, "other").await);
        let root = app.platform_owner().await;
        // The smallest tier has no seats for all of them.
        let tier = acme.ids.path("/api/platform/organizations/{org_id}/tier");
        app.by(&root).patch(&tier, json!({"tier_id": "tier_enterprise"})).await.ok();
        let key = async |by: &User, org: &str, holds: Holds| {
            let (name, permissions) = match holds {
                Holds::Nothing => ("With nothing", Vec::new()),
                _ => ("With everything", Caps::FOR_PROGRAMS.names()),
            };
            let body = json!({"name": name, "permissions": permissions});
            text(&app.by(by).post(&format!("/api/organizations/{org}/api-keys"), body).await.ok()["secret"])
        };
        let keys = [
            ("an API key with everything", key(&ann, "acme", Holds::Everything).await, Holds::Everything),
            ("an API key with nothing", key(&ann, "acme", Holds::Nothing).await, Holds::Nothing),
            ("another tenant's API key", key(&olga, "other", Holds::Elsewhere).await, Holds::Elsewhere),
        ];
        let service = acme.ids.path("/api/organizations/{org_slug}/services/{service_slug}/api-keys");
        let service_key = async |name: &str, permissions: &[&str]| {
            let body = json!({"name": name, "permissions": permissions});
            text(&app.by(&ann).post(&service, body).await.ok()["key"])
        };
        let all: Vec<_> = ServicePermission::ALL.iter().map(|permission| permission.as_str()).collect();
        let service_keys = [
            ("a service's API key with everything", service_key("With everything", &all).await, Holds::Everything),
            ("a service's API key with nothing", service_key("With nothing", &[]).await, Holds::Nothing),
        ];
        for (_, secret, _) in &service_keys {
            app.client().bearer(secret).get("/api/service/info").await;
        }
        // The first use is recorded; it is not what the sweep is about.
        for (_, secret, _) in &keys {
            app.client().bearer(secret).get("/api/organizations/acme").await;
        }
        let revoked =
            app.by(&ann).post("/api/organizations/acme/api-keys", json!({"name": "Revoked", "permissions": []})).await.ok();
        app.by(&ann).delete(&format!("/api/organizations/acme/api-keys/{}", text(&revoked["id"]))).await.done();
        let admin = app.member(&ann, "acme", "admin@example.com", "admin").await;
        let member = app.member(&ann, "acme", "member@example.com", "member").await;
        app.client().post("/api/auth/forgot-password", json!({"email": "ann@example.com"})).await.ok();
        let (_, invitation) = app.invite(&ann, "acme", "guest@example.com", "member").await;
        app.worker().await;
        let wrong_tokens = vec![
            ("an invitation's token", invitation),
            ("a refresh token", ann.refresh.clone()),
            ("a reset link's token", app.mailed_token("ann@example.com", "reset-password")),
            ("a user's id", ann.id.clone()),
            ("an API key that was revoked", text(&revoked["secret"])),
            (
                "a token whose signature is another's",
                format!("{}.{}", ann.access.rsplit_once('.').unwrap().0, olga.access.rsplit_once('.').unwrap().1),
            ),
        ];
        Self { app, ann, olga, root, acme, other, wrong_tokens, zed, admin, member, keys, service_keys }
    }

    /// Everybody who has a credential that works.
    pub(crate) fn callers(&self) -> Vec<Caller> {
        let person = |name, client, rank| Caller { name, client, kind: Kind::Person(rank) };
        let app = self.app;
        let key = |(name, secret, holds): &(&'static str, String, Holds)| Caller {
            name,
            client: app.client().bearer(secret),
            kind: Kind::Key(*holds),
        };
        let people = [
            person("an outsider", app.by(&self.zed), None),
            person("another tenant's owner", app.by(&self.olga), None),
            person("another tenant's owner, with a token for it", app.client().bearer(&self.other.access), None),
            person("a member", app.by(&self.member), Some(Rank::Member)),
            person("an admin", app.by(&self.admin), Some(Rank::Admin)),
            person("the owner", app.by(&self.ann), Some(Rank::Owner)),
        ];
        let service_key = |(name, secret, holds): &(&'static str, String, Holds)| Caller {
            name,
            client: app.client().bearer(secret),
            kind: Kind::ServiceKey(*holds),
        };
        people.into_iter().chain(self.keys.iter().map(key)).chain(self.service_keys.iter().map(service_key)).collect()
    }

    /// Acme's things, in Acme. The member in a path is none of the callers: everybody may leave by their own id.
    pub(crate) fn in_acme(&self) -> Ids {
        self.acme.ids.clone()
    }
    /// Acme's things, in Other.
    pub(crate) fn of_acme_in_other(&self) -> Ids {
        self.in_acme().with("org_slug", "other")
    }
}
