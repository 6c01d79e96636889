//! Organizations (contract 1.1).

use serde_json::json;
use tenantry_tests::both;

both!(creating_one_answers_tokens_for_it, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let made = app.by(&ann).post("/api/organizations", json!({"slug": "acme", "name": "Acme"})).await.ok();
    assert_eq!(made["organization"]["slug"], "acme");
});

both!(nothing_at_all, async |_app| {});
both!(nothing_else, async |_app| {});
