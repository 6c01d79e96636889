-- The sealed audit log: a leaf for each record, signed checkpoints over the leaves, and what an organization decides about its log.

-- salt: goes into the record's leaf, so that nobody can guess an erased content from it. digest: what is left of an erased content.
alter table events add column salt text;
alter table events add column digest text;

-- leaf: the record's hash in the Merkle trees. chained: what the chain's hash is over: 0 the body (from before there were leaves), 1 the leaf.
alter table feed add column leaf text;
alter table feed add column chained smallint not null default 0;

-- sealed: the last number under a checkpoint. anchor: up to here, records were removed by retention.
alter table heads add column sealed bigint not null default 0;
alter table heads add column anchor bigint not null default 0;
create index heads_unsealed on heads (org_id) where seq > sealed;
-- What retention removed before there were checkpoints: the first entry of the feed is the anchor.
update heads set anchor = (select min(f.seq) from feed f where f.org_id = heads.org_id), sealed = (select min(f.seq) from feed f where f.org_id = heads.org_id)
where exists (select 1 from feed f where f.org_id = heads.org_id)
and not exists (select 1 from feed f join events e on e.org_id = f.org_id and e.id = f.event_id where f.org_id = heads.org_id and f.seq = 1);

-- Keys that sign checkpoints; the private part is sealed. None is ever removed: what it signed must stay verifiable.
create table audit_keys (
    id bigint primary key,
    kid text not null,
    alg text not null,
    public_jwk text not null,
    private_key text not null,
    created_at {time} not null
);

-- One segment of an organization's feed under a Merkle root; signed is the JWS that says so.
create table checkpoints (
    org_id {uuid} not null,
    first_seq bigint not null,
    last_seq bigint not null,
    root text not null,
    hash text not null,
    signed text not null,
    created_at {time} not null,
    primary key (org_id, first_seq),
    constraint checkpoints_end unique (org_id, last_seq)
);

-- How long an organization keeps its records, if not as long as the platform does.
create table audit_retention (
    org_id {uuid} primary key references organizations (id) on delete cascade,
    days integer not null,
    updated_at {time} not null
);

-- Erasures under way: whose content is removed, and how far. Gone when done, with the address.
create table erasures (
    org_id {uuid} not null references organizations (id) on delete cascade,
    id {uuid} not null,
    user_id {uuid},
    email text,
    done_seq bigint not null,
    erased bigint not null,
    created_at {time} not null,
    primary key (org_id, id)
);
create index erasures_by_age on erasures (created_at, org_id, id);
