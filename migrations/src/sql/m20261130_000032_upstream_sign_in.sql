-- Signing in through organizations' identity providers.

-- Somebody whom a provider knows. org_id: the organization that is signed in to.
create table identities (
    org_id {uuid} not null,
    connection_id {uuid} not null,
    -- SHA-256 (hex) of issuer, NUL and subject, byte by byte.
    digest text not null,
    -- As the provider names them.
    subject text not null,
    user_id {uuid} not null references users (id) on delete cascade,
    -- The address that the provider claimed the last time, and whether it vouched that it is theirs and it is the account's.
    email text,
    vouched boolean not null,
    created_at {time} not null,
    last_used_at {time} not null,
    -- When their access to the organization was removed.
    blocked_at {time},
    -- Whether they have to show by something of their own that it is they.
    reprove boolean not null,
    primary key (org_id, connection_id, digest),
    constraint identities_of_user unique (org_id, connection_id, user_id),
    constraint identities_connection foreign key (org_id, connection_id) references connections (org_id, id) on delete cascade
);
create index identities_user on identities (user_id);
create index identities_by_age on identities (org_id, connection_id, created_at, digest);

-- Somebody who was removed from an organization, and whom nobody has let back in: no provider does either.
create table removals (
    org_id {uuid} not null references organizations (id) on delete cascade,
    email text not null,
    user_id {uuid} not null,
    removed_at {time} not null,
    primary key (org_id, email)
);
create index removals_user on removals (user_id);
create index removals_email on removals (email);

-- Somebody who was sent to a provider, and is expected back.
create table upstream_logins (
    id {uuid} not null,
    org_id {uuid} not null,
    connection_id {uuid} not null,
    -- Of the connection, when they were sent.
    generation bigint not null,
    flow_id {uuid} not null references flows (id) on delete cascade,
    -- SHA-256 (hex) of what the browser's cookie says.
    browser_hash text not null,
    -- SHA-256 (hex) of what comes back with the browser.
    state_hash text not null,
    -- What the answer has to fit (JSON), sealed; later what the provider said.
    sealed text not null,
    -- Whether they were to be asked again there.
    fresh boolean not null,
    created_at {time} not null,
    expires_at {time} not null,
    -- When they came back.
    answered_at {time},
    -- Whose account it is said to be, which they have to prove; null: nothing is to be proven.
    user_id {uuid},
    primary key (id),
    constraint upstream_logins_state unique (state_hash),
    constraint upstream_logins_connection foreign key (org_id, connection_id) references connections (org_id, id) on delete cascade
);
create index upstream_logins_old on upstream_logins (expires_at);
create index upstream_logins_flow on upstream_logins (flow_id);
create index upstream_logins_of on upstream_logins (org_id, connection_id);
create index upstream_logins_user on upstream_logins (user_id) where user_id is not null;

-- Attempts to sign in through a connection.
create table connection_attempts (
    org_id {uuid} not null,
    connection_id {uuid} not null,
    id {uuid} not null,
    -- signed_in, waits or failed.
    outcome text not null,
    -- Of one that failed: where, why, and the provider's words.
    stage text,
    reason text,
    detail text,
    subject text,
    email text,
    user_id {uuid},
    ip_address text,
    created_at {time} not null,
    -- Until when the row stays.
    expires_at {time} not null,
    primary key (org_id, connection_id, id),
    constraint connection_attempts_connection foreign key (org_id, connection_id) references connections (org_id, id) on delete cascade
);
create index connection_attempts_by_age on connection_attempts (org_id, connection_id, created_at, id);
create index connection_attempts_old on connection_attempts (expires_at);
create index connection_attempts_user on connection_attempts (user_id) where user_id is not null;
create index connection_attempts_email on connection_attempts (email) where email is not null;

-- The connection that a browser is to be sent to next; null: none.
alter table flows add column connection_id {uuid};
-- Somebody who came back, and has to prove that an account is theirs; null: nobody.
alter table flows add column upstream_id {uuid};
-- Why the last one who came back is not in, and which attempt that was; null: nobody, or they are.
alter table flows add column trouble text;

-- What the first factor was, if that was not the password: an entry of a session's authentications.
alter table waiting_sign_ins add column did text;

-- What an organization's policy lists: its enabled connections are written there by whatever changes them. Those of before:
update organizations
set sign_in_policy =
    case when sign_in_policy is null then '{"mfa":"off","networks":[]' else substr(sign_in_policy, 1, length(sign_in_policy) - 1) end
    || ',"connections":['
    || (
        select string_agg('{"id":"con_' || {hex c.id} || '","slug":"' || c.slug || '","generation":' || c.generation || '}', ',')
        from connections c
        join org_connections o on o.org_id = c.org_id and o.owner = c.org_id and o.connection_id = c.id
        where c.org_id = organizations.id and o.enabled and c.protocol <> 'saml'
    )
    || ']}'
where id in (
    select o.org_id from org_connections o
    join connections c on c.org_id = o.org_id and c.id = o.connection_id
    where o.owner = o.org_id and o.enabled and c.protocol <> 'saml'
);
