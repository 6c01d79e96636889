-- API keys: how a customer's own program acts in its organization.

-- How many keys there are: the limit is a condition on this counter.
alter table org_counters add column api_keys bigint not null default 0;

create table api_keys (
    org_id {uuid} not null references organizations (id) on delete cascade,
    id {uuid} not null,
    -- For people; unique in the organization.
    name text not null,
    -- The first characters of the current secret.
    prefix text not null,
    -- Names of capabilities, separated by spaces.
    permissions text not null,
    -- Networks in CIDR notation, separated by spaces; empty: it may be used from everywhere.
    networks text not null,
    -- Until when it works; null: until it is deleted.
    expires_at {time},
    -- Until when the secret before the last rotation works; null: there is none.
    old_secret_until {time},
    -- To the minute; null: never.
    last_used_at {time},
    -- Who made it. Not a reference: the key outlives its maker's account.
    created_by {uuid} not null,
    created_at {time} not null,
    updated_at {time} not null,
    primary key (org_id, id),
    constraint api_keys_name unique (org_id, name)
);

-- At most two of a key work at a time: the current one, and the one before until its time is over.
create table api_key_secrets (
    org_id {uuid} not null,
    api_key_id {uuid} not null,
    -- SHA-256 of the secret's text, in hex.
    hash text not null,
    -- The account that was shown the secret.
    shown_to {uuid} not null,
    -- Until when it works; null: for as long as the key does.
    expires_at {time},
    created_at {time} not null,
    primary key (org_id, api_key_id, hash),
    constraint api_key_secrets_hash unique (hash),
    constraint api_key_secrets_key foreign key (org_id, api_key_id) references api_keys (org_id, id) on delete cascade
);
create index api_key_secrets_shown_to on api_key_secrets (org_id, shown_to);
