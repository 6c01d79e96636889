//! Mailed links (T38): a scanner that opens every one of them changes nothing and gets nothing; the person after it can still use them,
//! once.

use reqwest::Method;
use serde_json::json;
use tenantry_tests::{PASSWORD, Response, TestApp, both, text};

const CHOSEN: &str = "the password that was chosen";

/// One mailed link: its path, where its form posts to, and what else the form sends.
struct Link {
    path: String,
    action: &'static str,
    form: String,
}

impl Link {
    fn token(&self) -> &str {
        self.path.rsplit_once("token=").or_else(|| self.path.rsplit_once('/')).map_or("", |(_, token)| token)
    }
    async fn post(&self, app: &TestApp) -> Response {
        let request = app.client().request(Method::POST, self.action).header("content-type", "application/x-www-form-urlencoded");
        request.body(format!("token={}{}", self.token(), self.form)).send().await
    }
}

/// One of each link that is mailed (or printed), unused.
async fn links(app: &TestApp) -> Vec<Link> {
    let (ann, dee) = (app.sign_up("ann@example.com").await, app.sign_up("dee@example.com").await);
    app.client().post("/api/auth/register", json!({"email": "new@example.com", "password": CHOSEN})).await.ok();
    app.client().post("/api/auth/forgot-password", json!({"email": "ann@example.com"})).await.ok();
    app.by(&dee).patch("/api/user", json!({"email": "moved@example.com"})).await.ok();
    app.create_org(&ann, "acme").await;
    let (id, _) = app.invite(&ann, "acme", "managed@example.com", "member").await;
    app.by(&ann).post_empty(&format!("/api/organizations/acme/invitations/{id}/accept")).await.done();
    app.client().post("/api/auth/forgot-password", json!({"email": "managed@example.com", "org_slug": "acme"})).await.ok();
    app.worker().await;
    let path = |link: String| link.strip_prefix(app.client().base()).expect("links are under the public URL").to_owned();
    let password = format!("&password={}", CHOSEN.replace(' ', "+"));
    let setup = app.use_cases.owner_link().await.unwrap().expect("nobody owns the platform");
    vec![
        Link { path: path(app.link("new@example.com", "verify-email")), action: "/auth/verify-email", form: password.clone() },
        Link {
            path: path(app.link("ann@example.com", "reset-password")),
            action: "/auth/reset-password",
            form: password.clone(),
        },
        Link {
            path: path(app.link("managed@example.com", "reset-password")),
            action: "/auth/reset-password",
            form: password.clone(),
        },
        Link { path: path(app.link("moved@example.com", "change-email")), action: "/auth/change-email", form: String::new() },
        Link { path: path(setup), action: "/setup", form: format!("&email=root%40example.com{password}") },
    ]
}

/// What a scanner, a link preview or a prefetching browser does.
async fn scan(app: &TestApp, path: &str) {
    for method in [Method::GET, Method::HEAD, Method::GET, Method::OPTIONS] {
        for (name, value) in [
            ("user-agent", "Mozilla/5.0 (scanner)"),
            ("purpose", "prefetch"),
            ("sec-purpose", "prefetch;prerender"),
            ("range", "bytes=0-0"),
        ] {
            let answer = app.client().request(method.clone(), path).header(name, value).send().await;
            assert!(answer.status < 500, "{answer}");
            assert!(
                !answer.headers.contains_key("set-cookie") && !answer.headers.contains_key("authorization"),
                "{:?}",
                answer.headers
            );
            assert!(
                !answer.text().contains("<script") && !answer.text().contains("http-equiv"),
                "a page that acts by itself: {answer}"
            );
            if method == Method::GET {
                assert_eq!(
                    (answer.status, answer.header("referrer-policy"), answer.header("cache-control")),
                    (200, "no-referrer", "no-store"),
                    "{answer}"
                );
            }
        }
    }
}

both!(t38_opening_a_link_changes_nothing_and_using_it_works_once, async |app| {
    let links = links(app).await;
    let before = app.dump().await;
    for link in &links {
        scan(app, &link.path).await;
        // As parameters of other places that take the token by POST.
        for path in ["/api/auth/verify-email", "/api/auth/reset-password", "/api/user/confirm-email", "/api/invitations/accept"] {
            let answer = app.client().get(&format!("{path}?token={}&password=x&new_password=x", link.token())).await;
            assert_eq!(answer.status, 405, "{answer}");
        }
        // Pressing nothing: a POST whose form is empty, or has the token in the query.
        for path in [link.action.to_owned(), link.path.clone()] {
            let form = app
                .client()
                .request(Method::POST, &path)
                .header("content-type", "application/x-www-form-urlencoded")
                .send()
                .await;
            assert!((400..500).contains(&form.status) && !form.headers.contains_key("set-cookie"), "{form}");
        }
    }
    assert_eq!(app.dump().await, before, "opening a link changed something");
    for link in &links {
        let used = link.post(app).await;
        assert_eq!(used.status, 200, "{} after the scanner: {used}", link.action);
        assert!(!used.headers.contains_key("set-cookie"), "{used}");
    }
    let after = app.dump().await;
    for link in &links {
        let again = link.post(app).await;
        assert_eq!(again.status, 400, "{} a second time: {again}", link.action);
        scan(app, &link.path).await;
    }
    assert_eq!(app.dump().await, after, "a used link changed something");
    for (email, org) in
        [("new@example.com", None), ("ann@example.com", None), ("managed@example.com", Some("acme")), ("root@example.com", None)]
    {
        app.client().post("/api/auth/login", json!({"email": email, "password": CHOSEN, "org_slug": org})).await.ok();
    }
    app.login("moved@example.com", PASSWORD).await;
});

both!(t38_an_invitation_is_not_accepted_by_looking_at_it, async |app| {
    let (ann, bob) = (app.sign_up("ann@example.com").await, app.sign_up("bob@example.com").await);
    let org = app.create_org(&ann, "acme").await;
    let (id, token) = app.invite(&ann, "acme", "bob@example.com", "member").await;
    app.worker().await;
    let link = app.link("bob@example.com", "invitations/accept");
    let path = link.strip_prefix(app.client().base()).expect("under the public URL").to_owned();
    assert_eq!(path.rsplit_once('/').map(|(_, mailed)| mailed), Some(token.as_str()));
    let before = app.dump().await;
    scan(app, &path).await;
    for client in [app.client(), app.by(&bob)] {
        for path in ["/api/invitations/accept", "/api/invitations/decline"] {
            assert_eq!(client.get(&format!("{path}?token={token}")).await.status, 405);
        }
        for rest in ["accept", "decline"] {
            assert_eq!(client.get(&format!("/api/invitations/{id}/{rest}")).await.status, 405);
        }
        assert_eq!(client.request(Method::POST, &path).send().await.status, 405);
    }
    assert_eq!(app.dump().await, before, "looking at an invitation changed something");
    app.by(&bob).post("/api/invitations/accept", json!({"token": token})).await.done();
    for again in ["accept", "decline"] {
        app.by(&bob).post(&format!("/api/invitations/{again}"), json!({"token": token})).await.refused(404, "NOT_FOUND");
    }
    assert_eq!(app.by(&ann).get(&org.at("members")).await.ok()["total"], 2);
    assert_eq!(text(&app.by(&bob).get(&org.path).await.ok()["organization"]["slug"]), "acme");
});
