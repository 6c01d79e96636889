-- The slugs of deleted organizations, held so that whoever still believes in `org:<slug>` is not led to a newcomer.
create table slug_holds (
    slug text primary key,
    org_id {uuid} not null,         -- whose it was; not a reference: the organization may be purged before
    owner_user_id {uuid} not null,  -- who owned it: how many somebody may leave behind is bounded
    until {time} not null           -- free again afterwards
);
create index slug_holds_until on slug_holds (until);
create index slug_holds_owner on slug_holds (owner_user_id);
