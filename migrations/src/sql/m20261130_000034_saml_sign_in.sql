-- Signing in through SAML.

-- Our keys at a provider (JSON), sealed; null: none were needed yet. The first one signs; all are published, and decrypt.
alter table connections add column saml_keys text;
-- How the provider is spoken with beyond what it publishes (JSON); null: as usual.
alter table connections add column saml text;
-- The addresses that providers are given name a connection, and nothing else.
create index connections_id on connections (id);

-- When the provider's answer was judged, whose outcome waits for the browser that was sent; null: it was not, or the answer is judged when it comes back.
alter table upstream_logins add column judged_at {time};

-- Of a SAML response that was refused: each check, its verdict and what was found (JSON); null: nothing was checked.
alter table connection_attempts add column checks text;

-- By what a provider knows somebody who came through it: it signs them out here by that, and we there.
create table saml_sessions (
    org_id {uuid} not null,
    connection_id {uuid} not null,
    -- The sign-in through which they came, which their session names (authn).
    id {uuid} not null,
    user_id {uuid} not null references users (id) on delete cascade,
    -- SHA-256 (hex) of the name identifier with its format and qualifiers.
    name_hash text not null,
    -- SHA-256 (hex) of the index of the provider's session; null: it has none.
    index_hash text,
    -- Both (JSON), sealed.
    sealed text not null,
    -- When the provider was asked to sign them out: the request's id, SHA-256 (hex) of what comes back with the browser, and where that goes on then;
    -- null: it was not asked, or the browser stays.
    request_id text,
    state_hash text,
    back text,
    created_at {time} not null,
    -- Until when the row stays: nothing that came of it counts any longer.
    expires_at {time} not null,
    primary key (org_id, connection_id, id),
    constraint saml_sessions_connection foreign key (org_id, connection_id) references connections (org_id, id) on delete cascade
);
create index saml_sessions_name on saml_sessions (org_id, connection_id, name_hash);
create index saml_sessions_state on saml_sessions (org_id, connection_id, state_hash) where state_hash is not null;
create index saml_sessions_user on saml_sessions (user_id);
create index saml_sessions_old on saml_sessions (expires_at);

-- What an organization's policy lists last: its enabled connections, and from now on those of SAML too.
update organizations
set sign_in_policy =
    case
        when sign_in_policy is null then '{"mfa":"off","networks":[],"connections":['
        when sign_in_policy like '%,"connections":[%]}' then substr(sign_in_policy, 1, length(sign_in_policy) - 2) || ','
        else substr(sign_in_policy, 1, length(sign_in_policy) - 1) || ',"connections":['
    end
    || (
        select string_agg('{"id":"con_' || {hex c.id} || '","slug":"' || c.slug || '","generation":' || c.generation || '}', ',')
        from connections c
        join org_connections o on o.org_id = c.org_id and o.owner = c.org_id and o.connection_id = c.id
        where c.org_id = organizations.id and o.enabled and c.protocol = 'saml'
    )
    || ']}'
where id in (
    select o.org_id from org_connections o
    join connections c on c.org_id = o.org_id and c.id = o.connection_id
    where o.owner = o.org_id and o.enabled and c.protocol = 'saml'
);
