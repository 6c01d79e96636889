use std::time::Duration;

use migrations::{STEPS, Step};
use sea_orm::ConnectionTrait;
use sqlx::{ConnectOptions, Executor, sqlite::SqliteConnectOptions};

use super::{expect, up};
use crate::core::{
    db::Db,
    dialect::{connect, is_sqlite},
    sql::{self, Sql},
    testing::{on_empty, settings},
};

/// Everything that a step can change, as text.
const SCHEMA: Sql = Sql {
    postgres: "select coalesce(string_agg(line, chr(10) order by line), '') from (
        select table_name || '.' || column_name as line from information_schema.columns where table_schema = 'public'
        union all select indexdef from pg_indexes where schemaname = 'public'
        union all select conname || pg_get_constraintdef(oid) from pg_constraint where connamespace = 'public'::regnamespace) lines",
    sqlite: "select coalesce(group_concat(sql, char(10)), '') from (select sql from sqlite_master where sql is not null order by name)",
    columns: [],
    first: 0,
};

async fn schema(db: &Db) -> String {
    sql::one(db, SCHEMA, vec![]).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

/// `step`, but for what comes after its first `count` statements: there something goes wrong.
fn cut(step: &Step, count: usize) -> Option<Step> {
    let whole = step.files.join("\n");
    let statements: Vec<_> = whole.split_inclusive(";\n").collect();
    let text = (count < statements.len()).then(|| statements[..count].concat() + "\nselect no_such_column;\n")?;
    Some(Step { name: step.name, files: Box::leak(Box::new([leak(text)])) })
}

#[tokio::test]
async fn a_step_that_fails_at_any_statement_leaves_nothing_behind() {
    on_empty(async |settings| {
        let db = connect(settings).await.unwrap();
        let mut failures = 0;
        for n in 0..STEPS.len() {
            let mut steps = STEPS[..=n].to_vec();
            let before = schema(&db).await;
            for count in 0.. {
                let Some(broken) = cut(&STEPS[n], count) else { break };
                steps[n] = broken;
                assert!(up(&db, &steps).await.is_err(), "{} after {count} statements", STEPS[n].name);
                assert_eq!(schema(&db).await, before, "{} after {count} statements", STEPS[n].name);
                failures += 1;
            }
            up(&db, &STEPS[..=n]).await.unwrap();
        }
        assert!(failures > 50, "{failures}");
        expect(&db, STEPS).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn processes_that_start_together_take_turns() {
    on_empty(async |settings| {
        // Connections of their own, as processes have.
        let starts = (0..6).map(|_| async {
            let db = connect(settings).await?;
            let outcome = up(&db, STEPS).await;
            let _ = db.close().await;
            outcome
        });
        for outcome in futures::future::join_all(starts).await {
            outcome.unwrap();
        }
    })
    .await;
}

/// What a new file's first writer does to those who open it beside, long enough to be seen.
#[tokio::test]
async fn a_new_file_is_opened_when_its_first_writer_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let file = SqliteConnectOptions::new().filename(dir.path().join("test.db")).create_if_missing(true);
    let mut first = file.connect().await.unwrap();
    first.execute("create table brand_new (id bigint primary key); begin immediate").await.unwrap();
    let settings = settings(format!("sqlite://{}", dir.path().join("test.db").display()));
    let mut second = std::pin::pin!(connect(&settings));
    assert!(tokio::time::timeout(Duration::from_millis(300), &mut second).await.is_err());
    first.execute("commit").await.unwrap();
    second.await.unwrap();
}

#[tokio::test]
async fn a_newer_schema_is_tolerated_unless_it_says_otherwise() {
    on_empty(async |settings| {
        let db = connect(settings).await.unwrap();
        let refused = expect(&db, STEPS).await.unwrap_err();
        assert!(refused.message.contains("tenantry-api migrate"), "{refused}");
        let mut newer = STEPS.to_vec();
        newer.push(Step { name: "m99990101_900000_expansion", files: &["create table brand_new (id bigint primary key);"] });
        up(&db, &newer).await.unwrap();
        for old in [STEPS, &STEPS[..STEPS.len() - 1]] {
            up(&db, old).await.unwrap();
            expect(&db, old).await.unwrap();
        }
        let demand = "insert into schema_requirements (step, version) values ('m99990102_900001_contraction', '9.9.0');";
        newer.push(Step { name: "m99990102_900001_contraction", files: Box::leak(Box::new([demand])) });
        up(&db, &newer).await.unwrap();
        expect(&db, &newer).await.unwrap();
        for refused in [up(&db, STEPS).await.unwrap_err(), expect(&db, STEPS).await.unwrap_err()] {
            assert!(refused.message.contains("Start version 9.9.0 or later"), "{refused}");
        }
    })
    .await;
}

#[tokio::test]
async fn nothing_is_written_where_nothing_is_missing() {
    on_empty(async |settings| {
        let db = connect(settings).await.unwrap();
        up(&db, STEPS).await.unwrap();
        // Whoever may only read is told by the first write.
        let read_only = if is_sqlite(&db) { "pragma query_only = on" } else { "set default_transaction_read_only = on" };
        let mut one = settings.clone();
        one.max_connections = 1;
        let db = connect(&one).await.unwrap();
        db.execute_unprepared(read_only).await.unwrap();
        up(&db, STEPS).await.unwrap();
    })
    .await;
}

/// An id, the nil one and a moment, as each database writes them in a statement.
struct Literals {
    id: &'static str,
    nil: String,
    time: &'static str,
}

impl Literals {
    fn of(db: &Db) -> Self {
        let (id, time) = if is_sqlite(db) {
            ("x'07070707070707070707070707070707'", "'2026-11-23T09:00:00.000000+00:00'")
        } else {
            ("'07070707070707070707070707070707'", "'2026-11-23 09:00:00+00'")
        };
        Self { id, nil: id.replace("07", "00"), time }
    }
}

#[tokio::test]
async fn tokens_stay_as_they_were_when_their_table_is_made_anew() {
    on_empty(async |settings| {
        let db = connect(settings).await.unwrap();
        let before = STEPS.iter().position(|step| step.name.contains("_000026_")).unwrap();
        up(&db, &STEPS[..before]).await.unwrap();
        let Literals { id, nil, time } = Literals::of(&db);
        let insert = format!(
            "insert into users (id, realm, email, is_platform_owner, created_at, updated_at)
            values ({id}, {nil}, 'ann@example.com', false, {time}, {time});
            insert into organizations (id, slug, name, owner_user_id, status, tier_id, version, created_at, updated_at)
            values ({id}, 'acme', 'Acme', {id}, 'active', 'tier_free', 1, {time}, {time});
            insert into scim_tokens
              (org_id, id, name, prefix, hash, mode, ceiling, shown_to, expires_at, revoked_at, last_used_at, created_at)
            values ({id}, {id}, 'Entra', 'scim_x', 'hash', 'live', 'owner', {id}, {time}, null, {time}, {time});"
        );
        db.execute_unprepared(&insert).await.unwrap();
        const ROW: &str = "select name, prefix, hash, mode, ceiling, cast(org_id = id and id = shown_to as text),
            cast(expires_at as text), cast(revoked_at as text), cast(last_used_at as text), cast(created_at as text)
          from scim_tokens where connection_id is null";
        let row = async || {
            let row = sql::one(&db, ROW, vec![]).await.unwrap().unwrap();
            (0..10).map(|n| row.try_get_by_index::<Option<String>>(n).unwrap()).collect::<Vec<_>>()
        };
        let was = row().await;
        up(&db, STEPS).await.unwrap();
        assert_eq!(row().await, was);
        assert_eq!((was[0].as_deref(), was[7].as_deref()), (Some("Entra"), None));
    })
    .await;
}

#[tokio::test]
async fn client_grants_stay_as_they_were_when_their_table_is_made_anew() {
    on_empty(async |settings| {
        let db = connect(settings).await.unwrap();
        let before = STEPS.iter().position(|step| step.name.contains("_000031_")).unwrap();
        up(&db, &STEPS[..before]).await.unwrap();
        let Literals { id, nil, time } = Literals::of(&db);
        let insert = format!(
            "insert into clients (org_id, id, client_id, name, redirect_uris, created_at, updated_at)
            values ({nil}, {id}, 'abc', 'Billing', '', {time}, {time});
            insert into resource_servers (org_id, id, identifier, created_at) values ({nil}, {id}, 'https://api.example.com/', {time});
            insert into client_grants (org_id, id, client_id, resource_server_id, scopes, created_at, updated_at)
            values ({nil}, {id}, {id}, {id}, 'read:orders', {time}, {time});"
        );
        db.execute_unprepared(&insert).await.unwrap();
        let row = async |more: &str| {
            let text = format!("select scopes, cast(created_at as text), cast(updated_at as text){more} from client_grants");
            let row = sql::one(&db, text.as_str(), vec![]).await.unwrap().unwrap();
            (0..3 + more.matches(',').count()).map(|n| row.try_get_by_index::<String>(n).unwrap()).collect::<Vec<_>>()
        };
        let was = row("").await;
        up(&db, STEPS).await.unwrap();
        assert_eq!(row(", subject_type").await, [was.as_slice(), &["client".to_owned()]].concat());
        // The version before goes on to write such rows, and what refers to others goes with them.
        db.execute_unprepared("delete from client_grants").await.unwrap();
        let old = insert.rsplit_once("insert into client_grants").unwrap().1;
        db.execute_unprepared(&format!("insert into client_grants{old}")).await.unwrap();
        db.execute_unprepared("delete from clients").await.unwrap();
        assert_eq!(sql::count(&db, "select count(*) from client_grants", vec![]).await.unwrap(), 0);
    })
    .await;
}
