-- What belongs to the platform itself.

-- Data keys encrypt stored secrets. Each is wrapped by a master key, which is never in the database.
create table data_keys (
    id bigint primary key,          -- 1, 2, …: the highest encrypts; sealed values name theirs: v1.<id>.…
    master text not null,           -- id of the master key that wraps it
    wrapped {bytes} not null,       -- the key, encrypted by that master key
    created_at {time} not null
);

-- Keys that sign tokens. Published from created_at, signing from active_from, gone at retired_at.
create table signing_keys (
    kid text primary key,           -- RFC 7638 thumbprint of the public half
    alg text not null,              -- ES256, RS256 or EdDSA
    private_key text not null,      -- sealed PKCS #8
    active_from {time} not null,    -- signs from here on
    retired_at {time},              -- nothing that it signed is accepted from here on; null: still in use
    created_at {time} not null
);

-- Answers to requests that carried an Idempotency-Key. The first statement of a repeated request waits here for the first one's outcome.
create table idempotency (
    id text primary key,            -- SHA-256 (hex) of caller, operation and key
    digest text not null,           -- SHA-256 (hex) of the request: the same key with another request is refused
    output text,                    -- sealed answer; null only inside the transaction that makes it
    created_at {time} not null
);
create index idempotency_age on idempotency (created_at);

-- What an organization pays for.
create table tiers (
    id text primary key,            -- fixed: tier_free
    name text not null,             -- free
    display_name text not null,     -- Free
    default_max_services bigint not null, -- services of an organization that has no number of its own
    default_max_users bigint not null,    -- members, likewise
    features text not null,         -- JSON, as the API shows it
    price_cents bigint not null,    -- per month, in hundredths of the currency
    currency text not null,         -- ISO 4217, lower case
    created_at {time} not null
);
insert into tiers (id, name, display_name, default_max_services, default_max_users, features, price_cents, currency, created_at) values
('tier_free', 'free', 'Free', 2, 3, '{"allow_custom_domain":false,"allow_saml_idp":true,"allow_scim":false,"allow_siem":false,"allow_branding":false,"allow_passkeys":true,"allowed_social_providers":["github","google","microsoft"],"max_mau":0,"allow_overage":true}', 0, 'usd', '2026-01-01T00:00:00+00:00'),
('tier_starter', 'starter', 'Starter', 10, 10, '{"allow_custom_domain":true,"allow_saml_idp":true,"allow_scim":true,"allow_siem":false,"allow_branding":true,"allow_passkeys":true,"allowed_social_providers":["github","google","microsoft"],"max_mau":0,"allow_overage":true}', 4900, 'usd', '2026-01-01T00:00:00+00:00'),
('tier_pro', 'pro', 'Pro', 50, 50, '{"allow_custom_domain":true,"allow_saml_idp":true,"allow_scim":true,"allow_siem":true,"allow_branding":true,"allow_passkeys":true,"allowed_social_providers":["github","google","microsoft"],"max_mau":0,"allow_overage":true}', 14900, 'usd', '2026-01-01T00:00:00+00:00'),
('tier_enterprise', 'enterprise', 'Enterprise', 999999, 999999, '{"allow_custom_domain":true,"allow_saml_idp":true,"allow_scim":true,"allow_siem":true,"allow_branding":true,"allow_passkeys":true,"allowed_social_providers":["github","google","microsoft"],"max_mau":0,"allow_overage":true}', 49900, 'usd', '2026-01-01T00:00:00+00:00');
