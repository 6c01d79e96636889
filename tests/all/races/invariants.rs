//! What holds in the database after every commit, and how the database itself is made to check it.
//!
//! PostgreSQL: constraint triggers, deferred to the commit, one check at a time (an advisory lock that is held until the commit is
//! visible), so that the check of the second of two commits sees the first. SQLite has one writer and no deferred triggers: there the
//! last statement of a change, the outbox row of its event, is refused.

use tenantry_tests::{Database, TestApp};

/// A name, and the rows that must not be.
pub(super) const INVARIANTS: [(&str, &str); 14] = [
    (
        "one owner, whom the organization names",
        "from organizations o where o.deleted_at is null and ((select count(*) from memberships m where m.org_id = o.id and m.role = 'owner') <> 1
        or not exists (select 1 from memberships m where m.org_id = o.id and m.role = 'owner' and m.user_id = o.owner_user_id))",
    ),
    (
        "the counters count",
        "from org_counters c join organizations o on o.id = c.org_id where o.deleted_at is null and
        (c.owners <> (select count(*) from memberships m where m.org_id = c.org_id and m.role = 'owner')
        or c.members <> (select count(*) from memberships m where m.org_id = c.org_id))",
    ),
    (
        "what is limited is counted",
        "from org_counters c join organizations o on o.id = c.org_id where o.deleted_at is null and
        (c.api_keys <> (select count(*) from api_keys k where k.org_id = c.org_id)
        or c.roles <> (select count(*) from roles r where r.org_id = c.org_id)
        or c.services <> (select count(*) from services s where s.org_id = c.org_id)
        or c.webhooks <> (select count(*) from webhooks w where w.org_id = c.org_id)
        or c.pending_invitations <> (select count(*) from invitations i where i.org_id = c.org_id and i.pending_email is not null)
        or c.erasures <> (select count(*) from erasures x where x.org_id = c.org_id))",
    ),
    (
        "what is limited in a service is counted",
        "from services s where s.plans <> (select count(*) from plans p where p.org_id = s.org_id and p.service_id = s.id)
        or s.api_keys <> (select count(*) from service_api_keys k where k.org_id = s.org_id and k.service_id = s.id)
        or s.users <> (select count(*) from service_users u where u.org_id = s.org_id and u.service_id = s.id)
        or s.subscriptions <> (select count(*) from subscriptions b where b.org_id = s.org_id and b.service_id = s.id)
        or s.subscriptions <> (select sum(p.subscriptions) from plans p where p.org_id = s.org_id and p.service_id = s.id)",
    ),
    (
        "a service has one default plan",
        "from services s where (select count(*) from plans p where p.org_id = s.org_id and p.service_id = s.id and p.is_default) <> 1",
    ),
    (
        "no more members than seats",
        "from organizations o join tiers t on t.id = o.tier_id where o.deleted_at is null and
        (select count(*) from memberships m where m.org_id = o.id) > coalesce(o.max_users, t.default_max_users)",
    ),
    (
        "the role of every member exists",
        "from memberships m where m.role not in ('owner', 'admin', 'member')
        and not exists (select 1 from roles r where r.org_id = m.org_id and r.slug = m.role)",
    ),
    (
        "the role of every pending invitation exists",
        "from invitations i where i.pending_email is not null and i.role not in ('admin', 'member')
        and not exists (select 1 from roles r where r.org_id = i.org_id and r.slug = i.role)",
    ),
    (
        "access to an organization needs a membership",
        "from grants g join organizations o on o.id = g.org_id where g.revoked_at is null
        and not exists (select 1 from memberships m where m.org_id = g.org_id and m.user_id = g.user_id)",
    ),
    (
        "pending is what has a pending address",
        "from invitations i where (i.status = 'pending') <> (i.pending_email is not null)",
    ),
    (
        "nobody who is a member is invited",
        "from invitations i join users u on u.email = i.pending_email join memberships m on m.org_id = i.org_id and m.user_id = u.id",
    ),
    ("a refresh token that was used is not valid", "from grants g join spent_refresh_tokens s on s.hash = g.refresh_hash"),
    (
        "a device that was let in was approved, once",
        "from device_codes d where d.grant_id is not null and (d.session_id is null or d.answered_at is null or d.used_at is null)",
    ),
    (
        "whoever has further roles is looked up for them",
        "from member_roles d join memberships m on m.org_id = d.org_id and m.user_id = d.user_id join organizations o on o.id = d.org_id
        where not m.more_roles or not o.more_roles",
    ),
];

/// A query that answers the name of each invariant that does not hold.
pub(super) fn broken() -> String {
    let parts = INVARIANTS.map(|(name, rows)| format!("select '{name}' as what where exists (select 1 {rows})"));
    parts.join(" union all ")
}

const WATCHED: [&str; 17] = [
    "organizations",
    "org_counters",
    "memberships",
    "roles",
    "member_roles",
    "invitations",
    "grants",
    "spent_refresh_tokens",
    "api_keys",
    "webhooks",
    "erasures",
    "services",
    "plans",
    "service_api_keys",
    "service_users",
    "subscriptions",
    "device_codes",
];

/// Has every commit checked from now on.
pub(super) async fn install(app: &TestApp) {
    match app.database {
        Database::Postgres => {
            check_at_commit(app, "invariants", &broken(), &WATCHED).await;
        }
        Database::Sqlite => {
            for (n, (name, rows)) in INVARIANTS.iter().enumerate() {
                let check = format!("select raise(abort, 'broken at commit: {name}') where exists (select 1 {rows})");
                app.execute(&format!("create trigger invariant_{n} after insert on outbox begin {check}; end")).await;
            }
        }
    }
}

/// And that no change of `email`'s is committed when they are, at the commit, no member of the organization that it is recorded in.
pub(super) async fn acts_only_as_a_member(app: &TestApp, email: &str) {
    let when = format!("new.actor_email = '{email}' and new.org_id <>");
    match app.database {
        Database::Postgres => {
            app.execute(
                "create function acts_as_member() returns trigger language plpgsql as $$ begin
                 perform pg_advisory_xact_lock(1);
                 if not exists (select 1 from memberships m where m.org_id = new.org_id
                     and 'usr_' || replace(m.user_id::text, '-', '') = new.actor_id)
                 then raise exception 'broken at commit: % by %, who is no member', new.name, new.actor_email; end if;
                 return null; end $$",
            )
            .await;
            app.execute(&format!(
                "create constraint trigger acts_as_member after insert on events deferrable initially deferred
                 for each row when ({when} '00000000-0000-0000-0000-000000000000') execute function acts_as_member()"
            ))
            .await;
        }
        Database::Sqlite => {
            app.execute(&format!(
                "create trigger acts_as_member after insert on events when {when} zeroblob(16) and not exists
                 (select 1 from memberships m where m.org_id = new.org_id and 'usr_' || lower(hex(m.user_id)) = new.actor_id)
                 begin select raise(abort, 'broken at commit: a change by somebody who is no member'); end"
            ))
            .await;
        }
    }
}

async fn check_at_commit(app: &TestApp, name: &str, broken: &str, tables: &[&str]) {
    app.execute("create sequence checked").await;
    app.execute(&format!(
        "create function {name}() returns trigger language plpgsql as $$ declare found_broken text; begin
         perform pg_advisory_xact_lock(1);
         perform nextval('checked');
         select string_agg(what, ', ') into found_broken from ({broken}) b;
         if found_broken is not null then raise exception 'broken at commit: %', found_broken; end if;
         return null; end $$"
    ))
    .await;
    for table in tables {
        app.execute(&format!(
            "create constraint trigger {name} after insert or update or delete on {table} deferrable initially deferred
             for each row execute function {name}()"
        ))
        .await;
    }
}
