-- A SCIM token's connection is one of the same organization, and stays for as long as a token names it. SQLite adds no reference to a table that
-- is there, so the table is made anew; an organization has at most 50 rows in it, and no version before wrote `connection_id`.

-- Adding a column locks the table to the end of the step: nobody writes between the copy and the new table.
alter table scim_tokens add column moving boolean;
create table scim_tokens_moved as
select org_id, id, name, prefix, hash, mode, ceiling, shown_to, expires_at, revoked_at, last_used_at, created_at from scim_tokens;
drop table scim_tokens;

-- A token with which a directory provisions an organization. It stays after it was revoked, until somebody deletes it.
create table scim_tokens (
    org_id {uuid} not null references organizations (id) on delete cascade,
    id {uuid} not null,
    -- For people.
    name text not null,
    -- The first characters of the secret.
    prefix text not null,
    -- SHA-256 of the secret's text, in hex.
    hash text not null,
    -- The connection whose people it provisions; null: none.
    connection_id {uuid},
    -- live, paused, dry_run
    mode text not null,
    -- What whoever made it held: owner, admin, or capabilities separated by spaces. The directory gives no more than that.
    ceiling text not null,
    -- The account that was shown the secret. Not a reference: the token outlives its maker's account.
    shown_to {uuid} not null,
    -- Until when it works; null: until it is revoked.
    expires_at {time},
    -- When it was revoked; null: it was not.
    revoked_at {time},
    -- To the minute; null: never.
    last_used_at {time},
    created_at {time} not null,
    primary key (org_id, id),
    constraint scim_tokens_hash unique (hash),
    constraint scim_tokens_connection foreign key (org_id, connection_id) references connections (org_id, id)
);
create index scim_tokens_shown_to on scim_tokens (org_id, shown_to);

insert into scim_tokens
  (org_id, id, name, prefix, hash, mode, ceiling, shown_to, expires_at, revoked_at, last_used_at, created_at)
select org_id, id, name, prefix, hash, mode, ceiling, shown_to, expires_at, revoked_at, last_used_at, created_at from scim_tokens_moved;
drop table scim_tokens_moved;
