-- The sealed audit log: a leaf for each record, signed checkpoints over the leaves, and what an organization decides about its log.

-- Goes into the record's leaf, so that nobody can guess an erased content from it (hex); null: erased, or from before this step.
alter table events add column salt text;
-- What is left of an erased content: the hash that the leaf was made of. Null: not erased.
alter table events add column digest text;

-- The record's hash in the Merkle trees (hex); null: from before this step, and not sealed yet.
alter table feed add column leaf text;
-- What the chain's hash is over: 0 the body (from before this step), 1 the leaf.
alter table feed add column chained smallint not null default 0;

-- The last number under a checkpoint; 0: none.
alter table heads add column sealed bigint not null default 0;
-- Up to here, records were removed by retention; 0: none.
alter table heads add column anchor bigint not null default 0;
create index heads_unsealed on heads (org_id) where seq > sealed;
-- What retention removed before there were checkpoints: the first entry of the feed is the anchor.
update heads set anchor = (select min(f.seq) from feed f where f.org_id = heads.org_id), sealed = (select min(f.seq) from feed f where f.org_id = heads.org_id)
where exists (select 1 from feed f where f.org_id = heads.org_id)
and not exists (select 1 from feed f join events e on e.org_id = f.org_id and e.id = f.event_id where f.org_id = heads.org_id and f.seq = 1);

-- Keys that sign checkpoints. None is ever removed: what it signed must stay verifiable.
create table audit_keys (
    id bigint primary key,          -- 1, 2, …: the highest signs
    kid text not null,              -- RFC 7638 thumbprint
    alg text not null,
    public_jwk text not null,       -- published for ever
    private_key text not null,      -- sealed PKCS #8
    created_at {time} not null
);

-- One segment of an organization's feed under a Merkle root.
create table checkpoints (
    org_id {uuid} not null,         -- nil: the platform
    first_seq bigint not null,
    last_seq bigint not null,
    root text not null,             -- of the Merkle tree over the leaves from first_seq to last_seq (hex)
    hash text not null,             -- the chain's hash at last_seq (hex)
    signed text not null,           -- the JWS that says so, and names the checkpoint before
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

-- Erasures under way. A row is deleted when it is done, and the address with it.
create table erasures (
    org_id {uuid} not null references organizations (id) on delete cascade,
    id {uuid} not null,
    user_id {uuid},                 -- whose content is removed, by account …
    email text,                     -- … by address, or by both
    done_seq bigint not null,       -- records up to here were looked at
    erased bigint not null,         -- so many of them were erased
    created_at {time} not null,
    primary key (org_id, id)
);
create index erasures_by_age on erasures (created_at, org_id, id);
