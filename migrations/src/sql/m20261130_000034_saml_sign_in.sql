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
