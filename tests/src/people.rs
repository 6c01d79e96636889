//! Shortcuts to people and organizations. Each goes the way a client goes, over HTTP.

use serde_json::{Value, json};

use crate::{Client, TestApp};

/// The password of everybody.
pub const PASSWORD: &str = "a long sentence only I know";

/// Somebody who signed in.
#[derive(Clone, Debug)]
pub struct User {
    /// `usr_…`.
    pub id: String,
    /// Address.
    pub email: String,
    /// Password.
    pub password: String,
    /// Access token of their sign-in to the platform.
    pub access: String,
    /// Its refresh token.
    pub refresh: String,
}

/// An organization, with its founder's tokens for it.
#[derive(Clone, Debug)]
pub struct Org {
    /// `org_…`.
    pub id: String,
    /// Slug.
    pub slug: String,
    /// `/api/organizations/<slug>`.
    pub path: String,
    /// The founder's access token for it.
    pub access: String,
    /// The founder's refresh token for it.
    pub refresh: String,
}

impl Org {
    /// A path below the organization: `org.at("members")`.
    pub fn at(&self, rest: &str) -> String {
        format!("{}/{rest}", self.path)
    }
}

/// A text of a JSON answer.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text is missing: {value}")).to_owned()
}

impl TestApp {
    /// A client with somebody's access token.
    pub fn by(&self, user: &User) -> Client {
        self.client().bearer(&user.access)
    }

    /// Signs up, uses the mailed link, signs in.
    pub async fn sign_up(&self, email: &str) -> User {
        self.client().post("/api/auth/register", json!({"email": email, "password": PASSWORD})).await.ok();
        self.worker().await;
        let token = self.mailed_token(email, "verify-email");
        self.client().post("/api/auth/verify-email", json!({"token": token, "password": PASSWORD})).await.ok();
        self.login(email, PASSWORD).await
    }

    /// Signs in to the platform.
    pub async fn login(&self, email: &str, password: &str) -> User {
        self.client().login(email, password).await
    }

    /// Signs in again, for a test that moved the clock past the end of the access token.
    pub async fn again(&self, user: &User) -> User {
        self.login(&user.email, &user.password).await
    }

    /// Founds an organization.
    pub async fn create_org(&self, owner: &User, slug: &str) -> Org {
        let made =
            self.by(owner).post("/api/organizations", json!({"slug": slug, "name": format!("The {slug} company")})).await.ok();
        Org {
            id: text(&made["organization"]["id"]),
            slug: slug.to_owned(),
            path: format!("/api/organizations/{slug}"),
            access: text(&made["access_token"]),
            refresh: text(&made["refresh_token"]),
        }
    }

    /// Invites; answers the invitation's id and token.
    pub async fn invite(&self, by: &User, slug: &str, email: &str, role: &str) -> (String, String) {
        let path = format!("/api/organizations/{slug}/invitations");
        let made = self.by(by).post(&path, json!({"email": email, "role": role})).await.ok();
        (text(&made["invitation"]["id"]), text(&made["token"]))
    }

    /// Invites somebody, who accepts.
    pub async fn invite_and_join(&self, by: &User, slug: &str, user: &User, role: &str) {
        let (_, token) = self.invite(by, slug, &user.email, role).await;
        self.by(user).post("/api/invitations/accept", json!({"token": token})).await.done();
    }

    /// Signs somebody up and makes them a member.
    pub async fn member(&self, by: &User, slug: &str, email: &str, role: &str) -> User {
        let user = self.sign_up(email).await;
        self.invite_and_join(by, slug, &user, role).await;
        user
    }

    /// Makes a custom role; answers its id.
    pub async fn role(&self, by: &User, slug: &str, role: &str, permissions: &[&str]) -> String {
        let body = json!({"slug": role, "name": format!("The {role}"), "permissions": permissions});
        text(&self.by(by).post(&format!("/api/organizations/{slug}/roles"), body).await.ok()["id"])
    }

    /// The first platform owner, signed in.
    pub async fn platform_owner(&self) -> User {
        let email = "root@platform.example";
        let (address, password) = (email.parse().expect("an address"), PASSWORD.parse().expect("a password"));
        self.use_cases.bootstrap_owner(&address, &password).await.unwrap_or_else(|e| panic!("{e:?}"));
        self.login(email, PASSWORD).await
    }

    /// Gives an organization more seats than the free tier has.
    pub async fn more_seats(&self, operator: &User, org: &Org) {
        let path = format!("/api/platform/organizations/{}/tier", org.id);
        self.by(operator).patch(&path, json!({"tier_id": "tier_enterprise"})).await.ok();
    }
}
