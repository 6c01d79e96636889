//! That the database would notice: each invariant is broken by hand once, and the commit is refused. Without this, a trigger that never
//! fires would look like a product without races.

use sea_orm::ConnectionTrait;
use serde_json::json;
use tenantry_tests::{Database, TestApp, both};

use super::{
    invariants::{INVARIANTS, acts_only_as_a_member, install},
    sound,
};

/// One statement for each invariant, in their order, that breaks it.
const BREAKS: [&str; 14] = [
    "update memberships set role = 'admin' where role = 'owner'",
    "update org_counters set members = members + 1",
    "update org_counters set webhooks = webhooks + 1",
    "update services set plans = plans + 1",
    "update plans set is_default = false",
    "update organizations set max_users = 1",
    "update memberships set role = 'unheard-of' where role = 'member'",
    "update invitations set role = 'unheard-of'",
    "delete from memberships where role = 'member'",
    "update invitations set status = 'cancelled'",
    "update invitations set email = 'bob@example.com', pending_email = 'bob@example.com' where pending_email is not null",
    "insert into spent_refresh_tokens (hash, grant_id, spent_at) select refresh_hash, id, created_at from grants",
    "insert into device_codes
      (hash, user_code_hash, client_org_id, client_id, request, created_at, expires_at, kept_until, interval_seconds, used_at, grant_id)
    select 'x', 'x', c.org_id, c.id, '{}', c.created_at, c.created_at, c.created_at, 5, c.created_at, c.id from clients c",
    "update memberships set more_roles = false",
];

/// Runs `sql` with an event behind it, as every change has one; the error that it ends with.
async fn refused(app: &TestApp, sql: &str) -> String {
    let event = "insert into outbox (org_id, event_id) select org_id, id from events limit 1";
    let whole = match app.database {
        Database::Postgres => format!("begin; {sql}; {event}; commit"),
        Database::Sqlite => format!("begin immediate; {sql}; {event}; commit"),
    };
    let db = app.connection().await;
    let error = db.execute_unprepared(&whole).await.expect_err(sql).to_string();
    let _ = db.execute_unprepared("rollback").await;
    error
}

both!(a_commit_that_breaks_an_invariant_is_refused, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    app.by(&bob).post_empty(&org.at("select")).await.ok();
    let role = app.role(&ann, "acme", "hooks", &["webhooks.manage"]).await;
    app.by(&ann).put(&org.at(&format!("members/{}/roles/{role}", bob.id)), json!({})).await.ok();
    app.invite(&ann, "acme", "guest@example.com", "member").await;
    app.by(&ann).post(&org.at("services"), json!({"slug": "portal", "name": "Portal", "service_type": "web"})).await.ok();
    app.worker().await;
    install(app).await;
    app.execute("update organizations set name = 'A change that breaks nothing'").await;
    for ((name, _), sql) in INVARIANTS.iter().zip(BREAKS) {
        let error = refused(app, sql).await;
        // SQLite tells the first that is broken.
        let named = error.contains(name) || app.database == Database::Sqlite;
        assert!(error.contains("broken at commit") && named, "{sql}: {error}");
    }
    acts_only_as_a_member(app, "zed@example.com").await;
    let columns = "name, actor_kind, target_type, target_id, success, metadata, body, created_at, org_id";
    let id = if app.database == Database::Postgres { "gen_random_uuid()" } else { "randomblob(16)" };
    let copy = format!(
        "insert into events (id, actor_id, actor_email, {columns}) select {id}, 'usr_0', 'zed@example.com', {columns} from events
         where name = 'user.joined' limit 1"
    );
    let error = refused(app, &copy).await;
    assert!(error.contains("no member"), "{error}");
    sound(app).await;
});
