-- What happened. One row is the audit record, and what the outbox, the feed and every delivery point at.

-- org_id: the nil UUID is the platform's own log. body is the exact text that is signed and hashed: kept as text, because a JSON
-- column rewrites documents.
create table events (
    org_id {uuid} not null,
    id {uuid} not null,
    name text not null,
    actor_kind text not null,
    actor_id text,
    actor_email text,
    target_type text not null,
    target_id text not null,
    ip_address text,
    user_agent text,
    request_id text,
    traceparent text,
    success boolean not null,
    metadata text not null,
    body text not null,
    created_at {time} not null,
    primary key (org_id, id)
);
create index events_by_name on events (org_id, name, id);
create index events_by_target on events (org_id, target_type, target_id, id);

-- Committed events that the sequencer has not numbered yet.
create table outbox (
    pos {identity},
    org_id {uuid} not null,
    event_id {uuid} not null
);

-- One row: whoever updates it is the sequencer of this moment.
create table sequencer (
    id smallint primary key,
    passes bigint not null
);
insert into sequencer (id, passes) values (1, 0);

-- Per organization: the last number given, and the end of the audit hash chain.
create table heads (
    org_id {uuid} primary key,
    seq bigint not null,
    hash text not null
);

-- The order of an organization's events, without gaps, with the hash chain over them: hash = SHA-256(previous hash, seq, event).
create table feed (
    org_id {uuid} not null,
    seq bigint not null,
    event_id {uuid} not null,
    hash text not null,
    primary key (org_id, seq)
);
create index feed_event on feed (org_id, event_id);
