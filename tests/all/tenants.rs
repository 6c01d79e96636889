//! Attacks by one tenant on another, and by people on what they may not do, after bugs that others had. The numbers name the classes
//! (T12 to T25); what each states is the right behaviour.

mod caches;
mod crossing;
mod endings;
mod invited;
mod links;
mod managed;
mod owners;
mod powers;
mod prepared;
mod suspended;
mod walk;

use serde_json::json;
use tenantry_tests::{Org, Response, TestApp, User};

/// The rows that say who belongs where and may do what, for "nothing changed".
async fn state(app: &TestApp) -> Vec<String> {
    let tables =
        ["organizations: ", "org_counters: ", "memberships: ", "roles: ", "invitations: ", "webhooks: ", "users: ", "events: "];
    app.dump().await.lines().filter(|line| tables.iter().any(|table| line.starts_with(table))).map(str::to_owned).collect()
}

/// Accepts by the mailed token.
async fn accept(app: &TestApp, by: &User, token: &str) -> Response {
    app.by(by).post("/api/invitations/accept", json!({"token": token})).await
}

/// Gives a member a role.
async fn give(app: &TestApp, by: &User, org: &Org, to: &User, role: &str) -> Response {
    app.by(by).patch(&org.at(&format!("members/{}", to.id)), json!({"role": role})).await
}

/// Refreshes.
async fn refresh(app: &TestApp, token: &str) -> Response {
    app.client().post("/api/auth/refresh", json!({"refresh_token": token})).await
}

/// The role that a member has now, by the database; empty for strangers.
async fn role_of(app: &TestApp, slug: &str, email: &str) -> String {
    let sql = format!(
        "select m.role from memberships m join users u on u.id = m.user_id join organizations o on o.id = m.org_id \
         where o.slug = '{slug}' and u.email = '{email}'"
    );
    app.rows(&sql).await.first().map(|row| row.try_get_by_index(0).unwrap()).unwrap_or_default()
}

/// Whether every organization's counters say what its rows say.
async fn counters_are_right(app: &TestApp) -> bool {
    let wrong = "select count(*) from org_counters c where c.members <> (select count(*) from memberships m where m.org_id = c.org_id) \
                 or c.owners <> (select count(*) from memberships m where m.org_id = c.org_id and m.role = 'owner')";
    app.count(wrong).await == 0
}
