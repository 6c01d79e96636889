-- Second factors.

-- An account's authenticator app; at most one.
create table totp (
    user_id {uuid} primary key references users (id) on delete cascade,
    -- What app and we share (160 bits), sealed.
    secret text not null,
    -- The highest thirty seconds since 1970 whose code was used; 0: none.
    last_step bigint not null,
    -- When a code of it was shown; null: it was set up and counts for nothing.
    confirmed_at {time},
    created_at {time} not null
);
create index totp_confirmed on totp (confirmed_at) where confirmed_at is not null;

-- Recovery codes that were not used.
create table recovery_codes (
    user_id {uuid} not null references users (id) on delete cascade,
    -- SHA-256 of 80 random bits (hex).
    hash text not null,
    primary key (user_id, hash)
);

-- A sign-in whose password was right, and which waits for its second factor; it is used up by that.
create table waiting_sign_ins (
    user_id {uuid} not null references users (id) on delete cascade,
    id {uuid} not null,
    -- SHA-256 of the password hash that it was right with: another password ends it.
    proven text not null,
    expires_at {time} not null,
    primary key (user_id, id)
);
create index waiting_sign_ins_old on waiting_sign_ins (expires_at);

-- Second factors that an account was asked for in a day.
create table factor_attempts (
    user_id {uuid} not null references users (id) on delete cascade,
    -- In UTC, as 2026-11-30.
    day text not null,
    succeeded integer not null,
    failed integer not null,
    primary key (user_id, day)
);
create index factor_attempts_failed on factor_attempts (day, failed);

-- The platform's second factors in numbers, as they were counted on a day.
create table factor_days (
    day text primary key,
    users bigint not null,
    enrolled bigint not null,
    succeeded bigint not null,
    failed bigint not null,
    counted_at {time} not null
);
