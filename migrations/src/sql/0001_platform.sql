-- What belongs to the platform itself.

-- Data keys, each wrapped by a master key that is never in the database.
create table data_keys (
    id bigint primary key,
    master text not null,
    wrapped {bytes} not null,
    created_at {time} not null
);

-- Keys that sign tokens; the private part is sealed. Published from created_at, signing from active_from, gone at retired_at.
create table signing_keys (
    kid text primary key,
    alg text not null,
    private_key text not null,
    active_from {time} not null,
    retired_at {time},
    created_at {time} not null
);

-- The first statement of a repeated request waits here for the first one's outcome.
create table idempotency (
    id text primary key,
    digest text not null,
    output text,
    created_at {time} not null
);
create index idempotency_age on idempotency (created_at);

create table tiers (
    id text primary key,
    name text not null,
    display_name text not null,
    default_max_services bigint not null,
    default_max_users bigint not null,
    features text not null,
    price_cents bigint not null,
    currency text not null,
    created_at {time} not null
);
insert into tiers (id, name, display_name, default_max_services, default_max_users, features, price_cents, currency, created_at) values
('tier_free', 'free', 'Free', 2, 3, '{"allow_custom_domain":false,"allow_saml_idp":true,"allow_scim":false,"allow_siem":false,"allow_branding":false,"allow_passkeys":true,"allowed_social_providers":["github","google","microsoft"],"max_mau":0,"allow_overage":true}', 0, 'usd', '2026-01-01T00:00:00+00:00'),
('tier_starter', 'starter', 'Starter', 10, 10, '{"allow_custom_domain":true,"allow_saml_idp":true,"allow_scim":true,"allow_siem":false,"allow_branding":true,"allow_passkeys":true,"allowed_social_providers":["github","google","microsoft"],"max_mau":0,"allow_overage":true}', 4900, 'usd', '2026-01-01T00:00:00+00:00'),
('tier_pro', 'pro', 'Pro', 50, 50, '{"allow_custom_domain":true,"allow_saml_idp":true,"allow_scim":true,"allow_siem":true,"allow_branding":true,"allow_passkeys":true,"allowed_social_providers":["github","google","microsoft"],"max_mau":0,"allow_overage":true}', 14900, 'usd', '2026-01-01T00:00:00+00:00'),
('tier_enterprise', 'enterprise', 'Enterprise', 999999, 999999, '{"allow_custom_domain":true,"allow_saml_idp":true,"allow_scim":true,"allow_siem":true,"allow_branding":true,"allow_passkeys":true,"allowed_social_providers":["github","google","microsoft"],"max_mau":0,"allow_overage":true}', 49900, 'usd', '2026-01-01T00:00:00+00:00');
