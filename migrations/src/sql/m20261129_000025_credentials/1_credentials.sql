-- What an organization hands to others, and what others handed to it: tokens of its directory, and its credentials at sign-in and payment
-- providers.

-- How many SCIM tokens there are: the limit is a condition on this counter.
alter table org_counters add column scim_tokens bigint not null default 0;

-- A token with which a directory provisions an organization. It stays after it was revoked, until somebody deletes it.
create table scim_tokens (
    org_id {uuid} not null references organizations (id) on delete cascade,
    id {uuid} not null,
    -- For people.
    name text not null,
    -- The first characters of the secret.
    prefix text not null,
    -- SHA-256 of the secret's text, in hex.
    hash text not null,
    -- The connection whose people it provisions; null: none.
    connection_id {uuid},
    -- live, paused, dry_run
    mode text not null,
    -- What whoever made it held: owner, admin, or capabilities separated by spaces. The directory gives no more than that.
    ceiling text not null,
    -- The account that was shown the secret. Not a reference: the token outlives its maker's account.
    shown_to {uuid} not null,
    -- Until when it works; null: until it is revoked.
    expires_at {time},
    -- When it was revoked; null: it was not.
    revoked_at {time},
    -- To the minute; null: never.
    last_used_at {time},
    created_at {time} not null,
    primary key (org_id, id),
    constraint scim_tokens_hash unique (hash)
);
create index scim_tokens_shown_to on scim_tokens (org_id, shown_to);

-- An organization's own OAuth client at a social provider.
create table oauth_credentials (
    org_id {uuid} not null references organizations (id) on delete cascade,
    id {uuid} not null,
    provider text not null,      -- github, google, microsoft
    client_id text not null,     -- as the provider knows it
    client_secret text not null, -- sealed
    entered_by {uuid},           -- who entered the secret, and so knows it; not a reference. Null: a program
    created_at {time} not null,
    updated_at {time} not null,
    primary key (org_id, id),
    constraint oauth_credentials_provider unique (org_id, provider)
);

-- An organization's own account at a payment provider, which its services are paid through.
create table billing_credentials (
    org_id {uuid} not null references organizations (id) on delete cascade,
    id {uuid} not null,
    provider text not null,       -- stripe, polar
    mode text not null,           -- test, live
    api_key text not null,        -- sealed
    webhook_secret text not null, -- sealed: what the provider signs its calls with
    entered_by {uuid},            -- who entered both, and so knows them; not a reference. Null: a program
    received bigint not null,     -- how many calls of the provider were taken: their numbers
    created_at {time} not null,
    updated_at {time} not null,
    primary key (org_id, id),
    constraint billing_credentials_provider unique (org_id, provider)
);
