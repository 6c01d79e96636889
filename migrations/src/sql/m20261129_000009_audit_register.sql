-- What keeps the sealed audit log from being forged by whoever can write to this database, but does not have the master key.

-- What was sealed last of each log. Rows stay for ever: each names the next organization, so that a row that is taken out is missed.
create table audit_register (
    org_id {uuid} primary key,      -- nil: the platform, with whose row the register begins
    entry text not null,            -- sealed JSON: last number, chain and checkpoint under seal, and the next organization
    retained text                   -- the JWS that says up to where retention removed records; null: nowhere yet
);

-- The JWS of the key before that vouches for this one; null: the first.
alter table audit_keys add column rotation text;

-- The JWS that says that the content was erased; null: not erased, or from before this step.
alter table events add column erasure text;
