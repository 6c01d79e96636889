-- What payment providers tell of subscriptions to organizations' services.

-- A plan's product at Polar; null: it is not sold there.
alter table plans add column polar_product_id text;

-- Who says where a subscription stands: a provider; null: the service's own program does.
alter table subscriptions add column provider text;
-- The provider's id of it.
alter table subscriptions add column external_id text;
-- The moment of what the provider said last: what was before that changes nothing.
alter table subscriptions add column told_at {time};
create index if not exists subscriptions_external on subscriptions (org_id, external_id) where external_id is not null;

-- A call of a provider that was taken: each once. What it said is in the subscription; the call itself is not kept.
create table billing_events (
    org_id {uuid} not null,
    provider text not null,      -- stripe, polar
    event_id text not null,      -- the provider's id of it
    number bigint not null,      -- of the calls of this provider that were taken, from 1; the newest are kept
    event_type text not null,    -- the provider's name of what happened
    outcome text not null,       -- applied, unchanged, ignored, outdated, unmatched
    happened_at {time} not null, -- as the provider says
    received_at {time} not null,
    primary key (org_id, provider, event_id),
    constraint billing_events_credentials foreign key (org_id, provider)
        references billing_credentials (org_id, provider) on delete cascade
);
create index billing_events_number on billing_events (org_id, provider, number);
