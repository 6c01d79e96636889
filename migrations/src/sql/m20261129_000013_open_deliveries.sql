-- How many deliveries may be open, and what becomes of the events beyond that: their endpoint is behind, and catches up from the feed.

-- It answered 2xx, for the first time since it has its URL; null: never yet, so that it gets few requests.
alter table destinations add column verified_at {time};
-- At most so many of its deliveries are open: as counted once, and those that were made since; null: not counted yet.
alter table destinations add column open_most bigint;
-- It is behind since then: what happens is not made into deliveries, but read from the feed when there is room; null: it is not.
alter table destinations add column behind_since {time};
-- The number in the feed of the first event that it has not been given.
alter table destinations add column behind_from bigint;
-- What was full: endpoint, organization or unverified.
alter table destinations add column behind_why text;
-- When to look for room next.
alter table destinations add column behind_due_at {time};
-- When its organization was last told that it fell behind; kept, because its owners get one mail a day.
alter table destinations add column behind_told_at {time};
create index destinations_behind on destinations (behind_due_at) where behind_due_at is not null;

-- What was delivered to them before has proved them. Where the history has gone, the next 2xx does.
update destinations
set verified_at = (select w.updated_at from webhooks w where w.org_id = destinations.org_id and w.id = destinations.webhook_id)
where exists (
    select 1 from deliveries d
    where d.org_id = destinations.org_id and d.webhook_id = destinations.webhook_id and d.state = 2);
