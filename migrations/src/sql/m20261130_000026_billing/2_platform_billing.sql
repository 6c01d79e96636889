-- Organizations as customers of the platform.

-- What an organization is at the provider that the platform bills through, and what it has bought, as the provider says. Made when its owner
-- first opens the provider's pages.
create table billing_accounts (
    org_id {uuid} not null references organizations (id) on delete cascade,
    provider text not null,           -- stripe, polar
    customer_id text,                 -- the provider's; null: it is none any more
    customers bigint not null,        -- how many customers it has been: the making of each has a name of its own
    subscription_id text,             -- the provider's, of what was told last; null: nothing was
    subscription_status text,         -- where that stands
    current_period_end {time},        -- until when it is paid; null: not known
    told_at {time},                   -- the moment of what the provider said last: what was before that changes nothing
    tier_id text,                     -- the tier that it pays for now; null: none
    created_at {time} not null,
    primary key (org_id, provider),
    constraint billing_accounts_customer unique (provider, customer_id)
);

-- A call of the platform's own provider that was taken: each once. What it said is in the account; the call itself is not kept.
create table platform_billing_events (
    provider text not null,       -- stripe, polar
    event_id text not null,       -- the provider's id of it
    event_type text not null,     -- the provider's name of what happened
    outcome text not null,        -- applied, unchanged, ignored, outdated, unmatched; empty: it is being taken
    happened_at {time} not null,  -- as the provider says
    received_at {time} not null,
    primary key (provider, event_id)
);
create index platform_billing_events_old on platform_billing_events (received_at);
