//! What the product is compared with: the same HTTP server with the same threads and the same number of connections to the same
//! database, that authenticates nobody, decides nothing, logs nothing and measures nothing. It reads the same rows, or writes as many.

pub(crate) mod webhooks;

use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, get, post, web};
use crypto::{OsRandom, opaque};
use domain::{Clock, IdGen, Time, core::clock::SystemClock};
use serde::Serialize;
use sqlx::{
    FromRow, PgPool, Postgres, Row, Transaction,
    postgres::{PgPoolOptions, PgRow},
};
use uuid::Uuid;

/// As many as the product's default.
const CONNECTIONS: u32 = 16;

type Answer = actix_web::Result<HttpResponse>;

fn broken(e: sqlx::Error) -> actix_web::Error {
    actix_web::error::ErrorInternalServerError(e)
}

#[get("/health/ready")]
async fn ready() -> &'static str {
    "ok"
}

#[derive(Serialize)]
struct Organization {
    id: Uuid,
    slug: String,
    name: String,
    status: String,
    created_at: Time,
}

impl FromRow<'_, PgRow> for Organization {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let (id, slug, name) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        Ok(Self { id, slug, name, status: row.try_get(3)?, created_at: row.try_get(4)? })
    }
}

/// One prepared row read.
#[get("/organization/{slug}")]
async fn organization(pool: web::Data<PgPool>, slug: web::Path<String>) -> Answer {
    let find = sqlx::query_as("select id, slug, name, status, created_at from organizations where slug = $1");
    let row: Organization = find.bind(slug.as_str()).fetch_one(&**pool).await.map_err(broken)?;
    Ok(HttpResponse::Ok().json(row))
}

#[derive(Serialize)]
struct Member {
    id: Uuid,
    role: String,
    created_at: Time,
    user_id: Uuid,
    email: String,
    is_platform_owner: bool,
    email_verified_at: Option<Time>,
    user_created_at: Time,
    updated_at: Time,
}

impl FromRow<'_, PgRow> for Member {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get(0)?,
            role: row.try_get(1)?,
            created_at: row.try_get(2)?,
            user_id: row.try_get(3)?,
            email: row.try_get(4)?,
            is_platform_owner: row.try_get(5)?,
            email_verified_at: row.try_get(6)?,
            user_created_at: row.try_get(7)?,
            updated_at: row.try_get(8)?,
        })
    }
}

/// Fifty rows of members with their accounts.
#[get("/members/{org}")]
async fn members(pool: web::Data<PgPool>, org: web::Path<Uuid>) -> Answer {
    let find = sqlx::query_as(
        "select m.id, m.role, m.created_at, m.user_id, u.email, u.is_platform_owner, u.email_verified_at,
u.created_at as user_created_at, u.updated_at from memberships m join users u on u.id = m.user_id
where m.org_id = $1 order by m.created_at, m.id limit 50",
    );
    let rows: Vec<Member> = find.bind(*org).fetch_all(&**pool).await.map_err(broken)?;
    Ok(HttpResponse::Ok().json(rows))
}

/// Fifty rows of end users with their accounts, and what these have subscribed to.
#[get("/end-users/{org}")]
async fn end_users(pool: web::Data<PgPool>, org: web::Path<Uuid>) -> Answer {
    let find = sqlx::query_as(
        "select p.user_id, 'user' as role, p.created_at, p.user_id, u.email, u.is_platform_owner, u.email_verified_at,
u.created_at as user_created_at, u.updated_at from end_users p join users u on u.id = p.user_id
where p.org_id = $1 order by p.created_at desc, p.user_id desc limit 50",
    );
    let rows: Vec<Member> = find.bind(*org).fetch_all(&**pool).await.map_err(broken)?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.user_id).collect();
    let subscribed = sqlx::query("select user_id, status from subscriptions where org_id = $1 and user_id = any($2)");
    let found = subscribed.bind(*org).bind(ids).fetch_all(&**pool).await.map_err(broken)?.len();
    Ok(HttpResponse::Ok().json((rows, found)))
}

/// The rows that a refresh writes: a grant, a spent token, a session.
#[post("/refresh/{org}/{number}")]
async fn refresh(pool: web::Data<PgPool>, ids: web::Data<OsRandom>, path: web::Path<(Uuid, i64)>) -> Answer {
    let (grant, session, now) = (crate::seed::id(5, path.1), crate::seed::id(4, path.1), SystemClock.now());
    let hash = |ids: &OsRandom| opaque::mint(crypto::Purpose::Refresh, ids).hash;
    let mut tx = pool.begin().await.map_err(broken)?;
    let swap = sqlx::query("update grants set refresh_hash = $2, refresh_expires_at = $3 where id = $1");
    swap.bind(grant).bind(hash(&ids)).bind(now).execute(&mut *tx).await.map_err(broken)?;
    let spend = sqlx::query("insert into spent_refresh_tokens (hash, grant_id, spent_at) values ($1, $2, $3)");
    spend.bind(hash(&ids)).bind(grant).bind(now).execute(&mut *tx).await.map_err(broken)?;
    let touch = sqlx::query("update sessions set last_seen_at = $2, expires_at = $2 + interval '30 days' where id = $1");
    touch.bind(session).bind(now).execute(&mut *tx).await.map_err(broken)?;
    tx.commit().await.map_err(broken)?;
    Ok(HttpResponse::Ok().json(grant))
}

/// The rows that an invitation writes: itself, a mail, an event, its place in the outbox.
#[post("/invitation/{org}/{number}")]
async fn invitation(pool: web::Data<PgPool>, ids: web::Data<OsRandom>, path: web::Path<(Uuid, i64)>) -> Answer {
    let ((org, number), now) = (path.into_inner(), SystemClock.now());
    let (id, token) = (ids.uuid(now), opaque::mint(crypto::Purpose::Invitation, ids.as_ref()));
    let email = format!("{}@example.com", id.simple());
    let mut tx = pool.begin().await.map_err(broken)?;
    sqlx::query(
        "insert into invitations (org_id, id, email, pending_email, role, invited_by, status, token_hash, expires_at, created_at, updated_at)
values ($1, $2, $3, $3, 'member', $4, 'pending', $5, $6, $6, $6)",
    )
    .bind(org)
    .bind(id)
    .bind(email)
    .bind(crate::seed::id(1, number))
    .bind(token.hash)
    .bind(now)
    .execute(&mut *tx)
    .await
    .map_err(broken)?;
    sqlx::query(
        "insert into mails (id, org_id, message, state, attempts, next_at, created_at, updated_at) values ($1, $2, $3, 0, 0, $4, $4, $4)",
    )
    .bind(id)
    .bind(org)
    .bind("m".repeat(600))
    .bind(now)
    .execute(&mut *tx)
    .await
    .map_err(broken)?;
    event(&mut tx, org, id, now).await.map_err(broken)?;
    tx.commit().await.map_err(broken)?;
    Ok(HttpResponse::Ok().json(id))
}

/// The rows that a new name writes: the organization, an event, its place in the outbox.
#[post("/rename/{org}/{number}")]
async fn rename(pool: web::Data<PgPool>, ids: web::Data<OsRandom>, path: web::Path<(Uuid, i64)>) -> Answer {
    let (org, now) = (path.0, SystemClock.now());
    let mut tx = pool.begin().await.map_err(broken)?;
    let update = sqlx::query("update organizations set name = $2, version = version + 1, updated_at = $3 where id = $1");
    update.bind(org).bind(format!("Company {now}")).bind(now).execute(&mut *tx).await.map_err(broken)?;
    event(&mut tx, org, ids.uuid(now), now).await.map_err(broken)?;
    tx.commit().await.map_err(broken)?;
    Ok(HttpResponse::Ok().json(org))
}

async fn event(tx: &mut Transaction<'_, Postgres>, org: Uuid, id: Uuid, now: Time) -> sqlx::Result<()> {
    sqlx::query(
        "insert into events (org_id, id, name, actor_kind, target_type, target_id, success, metadata, body, created_at)
values ($1, $2, 'bench.floor', 'user', 'invitation', 'x', true, $3, $4, $5)",
    )
    .bind(org)
    .bind(id)
    .bind("m".repeat(120))
    .bind("b".repeat(400))
    .bind(now)
    .execute(&mut **tx)
    .await?;
    let queue = sqlx::query("insert into outbox (org_id, event_id) values ($1, $2)");
    queue.bind(org).bind(id).execute(&mut **tx).await.map(|_| ())
}

/// Serves until it is killed.
pub(crate) fn serve(database: &str, port: u16) -> anyhow::Result<()> {
    actix_web::rt::System::new().block_on(async {
        // As the product's: a connection in use is not asked each time whether it lives.
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false).connect(database).await?;
        let pool = web::Data::new(pool);
        let ids = web::Data::new(OsRandom::new());
        let server = HttpServer::new(move || {
            let app = App::new().app_data(pool.clone()).app_data(ids.clone());
            app.service(ready)
                .service(organization)
                .service(members)
                .service(end_users)
                .service(refresh)
                .service(invitation)
                .service(rename)
        });
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        // As patient as the product.
        let server = server.client_request_timeout(Duration::from_secs(10)).keep_alive(Duration::from_secs(75));
        Ok(server.workers(workers).bind(("127.0.0.1", port))?.run().await?)
    })
}
