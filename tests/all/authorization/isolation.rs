//! The isolation sweep (T12, T13): EVERY operation of the OpenAPI document is called by everybody who may not, and by everybody who may.
//! An operation that [`tenantry_tests::everything`] does not know fails the sweep: whoever adds one says who may call it.
//!
//! Nothing may change by a refused call. The one thing a stranger may tell apart is an unknown slug (404) and a foreign one (403), as the contract
//! wants it; ids within an organization are "not found" to everybody else, like ids that never were.

mod entry;
pub(crate) mod world;

use std::collections::BTreeSet;

use api::http::openapi;
use document::Operation;
use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::{
    Client, Request, Response, both,
    everything::{self, Access, Ids, Rank, access, body, nouns, parameters},
};

use self::world::World;

/// What the sweep needs of the document, read from its JSON: the document's own types belong to the API.
pub(crate) mod document {
    use super::{Method, Value, openapi};

    pub(crate) struct Operation {
        pub(crate) id: String,
        pub(crate) method: Method,
        pub(crate) path: String,
        pub(crate) open: bool,
        pub(crate) description: String,
    }

    pub(crate) fn operations() -> Vec<Operation> {
        let document: Value = serde_json::from_str(&openapi::document().to_json().expect("JSON")).expect("JSON");
        let mut found = Vec::new();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("a path").iter().filter(|(name, _)| *name != "parameters") {
                let security = operation.get("security").unwrap_or(&document["security"]).as_array().cloned().unwrap_or_default();
                let open = security.iter().any(|scheme| scheme.as_object().is_some_and(serde_json::Map::is_empty));
                let id =
                    operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no operationId")).to_owned();
                let description = operation["description"].as_str().unwrap_or_default().to_owned();
                let method = method.to_uppercase().parse().expect("a method");
                found.push(Operation { id, method, path: path.clone(), open, description });
            }
        }
        found
    }
}

/// Whether the path names a thing within the organization. Providers are the same for all.
pub(crate) fn names_a_child(operation: &Operation) -> bool {
    parameters(&operation.path).filter(|name| !name.ends_with("_provider")).count() > 1
}

/// Sends an operation.
async fn call(by: &Client, operation: &Operation, ids: &Ids, n: usize) -> Response {
    request(by, operation, ids, n).send().await
}

/// An operation with its path filled in with these ids, and a body that is fine.
pub(crate) fn request(by: &Client, operation: &Operation, ids: &Ids, n: usize) -> Request {
    let request = by.request(operation.method.clone(), &ids.path(&operation.path));
    match body(&operation.id, n) {
        Some(body) => request.json(&body),
        None => request,
    }
}

#[test]
fn the_sweep_knows_every_operation_and_no_other() {
    let operations = document::operations();
    let mut ids: Vec<_> = operations.iter().map(|operation| operation.id.as_str()).collect();
    ids.sort_unstable();
    let mut known: Vec<_> = everything::operations().map(|operation| operation.id).collect();
    known.sort_unstable();
    assert_eq!(ids, known, "the document (left) and tests/src/everything (right) differ");
    for operation in operations {
        let public = access(&operation.id) == Access::Public;
        assert_eq!(operation.open, public, "{}: the document says whether it needs a token", operation.id);
    }
}

/// What the document says must be held, for each access rule. That the rules are right is tried below.
#[test]
fn the_document_says_who_may() {
    for Operation { id, path, description, .. } in document::operations() {
        let said = |sentence: &str| description.contains(sentence);
        let right = match access(&id) {
            Access::Public => said("Needs no access token.") || said("An access token is optional."),
            Access::SignedIn => said("Needs an access token."),
            Access::Organization(Rank::Member) => said("an access token and membership in the organization"),
            Access::Organization(Rank::Admin) => said("an access token and the permission `") || said("one of the permissions `"),
            Access::Organization(Rank::Owner) => said("an access token and the role `owner` in the organization"),
            Access::Platform => said("Needs an access token of a platform owner."),
            Access::ServiceKey => said("Needs an API key of a service that holds the permission `"),
        };
        assert!(right, "{id} ({:?}), {path}: {description}", access(&id));
    }
}

#[test]
fn the_fixture_makes_everything_that_a_path_names_and_nothing_else() {
    let operations = document::operations();
    let named: BTreeSet<_> = operations.iter().flat_map(|operation| parameters(&operation.path)).collect();
    let made: BTreeSet<_> = nouns().map(|noun| noun.parameter).collect();
    let new: Vec<_> = named.difference(&made).collect();
    assert!(new.is_empty(), "new in the paths of the document: say in tests/src/everything/<area>.rs how one is made: {new:?}");
    let gone: Vec<_> = made.difference(&named).collect();
    assert!(gone.is_empty(), "no path of the document names these any more: {gone:?}");
}

/// Fails unless nothing changed since `before`.
async fn unchanged(world: &World<'_>, before: &str, what: &str) {
    let after = world.app.dump().await;
    if before != after {
        let lines: Vec<&str> = after.lines().filter(|line| !before.contains(line)).collect();
        panic!("{what}: something changed:\n{}", lines.join("\n"));
    }
}

both!(whoever_may_not_is_refused_and_changes_nothing, async |app| {
    let world = World::new(app).await;
    let ids = world.in_acme();
    for operation in document::operations() {
        let access = access(&operation.id);
        let before = app.dump().await;
        let nobody = call(&app.client(), &operation, &ids, 0).await;
        if access == Access::Public {
            // It asks for a token of another kind.
            let other_kind = operation.path == "/userinfo" && nobody.status == 401;
            // A page's form, which came from none of our pages.
            let forms = [
                "pages.postSignIn",
                "pages.postForgottenPassword",
                "pages.postDevice",
                "pages.answerDevice",
                "pages.answerLink",
                "pages.tryAgain",
                "pages.postAccount",
            ];
            let foreign_form = forms.contains(&&*operation.id) && nobody.status == 403;
            // Whoever opens the page of their account signs in first.
            let signs_in = operation.path.starts_with("/account") && nobody.status == 302;
            assert!(other_kind || foreign_form || signs_in || matches!(nobody.status, 200 | 400 | 404), "{nobody}");
            // Whoever asks leaves a question to their device, for five minutes.
            if operation.id != "auth.passkeys.beginAuthentication" && !signs_in {
                unchanged(&world, &before, &operation.id).await;
            }
            continue;
        }
        nobody.refused(401, "UNAUTHORIZED");
        for (kind, token) in &world.wrong_tokens {
            let answer = call(&app.client().bearer(token), &operation, &ids, 0).await;
            assert_eq!(answer.status, 401, "{kind}: {answer}");
        }
        for caller in world.callers().iter().filter(|caller| !caller.may(&operation)) {
            let answer = call(&caller.client, &operation, &ids, 0).await;
            assert_eq!(answer.status, 403, "{}, {}: {answer}", caller.name, operation.id);
            answer.refused(403, "FORBIDDEN");
        }
        unchanged(&world, &before, &operation.id).await;
    }
});

both!(ids_of_another_tenant_do_not_exist, async |app| {
    let world = World::new(app).await;
    let operations = document::operations();
    let with_child = operations
        .iter()
        .filter(|operation| matches!(access(&operation.id), Access::Organization(_)) && names_a_child(operation));
    for operation in with_child {
        let before = app.dump().await;
        // Olga is the owner of her organization and asks there for a thing of Acme's; then for one that never was.
        let (foreign, missing) = (world.of_acme_in_other(), Ids::never_were("other"));
        let olga = app.by(&world.olga);
        let (foreign, missing) = (call(&olga, operation, &foreign, 0).await, call(&olga, operation, &missing, 0).await);
        let same = |answer: &Response| {
            let mut body = answer.json();
            body.as_object_mut().map(|object| object.remove("timestamp"));
            (answer.status, body)
        };
        assert_eq!(same(&foreign), same(&missing), "{}: a foreign id is told from a missing one", operation.id);
        foreign.refused(404, "NOT_FOUND");
        // And a stranger in Acme is told nothing at all.
        let stranger = call(&olga, operation, &world.in_acme(), 0).await;
        stranger.refused(403, "FORBIDDEN");
        unchanged(&world, &before, &operation.id).await;
    }
    let before = app.dump().await;
    let session = format!("/api/user/sessions/{}", world.acme.ids.get("session_id"));
    app.by(&world.olga).delete(&session).await.refused(404, "NOT_FOUND");
    for action in ["accept", "decline"] {
        // The contract: the wrong address is told so (403), for the id came by mail.
        app.by(&world.olga)
            .post_empty(&format!("/api/invitations/{}/{action}", world.acme.ids.get("invitation_id")))
            .await
            .refused(403, "FORBIDDEN");
        app.by(&world.olga)
            .post_empty(&format!("/api/invitations/inv_00000000000000000000000000000000/{action}"))
            .await
            .refused(404, "NOT_FOUND");
    }
    unchanged(&world, &before, "what is one's own").await;
});

both!(whoever_may_is_let_in, async |app| {
    let world = World::new(app).await;
    let (real, missing) = (world.in_acme(), Ids::never_were("acme"));
    let mut n = 0;
    for operation in document::operations() {
        let access = access(&operation.id);
        if !matches!(access, Access::Organization(_)) || operation.id == "organizations.delete" {
            continue;
        }
        for caller in world.callers().iter().filter(|caller| caller.may(&operation)) {
            n += 1;
            // Reading shows something; changing a thing that never was is "not found", which is not "forbidden".
            let reads = operation.method == Method::GET;
            let answer = call(&caller.client, &operation, if reads { &real } else { &missing }, n).await;
            let good = if reads || !names_a_child(&operation) {
                matches!(answer.status, 200 | 201 | 204 | 400)
            } else {
                answer.status == 404
            };
            assert!(good, "{}, {}: {answer}", caller.name, operation.id);
        }
    }
    for operation in document::operations().iter().filter(|operation| access(&operation.id) == Access::Platform) {
        let answer = call(&app.by(&world.root), operation, &missing, 0).await;
        assert!(matches!(answer.status, 200 | 201 | 404), "{}: {answer}", operation.id);
    }
    for operation in document::operations().iter().filter(|operation| access(&operation.id) == Access::SignedIn) {
        // A sign-in each, for some of these end it.
        let zed = app.again(&world.zed).await;
        let answer = call(&app.by(&zed), operation, &missing, 0).await;
        assert!(matches!(answer.status, 200 | 400 | 404), "{}: {answer}", operation.id);
    }
    let by_service_keys = document::operations().into_iter().filter(|operation| access(&operation.id) == Access::ServiceKey);
    for operation in by_service_keys.collect::<Vec<_>>() {
        for caller in world.callers().iter().filter(|caller| caller.may(&operation)) {
            n += 1;
            let reads = operation.method == Method::GET;
            let answer = call(&caller.client, &operation, if reads { &real } else { &missing }, n).await;
            let good = if reads { answer.status == 200 } else { matches!(answer.status, 200 | 404) };
            assert!(good, "{}, {}: {answer}", caller.name, operation.id);
        }
    }
    app.by(&world.ann).delete("/api/organizations/acme").await.done();
});

both!(t13_only_the_organization_in_the_path_counts, async |app| {
    let world = World::new(app).await;
    // A token for one organization, the path of another, and every other place where one could name a third.
    let (token, acme_id, other_id) = (&world.other.access, world.acme.ids.get("org_id"), world.other.ids.get("org_id"));
    let request =
        app.client().bearer(token).request(Method::PATCH, "/api/organizations/acme?org_slug=other&organization_id=other");
    let request = request.header("x-organization", "other").header("x-org-id", "other").header("x-tenant", "other");
    request
        .json(&json!({"name": "Taken over", "org_slug": "other", "slug": "other", "id": other_id}))
        .send()
        .await
        .refused(403, "FORBIDDEN");
    let request = app.client().bearer(token).request(Method::PATCH, "/api/organizations/other?org_slug=acme");
    let changed = request
        .json(&json!({"name": "Mine", "org_slug": "acme", "slug": "acme", "id": acme_id, "owner_user_id": world.ann.id}))
        .send()
        .await
        .ok();
    assert_eq!((&changed["organization"]["id"], &changed["organization"]["slug"]), (&json!(other_id), &json!("other")));
    assert_eq!(app.by(&world.ann).get("/api/organizations/acme").await.ok()["organization"]["name"], "The acme company");
});
