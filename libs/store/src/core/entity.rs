//! Rows as the database has them, private to this crate: repositories turn them into `domain` values. One module per table, in the
//! order of the migrations, whose comments say what the columns mean.

macro_rules! table {
    ($name:ident, $table:literal, { $($(#[$attr:meta])* $field:ident: $ty:ty,)* }) => {
        #[allow(unreachable_pub, dead_code, reason = "the derive wants `pub`, and some tables are only written as SQL")]
        pub(crate) mod $name {
            use sea_orm::entity::prelude::*;

            #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
            #[sea_orm(table_name = $table)]
            pub struct Model { $($(#[$attr])* pub $field: $ty,)* }

            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub enum Relation {}

            impl ActiveModelBehavior for ActiveModel {}
        }
    };
}

// --- Rows that belong to the platform itself.

table!(data_keys, "data_keys", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: i64,
    master: String,
    wrapped: Vec<u8>,
    created_at: ChronoDateTimeUtc,
});

table!(signing_keys, "signing_keys", {
    #[sea_orm(primary_key, auto_increment = false)]
    kid: String,
    alg: String,
    private_key: String,
    active_from: ChronoDateTimeUtc,
    retired_at: Option<ChronoDateTimeUtc>,
    created_at: ChronoDateTimeUtc,
});

table!(idempotency, "idempotency", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: String,
    digest: String,
    output: Option<String>,
    created_at: ChronoDateTimeUtc,
});

table!(tiers, "tiers", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: String,
    name: String,
    display_name: String,
    default_max_services: i64,
    default_max_users: i64,
    features: String,
    price_cents: i64,
    currency: String,
    created_at: ChronoDateTimeUtc,
});

// --- Rows of people and their sign-ins.

table!(users, "users", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    realm: Uuid,
    email: String,
    password_hash: Option<String>,
    is_platform_owner: bool,
    email_verified_at: Option<ChronoDateTimeUtc>,
    created_at: ChronoDateTimeUtc,
    updated_at: ChronoDateTimeUtc,
    deleted_at: Option<ChronoDateTimeUtc>,
});

table!(one_time_links, "one_time_links", {
    #[sea_orm(primary_key, auto_increment = false)]
    hash: String,
    purpose: String,
    user_id: Option<Uuid>,
    email: String,
    password_hash: Option<String>,
    expires_at: ChronoDateTimeUtc,
    created_at: ChronoDateTimeUtc,
});

table!(sessions, "sessions", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    user_id: Uuid,
    method: String,
    ip_address: Option<String>,
    user_agent: Option<String>,
    created_at: ChronoDateTimeUtc,
    last_seen_at: ChronoDateTimeUtc,
    expires_at: ChronoDateTimeUtc,
    revoked_at: Option<ChronoDateTimeUtc>,
});

table!(grants, "grants", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    session_id: Uuid,
    user_id: Uuid,
    org_id: Uuid,
    refresh_hash: String,
    refresh_expires_at: ChronoDateTimeUtc,
    created_at: ChronoDateTimeUtc,
    revoked_at: Option<ChronoDateTimeUtc>,
});

table!(spent_refresh_tokens, "spent_refresh_tokens", {
    #[sea_orm(primary_key, auto_increment = false)]
    hash: String,
    grant_id: Uuid,
    spent_at: ChronoDateTimeUtc,
});

// --- Rows of organizations.

table!(organizations, "organizations", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    slug: String,
    name: String,
    owner_user_id: Uuid,
    status: String,
    tier_id: String,
    max_services: Option<i64>,
    max_users: Option<i64>,
    approved_by: Option<Uuid>,
    approved_at: Option<ChronoDateTimeUtc>,
    rejected_by: Option<Uuid>,
    rejected_at: Option<ChronoDateTimeUtc>,
    rejection_reason: Option<String>,
    feature_overrides: Option<String>,
    version: i64,
    created_at: ChronoDateTimeUtc,
    updated_at: ChronoDateTimeUtc,
    deleted_at: Option<ChronoDateTimeUtc>,
});

table!(org_counters, "org_counters", {
    #[sea_orm(primary_key, auto_increment = false)]
    org_id: Uuid,
    members: i64,
    owners: i64,
    services: i64,
});

table!(memberships, "memberships", {
    #[sea_orm(primary_key, auto_increment = false)]
    org_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    user_id: Uuid,
    role: String,
    created_at: ChronoDateTimeUtc,
});

table!(roles, "roles", {
    #[sea_orm(primary_key, auto_increment = false)]
    org_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    slug: String,
    name: String,
    description: Option<String>,
    permissions: String,
    created_at: ChronoDateTimeUtc,
    updated_at: ChronoDateTimeUtc,
});

table!(invitations, "invitations", {
    #[sea_orm(primary_key, auto_increment = false)]
    org_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    email: String,
    pending_email: Option<String>,
    role: String,
    invited_by: Uuid,
    status: String,
    token_hash: String,
    expires_at: ChronoDateTimeUtc,
    created_at: ChronoDateTimeUtc,
    updated_at: ChronoDateTimeUtc,
});

table!(webhooks, "webhooks", {
    #[sea_orm(primary_key, auto_increment = false)]
    org_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    name: String,
    url: String,
    events: String,
    secret: String,
    is_active: bool,
    created_at: ChronoDateTimeUtc,
    updated_at: ChronoDateTimeUtc,
    in_order: bool,
    disabled_at: Option<ChronoDateTimeUtc>,
    disabled_reason: Option<String>,
    old_secrets: Option<String>,
    old_secrets_until: Option<ChronoDateTimeUtc>,
});

// --- Rows of what happened.

table!(events, "events", {
    #[sea_orm(primary_key, auto_increment = false)]
    org_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    name: String,
    actor_kind: String,
    actor_id: Option<String>,
    actor_email: Option<String>,
    target_type: String,
    target_id: String,
    ip_address: Option<String>,
    user_agent: Option<String>,
    request_id: Option<String>,
    traceparent: Option<String>,
    success: bool,
    metadata: String,
    body: String,
    created_at: ChronoDateTimeUtc,
    salt: Option<String>,
    digest: Option<String>,
});

table!(outbox, "outbox", {
    #[sea_orm(primary_key)]
    pos: i64,
    org_id: Uuid,
    event_id: Uuid,
});

table!(heads, "heads", {
    #[sea_orm(primary_key, auto_increment = false)]
    org_id: Uuid,
    seq: i64,
    hash: String,
    sealed: i64,
    anchor: i64,
});

table!(feed, "feed", {
    #[sea_orm(primary_key, auto_increment = false)]
    org_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    seq: i64,
    event_id: Uuid,
    hash: String,
    leaf: Option<String>,
    chained: i16,
});

table!(audit_keys, "audit_keys", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: i64,
    kid: String,
    alg: String,
    public_jwk: String,
    private_key: String,
    created_at: ChronoDateTimeUtc,
});

table!(checkpoints, "checkpoints", {
    #[sea_orm(primary_key, auto_increment = false)]
    org_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    first_seq: i64,
    last_seq: i64,
    root: String,
    hash: String,
    signed: String,
    created_at: ChronoDateTimeUtc,
});

// --- Rows of the workers' queues.

table!(destinations, "destinations", {
    #[sea_orm(primary_key, auto_increment = false)]
    org_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    webhook_id: Uuid,
    due_at: Option<ChronoDateTimeUtc>,
    failures: i64,
    failing_since: Option<ChronoDateTimeUtc>,
    failing_seconds: i64,
    opened: i32,
    open_until: Option<ChronoDateTimeUtc>,
    slow: bool,
});

table!(deliveries, "deliveries", {
    #[sea_orm(primary_key, auto_increment = false)]
    org_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    webhook_id: Uuid,
    event_id: Uuid,
    event_type: String,
    state: i16,
    attempts: i32,
    max_attempts: i32,
    next_at: ChronoDateTimeUtc,
    lease: Option<Uuid>,
    response_status: Option<i32>,
    response_body: Option<String>,
    error: Option<String>,
    created_at: ChronoDateTimeUtc,
    updated_at: ChronoDateTimeUtc,
    line: Option<i64>,
});

table!(attempts, "attempts", {
    #[sea_orm(primary_key, auto_increment = false)]
    org_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    delivery_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    number: i32,
    at: ChronoDateTimeUtc,
    duration_ms: i64,
    response_status: Option<i32>,
    error: Option<String>,
});

table!(mails, "mails", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    org_id: Uuid,
    message: String,
    state: i16,
    attempts: i32,
    next_at: ChronoDateTimeUtc,
    lease: Option<Uuid>,
    error: Option<String>,
    created_at: ChronoDateTimeUtc,
    updated_at: ChronoDateTimeUtc,
});
