-- Work for the workers.

-- An endpoint as the workers see it: due_at null = nothing waits; in the future = wait until then.
create table destinations (
    org_id {uuid} not null,
    webhook_id {uuid} not null,
    due_at {time},
    failures bigint not null,
    primary key (org_id, webhook_id),
    foreign key (org_id, webhook_id) references webhooks (org_id, id) on delete cascade
);
create index destinations_due on destinations (due_at) where due_at is not null;

-- One event on its way to one endpoint. state: 0 waiting, 1 in flight (until next_at, the end of its lease), 2 delivered, 3 failed.
create table deliveries (
    org_id {uuid} not null,
    id {uuid} not null,
    webhook_id {uuid} not null,
    event_id {uuid} not null,
    event_type text not null,
    state smallint not null,
    attempts integer not null,
    max_attempts integer not null,
    next_at {time} not null,
    lease {uuid},
    response_status integer,
    response_body text,
    error text,
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
    number integer not null,
    at {time} not null,
    duration_ms bigint not null,
    response_status integer,
    error text,
    primary key (org_id, delivery_id, number),
    foreign key (org_id, delivery_id) references deliveries (org_id, id) on delete cascade
);

-- Mail on its way. The message is sealed, because it holds one-time links.
create table mails (
    id {uuid} primary key,
    org_id {uuid} not null,
    message text not null,
    state smallint not null,
    attempts integer not null,
    next_at {time} not null,
    lease {uuid},
    error text,
    created_at {time} not null,
    updated_at {time} not null
);
create index mails_due on mails (next_at, id) where state < 2;
create index mails_age on mails (updated_at) where state >= 2;
