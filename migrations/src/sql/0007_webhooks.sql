-- Webhooks: order, secrets that are being rotated out, endpoints that were switched off, and the circuit breaker.

-- in_order: each event waits for the one before it. disabled_*: the server switched it off, not its organization. old_secrets: sealed
-- JSON of those that still sign; after old_secrets_until none of them does.
alter table webhooks add column in_order boolean not null default false;
alter table webhooks add column disabled_at {time};
alter table webhooks add column disabled_reason text;
alter table webhooks add column old_secrets text;
alter table webhooks add column old_secrets_until {time};

-- The circuit of an endpoint. failing_seconds: from the first to the last failure since the last success. opened: how often it opened
-- since then. slow: its last answer took long or did not come; such endpoints get a share of the workers' hands only.
alter table destinations add column failing_since {time};
alter table destinations add column failing_seconds bigint not null default 0;
alter table destinations add column opened integer not null default 0;
alter table destinations add column open_until {time};
alter table destinations add column slow boolean not null default false;
drop index destinations_due;
create index destinations_turn on destinations (slow, due_at) where due_at is not null;
create index destinations_failing on destinations (failing_seconds) where failing_seconds > 0;

-- The event's number in the feed, for endpoints that want their events in order (null for the others, which pay nothing for the index);
-- 0 for a test event, which goes before all others.
alter table deliveries add column line bigint;
create index deliveries_line on deliveries (org_id, webhook_id, line, id) where state < 2 and line is not null;
