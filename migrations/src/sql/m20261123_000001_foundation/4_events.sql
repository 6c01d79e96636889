-- What happened. One row is the audit record, and what the outbox, the feed and every delivery point at.

create table events (
    org_id {uuid} not null,         -- nil: the platform's own log. No reference: the log outlives its organization
    id {uuid} not null,             -- UUIDv7: begins with the time. The webhook-id of its deliveries
    name text not null,             -- user.removed
    actor_kind text not null,       -- what acted: user, system, anonymous; erased
    actor_id text,                  -- user id or name of the job; null: nobody known
    actor_email text,               -- a user's address at that time
    target_type text not null,      -- what it happened to: organization, user, invitation, …
    target_id text not null,
    ip_address text,
    user_agent text,
    request_id text,                -- as in the logs and in the answer
    traceparent text,               -- W3C trace context, carried to the deliveries
    success boolean not null,       -- false: a refused sign-in, a refresh token that came back
    metadata text not null,         -- JSON: the event's data
    body text not null,             -- the exact text that is posted, signed and hashed. Text, because a JSON column rewrites documents
    created_at {time} not null,
    primary key (org_id, id)
);
create index events_by_name on events (org_id, name, id);
create index events_by_target on events (org_id, target_type, target_id, id);

-- Committed events that the sequencer has not numbered yet.
create table outbox (
    pos {identity},                 -- the order of insertion; with gaps, and not the order of commits
    org_id {uuid} not null,
    event_id {uuid} not null
);

-- One row: whoever updates it is the sequencer of this moment.
create table sequencer (
    id smallint primary key,        -- 1
    passes bigint not null          -- counts passes: readers who wait compare it
);
insert into sequencer (id, passes) values (1, 0);

-- Per organization: where its feed and its audit hash chain end.
create table heads (
    org_id {uuid} primary key,      -- nil: the platform
    seq bigint not null,            -- the last number given; the first is 1
    hash text not null              -- the chain's hash at that number (hex)
);

-- The order of an organization's events, without gaps, with the hash chain over them.
create table feed (
    org_id {uuid} not null,
    seq bigint not null,            -- 1, 2, 3, …
    event_id {uuid} not null,
    hash text not null,             -- SHA-256 (hex) of the previous hash, seq and event
    primary key (org_id, seq)
);
create index feed_event on feed (org_id, event_id);
