-- Webhooks: order, secrets that are being rotated out, endpoints that were switched off, and the circuit breaker.

-- Each event waits for the one before it.
alter table webhooks add column in_order boolean not null default false;
-- The server switched it off, not its organization; null: it did not.
alter table webhooks add column disabled_at {time};
-- Why, for the customer to read.
alter table webhooks add column disabled_reason text;
-- Sealed JSON of the secrets that still sign beside the current one; null: none.
alter table webhooks add column old_secrets text;
-- From here on none of them signs.
alter table webhooks add column old_secrets_until {time};

-- The circuit of an endpoint. The first failure since the last success; null: none.
alter table destinations add column failing_since {time};
-- Seconds from the first to the last failure since the last success.
alter table destinations add column failing_seconds bigint not null default 0;
-- How often the circuit opened since then.
alter table destinations add column opened integer not null default 0;
-- Nothing is sent until then. In the past: the next delivery is a probe. Null: closed.
alter table destinations add column open_until {time};
-- Its last answer took long or did not come: such endpoints share a part of a worker's concurrency slots.
alter table destinations add column slow boolean not null default false;
drop index destinations_due;
create index destinations_turn on destinations (slow, due_at) where due_at is not null;
create index destinations_failing on destinations (failing_seconds) where failing_seconds > 0;

-- Its place in the order of an endpoint that wants its events in order: the event's number in the feed, or 0 for a test event, which goes
-- before all others. Null at the other endpoints, which pay nothing for the index.
alter table deliveries add column line bigint;
create index deliveries_line on deliveries (org_id, webhook_id, line, id) where state < 2 and line is not null;
