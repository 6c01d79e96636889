//! Two tenants with one of everything each, and callers of every kind.

use serde_json::json;
use tenantry_tests::{
    Client, TestApp, User,
    everything::{Everything, Ids},
};

use super::access_rules::{Access, Rank};

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
}

impl Caller {
    /// Whether an operation on Acme's things is for this caller.
    pub(crate) fn may(&self, access: Access) -> bool {
        match (self.kind, access) {
            (_, Access::Public) | (Kind::Person(_), Access::SignedIn) => true,
            (Kind::Person(rank), Access::Organization(least)) => rank.is_some_and(|rank| rank >= least),
            (Kind::Person(_), Access::Platform) => false,
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
            (
                "a token whose signature is another's",
                format!("{}.{}", ann.access.rsplit_once('.').unwrap().0, olga.access.rsplit_once('.').unwrap().1),
            ),
        ];
        Self { app, ann, olga, root, acme, other, wrong_tokens, zed, admin, member }
    }

    /// Everybody who has a credential that works.
    pub(crate) fn callers(&self) -> Vec<Caller> {
        let person = |name, client, rank| Caller { name, client, kind: Kind::Person(rank) };
        let app = self.app;
        vec![
            person("an outsider", app.by(&self.zed), None),
            person("another tenant's owner", app.by(&self.olga), None),
            person("another tenant's owner, with a token for it", app.client().bearer(&self.other.access), None),
            person("a member", app.by(&self.member), Some(Rank::Member)),
            person("an admin", app.by(&self.admin), Some(Rank::Admin)),
            person("the owner", app.by(&self.ann), Some(Rank::Owner)),
        ]
    }

    /// Acme's things, in Acme. The member is one of the callers.
    pub(crate) fn in_acme(&self) -> Ids {
        self.acme.ids.clone().with("user_id", &self.member.id)
    }
    /// Acme's things, in Other.
    pub(crate) fn of_acme_in_other(&self) -> Ids {
        self.in_acme().with("org_slug", "other")
    }
}
