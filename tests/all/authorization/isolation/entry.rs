//! T14 over every operation: a membership opens what the organization's policy lets this session enter, and the policy of the organization
//! in the path decides, whatever other organizations demand. And what a session that is an organization's word only cannot do.

use reqwest::Method;
use serde_json::json;
use tenantry_tests::{
    Client, TestApp, User, both,
    everything::{Access, access},
    text,
};

use super::{
    call, document, unchanged,
    world::{Caller, World},
};

/// What a person's session did, as it is stored.
const BY_CONNECTION: &str = "\
    update sessions set authn = '[{\"m\":\"con\",\"t\":1764000000,\"c\":{\"o\":\"ORG\",\"i\":\"con_00000000000000000000000000000001\",\"g\":1}}]'
    where user_id = (select id from users where email = 'EMAIL')";

/// Signs in to an organization with the code that it asks for.
async fn with_two_factors(app: &TestApp, user: &User, org: &str) -> Client {
    let login = json!({"email": user.email, "password": user.password, "org_slug": org});
    let asked = app.client().post("/api/auth/login", login).await.ok();
    app.worker().await;
    let verify = json!({"preauth_token": asked["access_token"], "code": app.mailed_code(&user.email)});
    let tokens = app.client().post("/api/auth/mfa/verify", verify).await.ok();
    app.client().bearer(&text(&tokens["access_token"]))
}

both!(t14_every_operation_asks_the_policy_of_the_organization_in_the_path, async |app| {
    let world = World::new(app).await;
    let (acme, other) = (world.in_acme(), world.other.ids.clone());
    for (by, org) in [(&world.ann, "acme"), (&world.olga, "other")] {
        app.by(by).patch(&format!("/api/organizations/{org}/sign-in/policy"), json!({"mfa": "required"})).await.ok();
    }
    let olga = with_two_factors(app, &world.olga, "other").await;
    for operation in document::operations() {
        if !matches!(access(&operation.id), Access::Organization(_)) {
            continue;
        }
        let before = app.dump().await;
        // What programs may is not about sessions; their reads show that they go on.
        let asked = |caller: &Caller| caller.is_person() || operation.method == Method::GET;
        for caller in world.callers().into_iter().filter(asked) {
            let answer = call(&caller.client, &operation, &acme, 0).await;
            match (caller.may(&operation), caller.is_person()) {
                (true, true) => answer.refused_as(403, "FORBIDDEN", "step_up_required"),
                (true, false) => assert_eq!(answer.status, 200, "{}: {answer}", caller.name),
                (false, _) => {}
            }
        }
        unchanged(&world, &before, &operation.id).await;
        if operation.method != Method::GET {
            continue;
        }
        // Two factors for one organization are two for every organization, if somebody is a member there; and only then.
        call(&olga, &operation, &acme, 0).await.refused_as(403, "FORBIDDEN", "not_a_member");
        assert_eq!(call(&olga, &operation, &other, 0).await.status, 200, "{}", operation.id);
    }
    let ann = with_two_factors(app, &world.ann, "acme").await;
    for operation in document::operations() {
        if matches!(access(&operation.id), Access::Organization(_)) && operation.method == Method::GET {
            assert_eq!(call(&ann, &operation, &acme, 0).await.status, 200, "{}", operation.id);
        }
    }
});

/// What such a session may still do with the account: see whose it is (also by a change that changes nothing), list the organizations that it
/// came to, end.
const LEFT: &[&str] = &["auth.logout", "organizations.list", "user.getProfile", "user.updateProfile"];

both!(a_session_that_is_an_organizations_word_only_has_no_part_in_the_account, async |app| {
    let world = World::new(app).await;
    for user in [&world.zed, &world.root] {
        let sql = BY_CONNECTION.replace("ORG", world.acme.ids.get("org_id")).replace("EMAIL", &user.email);
        app.execute(&sql).await;
    }
    let before = app.dump().await;
    for operation in document::operations() {
        let access = access(&operation.id);
        if access == Access::SignedIn && !LEFT.contains(&operation.id.as_str()) {
            let answer = call(&app.by(&world.zed), &operation, &world.in_acme(), 0).await;
            answer.refused_as(403, "FORBIDDEN", "own_sign_in_required");
        }
        if access == Access::Platform {
            let answer = call(&app.by(&world.root), &operation, &world.in_acme(), 0).await;
            answer.refused_as(403, "FORBIDDEN", "platform_owner_required");
        }
    }
    let change = app.by(&world.zed).patch("/api/user", json!({"email": "zoe@example.com", "password": world.zed.password})).await;
    change.refused_as(403, "FORBIDDEN", "own_sign_in_required");
    unchanged(&world, &before, "what is the account's").await;
    app.by(&world.zed).get("/api/user").await.ok();
    app.by(&world.zed).post_empty("/api/auth/logout").await.ok();
});
