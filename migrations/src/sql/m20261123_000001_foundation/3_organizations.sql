-- Organizations and what belongs to them.

create table organizations (
    id {uuid} primary key,
    slug text not null,             -- its name in URLs
    name text not null,
    owner_user_id {uuid} not null references users (id), -- the first one, if there are several
    status text not null,           -- pending, active, suspended, rejected
    tier_id text not null references tiers (id),
    max_services bigint,            -- its own limit; null: the tier's
    max_users bigint,               -- its own number of seats; null: the tier's
    approved_by {uuid},             -- a platform owner; null: nobody had to
    approved_at {time},
    rejected_by {uuid},
    rejected_at {time},
    rejection_reason text,
    feature_overrides text,         -- JSON: features beyond the tier; null: none
    version bigint not null,        -- counts every change of this row: the ETag
    created_at {time} not null,
    updated_at {time} not null,
    deleted_at {time},              -- soft delete: the worker purges what is left. The slug is replaced, so it can be used again
    constraint organizations_slug unique (slug)
);
create index organizations_created on organizations (created_at, id);
create index organizations_owner on organizations (owner_user_id);
create index organizations_deleted on organizations (deleted_at) where deleted_at is not null;

-- Counts live beside the organization, because they change at another pace than its row, and its ETag. The row is also what changes of
-- memberships lock, one at a time.
create table org_counters (
    org_id {uuid} primary key references organizations (id) on delete cascade,
    members bigint not null,        -- rows in memberships
    owners bigint not null,         -- those with the role owner
    services bigint not null,       -- always 0 until there are services
    constraint org_keeps_an_owner check (owners >= 1)
);

create table memberships (
    org_id {uuid} not null references organizations (id) on delete cascade,
    id {uuid} not null,
    user_id {uuid} not null references users (id),
    role text not null,             -- owner, admin, member, or the slug of a custom role
    created_at {time} not null,     -- when they joined
    primary key (org_id, id),
    constraint memberships_user unique (org_id, user_id)
);
create index memberships_by_user on memberships (user_id, created_at, org_id);
create index memberships_by_age on memberships (org_id, created_at, id);
create index memberships_by_role on memberships (org_id, role, created_at, id);

-- Custom roles. The built-in ones have no row.
create table roles (
    org_id {uuid} not null references organizations (id) on delete cascade,
    id {uuid} not null,
    slug text not null,             -- what memberships and invitations name
    name text not null,
    description text,
    permissions text not null,      -- names of capabilities, separated by spaces
    created_at {time} not null,
    updated_at {time} not null,
    primary key (org_id, id),
    constraint roles_slug unique (org_id, slug)
);

create table invitations (
    org_id {uuid} not null references organizations (id) on delete cascade,
    id {uuid} not null,
    email text not null,            -- who is invited
    pending_email text,             -- the same while it is pending, null afterwards: one pending invitation per address
    role text not null,             -- what they become, as memberships name it; judged again at acceptance
    invited_by {uuid} not null references users (id),
    status text not null,           -- pending, accepted, rejected, cancelled, expired
    token_hash text not null,       -- SHA-256 (hex) of the mailed token
    expires_at {time} not null,     -- compared at use
    created_at {time} not null,
    updated_at {time} not null,
    primary key (org_id, id),
    constraint invitations_id unique (id),
    constraint invitations_token unique (token_hash),
    constraint invitations_pending unique (org_id, pending_email)
);
create index invitations_by_age on invitations (org_id, created_at, id);
create index invitations_by_email on invitations (pending_email) where pending_email is not null;
create index invitations_expiry on invitations (expires_at) where pending_email is not null;

create table webhooks (
    org_id {uuid} not null references organizations (id) on delete cascade,
    id {uuid} not null,
    name text not null,
    url text not null,              -- where events are posted; may hold a secret, so events and logs show its origin only
    events text not null,           -- names of events, separated by spaces
    secret text not null,           -- sealed; signs what is sent
    is_active boolean not null,     -- false: nothing is sent
    created_at {time} not null,
    updated_at {time} not null,
    primary key (org_id, id),
    constraint webhooks_name unique (org_id, name)
);
