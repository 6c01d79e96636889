-- People and their sign-ins.

create table users (
    id {uuid} primary key,
    realm {uuid} not null,          -- nil: the platform's; else the organization that manages the account. Never null: a unique index lets nulls repeat
    email text not null,            -- lower case; unique per realm, never the key
    password_hash text,             -- argon2id, as a PHC string; null: no password yet
    is_platform_owner boolean not null,
    email_verified_at {time},       -- when the mailbox was proven; null: never, so no sign-in by password
    created_at {time} not null,
    updated_at {time} not null,
    deleted_at {time},              -- closed: cannot sign in
    constraint users_email unique (realm, email)
);

-- What a mailed link stands for. Single use: taking it deletes the row. A sign-up has no account yet: its link carries the password that
-- it was made with, so nobody can prepare an account for somebody else's address.
create table one_time_links (
    hash text primary key,          -- SHA-256 (hex) of the token; the token itself is only in the mail
    purpose text not null,          -- verify_email, reset_password, change_email, platform_owner; decoy opens nothing
    user_id {uuid} references users (id) on delete cascade, -- null: a sign-up, or the set-up of the platform
    email text not null,            -- where it was mailed to; for change_email the new address
    password_hash text,             -- the sign-up's; null for every other purpose
    expires_at {time} not null,
    created_at {time} not null
);
create index one_time_links_email on one_time_links (email, purpose);
create index one_time_links_user on one_time_links (user_id, purpose);
create index one_time_links_expiry on one_time_links (expires_at);

-- One sign-in.
create table sessions (
    id {uuid} primary key,          -- sid in access tokens
    user_id {uuid} not null references users (id) on delete cascade,
    method text not null,           -- how: password
    ip_address text,                -- from where, after trusted proxies; null: unknown
    user_agent text,                -- at most 300 characters
    created_at {time} not null,
    last_seen_at {time} not null,   -- when its tokens were last renewed
    expires_at {time} not null,     -- ends then unless it is renewed
    revoked_at {time}               -- ended before: by its owner, a new password, …
);
create index sessions_user on sessions (user_id);
create index sessions_age on sessions (expires_at);

-- What a session may act on: the platform or one organization. One family of refresh tokens each.
create table grants (
    id {uuid} primary key,          -- gid in access tokens
    session_id {uuid} not null references sessions (id) on delete cascade,
    user_id {uuid} not null,        -- the session's
    org_id {uuid} not null,         -- nil: the platform
    refresh_hash text not null,     -- SHA-256 (hex) of the current refresh token
    refresh_expires_at {time} not null,
    created_at {time} not null,
    revoked_at {time},              -- ended: its tokens work no more
    constraint grants_refresh unique (refresh_hash)
);
create index grants_session on grants (session_id);
create index grants_org_user on grants (org_id, user_id);

-- Refresh tokens that were used. One that comes back ends its family.
create table spent_refresh_tokens (
    hash text primary key,          -- SHA-256 (hex) of the token
    grant_id {uuid} not null references grants (id) on delete cascade, -- its family
    spent_at {time} not null        -- within tokens.refresh_race_seconds after it, a return counts as a race
);
create index spent_refresh_tokens_grant on spent_refresh_tokens (grant_id);
