-- Work for the workers.

-- An endpoint as the workers see it. They claim these, not deliveries, so an endpoint with many rows starves nobody.
create table destinations (
    org_id {uuid} not null,
    webhook_id {uuid} not null,
    due_at {time},                  -- when to look at it next: in the future, wait until then; null: nothing waits
    failures bigint not null,       -- failed attempts since the last success
    primary key (org_id, webhook_id),
    foreign key (org_id, webhook_id) references webhooks (org_id, id) on delete cascade
);
create index destinations_due on destinations (due_at) where due_at is not null;

-- One event on its way to one endpoint.
create table deliveries (
    org_id {uuid} not null,
    id {uuid} not null,             -- X-Webhook-Delivery
    webhook_id {uuid} not null,
    event_id {uuid} not null,
    event_type text not null,       -- the event's name
    state smallint not null,        -- 0 waiting, 1 in flight, 2 delivered, 3 failed
    attempts integer not null,      -- tried so often, one that is in flight included
    max_attempts integer not null,  -- tried so often at most
    next_at {time} not null,        -- waiting: its next attempt; in flight: the end of its lease
    lease {uuid},                   -- names the claim while it is in flight: only who knows it can settle
    response_status integer,        -- of the last answer; null: there was none
    response_body text,             -- its first 10,000 characters
    error text,                     -- why the last attempt failed, for the customer to read
    created_at {time} not null,
    updated_at {time} not null,
    primary key (org_id, id),
    foreign key (org_id, webhook_id) references webhooks (org_id, id) on delete cascade,
    foreign key (org_id, event_id) references events (org_id, id)
);
create index deliveries_due on deliveries (org_id, webhook_id, next_at, id) where state < 2;
create index deliveries_in_flight on deliveries (org_id, webhook_id, next_at) where state = 1;
create index deliveries_history on deliveries (org_id, webhook_id, id);
create index deliveries_event on deliveries (org_id, event_id);
create index deliveries_age on deliveries (updated_at) where state >= 2;

-- Every attempt of a delivery.
create table attempts (
    org_id {uuid} not null,
    delivery_id {uuid} not null,
    number integer not null,        -- from 1
    at {time} not null,             -- when it began
    duration_ms bigint not null,
    response_status integer,        -- null: no answer
    error text,                     -- null: it arrived
    primary key (org_id, delivery_id, number),
    foreign key (org_id, delivery_id) references deliveries (org_id, id) on delete cascade
);

-- Mail on its way.
create table mails (
    id {uuid} primary key,
    org_id {uuid} not null,         -- whose; nil: the platform
    message text not null,          -- sealed JSON, because it holds one-time links; empty as soon as nobody needs it
    state smallint not null,        -- as deliveries
    attempts integer not null,      -- as deliveries
    next_at {time} not null,        -- as deliveries
    lease {uuid},                   -- as deliveries
    error text,                     -- for the operator
    created_at {time} not null,
    updated_at {time} not null
);
create index mails_due on mails (next_at, id) where state < 2;
create index mails_age on mails (updated_at) where state >= 2;
