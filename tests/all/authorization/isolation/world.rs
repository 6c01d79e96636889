//! Two tenants with one of everything each, and people of every kind.

use serde_json::json;
use tenantry_tests::{Client, TestApp, User, text};

use super::doors::Rank;

/// The two tenants.
pub(crate) struct World<'a> {
    pub(crate) app: &'a TestApp,
    /// Owner of Acme.
    pub(crate) ann: User,
    /// Owner of Other.
    pub(crate) olga: User,
    /// Platform owner.
    pub(crate) root: User,
    pub(crate) acme_id: String,
    pub(crate) other_id: String,
    /// A token of Olga's for Other.
    pub(crate) other_token: String,
    /// An invitation to Acme that waits.
    pub(crate) invitation: String,
    /// A session of Ann's.
    pub(crate) session: String,
    /// What is no access token.
    pub(crate) wrong_tokens: Vec<(&'static str, String)>,
    /// A member of nothing.
    pub(crate) zed: User,
    admin: User,
    member: User,
    role: String,
    webhook: String,
    event: String,
    delivery: String,
}

const NEVER: &str = "00000000000000000000000000000000";

impl<'a> World<'a> {
    pub(crate) async fn new(app: &'a TestApp) -> Self {
        let (ann, olga, zed) =
            (app.sign_up("ann@example.com").await, app.sign_up("olga@example.com").await, app.sign_up("zed@example.com").await);
        let (acme, other) = (app.create_org(&ann, "acme").await, app.create_org(&olga, "other").await);
        let root = app.platform_owner().await;
        let admin = app.member(&ann, "acme", "admin@example.com", "admin").await;
        let member = app.member(&ann, "acme", "member@example.com", "member").await;
        let role = app.role(&ann, "acme", "support", &["audit_logs.view"]).await;
        let hook = json!({"name": "Hook", "url": "http://127.0.0.1:9/", "events": ["user.removed"]});
        let webhook = text(&app.by(&ann).post(&acme.at("webhooks"), hook).await.ok()["id"]);
        let test = acme.at(&format!("webhooks/{webhook}/test"));
        let delivery = text(&app.by(&ann).post_empty(&test).await.ok()["delivery_id"]);
        let (invitation, token) = app.invite(&ann, "acme", "guest@example.com", "member").await;
        app.client().post("/api/auth/forgot-password", json!({"email": "ann@example.com"})).await.ok();
        app.worker().await;
        app.run_jobs().await;
        let event = text(&app.by(&ann).get(&acme.at("audit-log")).await.ok()["logs"][0]["id"]);
        // Nobody listens there; it must not be tried again in the middle of a sweep.
        app.execute("update deliveries set state = 3").await;
        let sessions = app.by(&ann).get("/api/user/sessions").await.ok();
        let wrong_tokens = vec![
            ("an invitation's token", token),
            ("a refresh token", ann.refresh.clone()),
            ("a reset link's token", app.mailed_token("ann@example.com", "reset-password")),
            ("a user's id", ann.id.clone()),
            (
                "a token whose signature is another's",
                format!("{}.{}", ann.access.rsplit_once('.').unwrap().0, olga.access.rsplit_once('.').unwrap().1),
            ),
        ];
        Self {
            app,
            session: text(&sessions[0]["id"]),
            acme_id: acme.id,
            other_id: other.id,
            other_token: other.access,
            ann,
            olga,
            root,
            invitation,
            wrong_tokens,
            admin,
            member,
            zed,
            role,
            webhook,
            event,
            delivery,
        }
    }

    /// Everybody who is signed in, with their rank in Acme.
    pub(crate) fn people(&self) -> Vec<(&'static str, Client, Option<Rank>)> {
        vec![
            ("an outsider", self.app.by(&self.zed), None),
            ("another tenant's owner", self.app.by(&self.olga), None),
            ("another tenant's owner, with a token for it", self.app.client().bearer(&self.other_token), None),
            ("a member", self.app.by(&self.member), Some(Rank::Member)),
            ("an admin", self.app.by(&self.admin), Some(Rank::Admin)),
            ("the owner", self.app.by(&self.ann), Some(Rank::Owner)),
        ]
    }

    fn ids<'s>(&'s self, slug: &'s str) -> Vec<(&'static str, &'s str)> {
        vec![
            ("org_slug", slug),
            ("org_id", &self.acme_id),
            ("user_id", &self.member.id),
            ("role_id", &self.role),
            ("webhook_id", &self.webhook),
            ("delivery_id", &self.delivery),
            ("invitation_id", &self.invitation),
            ("session_id", &self.session),
            ("event_id", &self.event),
            ("token", "inv_nonsense"),
        ]
    }
    /// Acme's things, in Acme.
    pub(crate) fn acme_ids(&self) -> Vec<(&'static str, &str)> {
        self.ids("acme")
    }
    /// Acme's things, in Other.
    pub(crate) fn ids_of_acme_in_other(&self) -> Vec<(&'static str, &str)> {
        self.ids("other")
    }
    /// Things that never were, in Other.
    pub(crate) fn ids_that_never_were(&self) -> Vec<(&'static str, &'static str)> {
        missing("other")
    }
    /// Things that never were, in Acme.
    pub(crate) fn missing_in_acme(&self) -> Vec<(&'static str, &'static str)> {
        missing("acme")
    }
}

fn missing(slug: &'static str) -> Vec<(&'static str, &'static str)> {
    const IDS: [(&str, &str); 9] = [
        ("org_id", "org_"),
        ("user_id", "usr_"),
        ("role_id", "role_"),
        ("webhook_id", "whk_"),
        ("delivery_id", "dlv_"),
        ("invitation_id", "inv_"),
        ("session_id", "ses_"),
        ("event_id", "evt_"),
        ("token", "inv_"),
    ];
    let ids = IDS.map(|(name, prefix)| (name, &*Box::leak(format!("{prefix}{NEVER}").into_boxed_str())));
    [("org_slug", slug)].into_iter().chain(ids).collect()
}
