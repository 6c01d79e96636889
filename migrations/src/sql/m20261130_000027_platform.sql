-- The platform as a whole: in numbers, what its owners set, and who of them acts as somebody else.

-- A day of the whole platform. A job of the worker counts it again for as long as it can change.
create table platform_days (
    day text primary key,              -- in UTC, as 2026-11-29
    new_organizations bigint not null, -- founded on it
    new_users bigint not null,         -- accounts made on it
    sign_ins bigint not null           -- to organizations, services and the platform
);

-- What a job of the worker found out about the platform as a whole.
create table platform_figures (
    name text primary key,       -- totals, top_organizations
    value text not null,         -- JSON
    computed_at {time} not null
);

-- What platform owners set. One row, or none.
create table platform_config (
    id smallint primary key,     -- always 1
    prepared text not null,      -- JSON: what holds once it is applied; what is missing, the configuration file says
    applied text not null,       -- JSON, likewise: what holds
    updated_at {time} not null,  -- when it was prepared
    applied_at {time}            -- null: never
);

-- A platform owner acts as somebody else, for a while.
create table impersonations (
    id {uuid} primary key,       -- jti of the token
    operator_id {uuid} not null references users (id) on delete cascade, -- who acts
    session_id {uuid} not null references sessions (id) on delete cascade, -- the operator's sign-in: it ends with that
    user_id {uuid} not null references users (id) on delete cascade, -- as whom
    org_id {uuid} not null,      -- where; nil: in no organization
    reason text not null,        -- empty: none was given
    created_at {time} not null,
    expires_at {time} not null,
    ended_at {time}              -- ended before that
);
create index impersonations_operator on impersonations (operator_id, expires_at);
create index impersonations_session on impersonations (session_id);
create index impersonations_user on impersonations (user_id);
create index impersonations_old on impersonations (expires_at);

-- Accounts by age and, for who searches, by the bytes of their address. Both are to be built before the upgrade where there are many.
create index if not exists users_created on users (created_at, id);
create index if not exists users_address on users (email{bytewise}, id);

-- Who is forgotten is found by their address among invitations that were answered. To be built before the upgrade where there are many.
create index if not exists invitations_address on invitations (email);

-- The platform's own log can have orders as well: no reference to organizations, whose purge deletes theirs. Few rows, copied as they are.
create table erasures_of_all (
    org_id {uuid} not null,         -- whose log; nil: the platform's
    id {uuid} not null,
    user_id {uuid},                 -- whose content is removed, by account …
    email text,                     -- … by address, or by both
    done_seq bigint not null,       -- records up to here were looked at
    erased bigint not null,         -- so many of them were erased
    created_at {time} not null,
    worked_at {time},               -- when a batch of this order was last done; null: never, or by a version before this column
    primary key (org_id, id)
);
insert into erasures_of_all (org_id, id, user_id, email, done_seq, erased, created_at, worked_at)
select org_id, id, user_id, email, done_seq, erased, created_at, worked_at from erasures;
drop table erasures;
alter table erasures_of_all rename to erasures;
create index erasures_by_age on erasures (created_at, org_id, id);
