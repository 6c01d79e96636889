-- People and their sign-ins.

-- realm: the nil UUID is the platform's; any other is the organization that manages the account. Never null, because a unique
-- index lets NULLs repeat.
create table users (
    id {uuid} primary key,
    realm {uuid} not null,
    email text not null,
    password_hash text,
    is_platform_owner boolean not null,
    email_verified_at {time},
    created_at {time} not null,
    updated_at {time} not null,
    deleted_at {time},
    constraint users_email unique (realm, email)
);

-- What a mailed link stands for. Single use: consuming it deletes the row. A sign-up has no account yet (user_id null): the link
-- carries the password it was made with, so nobody can prepare an account for somebody else's address.
create table one_time_links (
    hash text primary key,
    purpose text not null,
    user_id {uuid} references users (id) on delete cascade,
    email text not null,
    password_hash text,
    expires_at {time} not null,
    created_at {time} not null
);
create index one_time_links_email on one_time_links (email, purpose);
create index one_time_links_user on one_time_links (user_id, purpose);
create index one_time_links_expiry on one_time_links (expires_at);

-- One sign-in.
create table sessions (
    id {uuid} primary key,
    user_id {uuid} not null references users (id) on delete cascade,
    method text not null,
    ip_address text,
    user_agent text,
    created_at {time} not null,
    last_seen_at {time} not null,
    expires_at {time} not null,
    revoked_at {time}
);
create index sessions_user on sessions (user_id);
create index sessions_age on sessions (expires_at);

-- What a session may act on: the platform (nil) or one organization. One family of refresh tokens each.
create table grants (
    id {uuid} primary key,
    session_id {uuid} not null references sessions (id) on delete cascade,
    user_id {uuid} not null,
    org_id {uuid} not null,
    refresh_hash text not null,
    refresh_expires_at {time} not null,
    created_at {time} not null,
    revoked_at {time},
    constraint grants_refresh unique (refresh_hash)
);
create index grants_session on grants (session_id);
create index grants_org_user on grants (org_id, user_id);

-- Refresh tokens that were used. One that comes back ends its family.
create table spent_refresh_tokens (
    hash text primary key,
    grant_id {uuid} not null references grants (id) on delete cascade,
    spent_at {time} not null
);
create index spent_refresh_tokens_grant on spent_refresh_tokens (grant_id);
