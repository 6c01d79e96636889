-- Organizations and what belongs to them.

create table organizations (
    id {uuid} primary key,
    slug text not null,
    name text not null,
    owner_user_id {uuid} not null references users (id),
    status text not null,
    tier_id text not null references tiers (id),
    max_services bigint,
    max_users bigint,
    approved_by {uuid},
    approved_at {time},
    rejected_by {uuid},
    rejected_at {time},
    rejection_reason text,
    feature_overrides text,
    version bigint not null,
    created_at {time} not null,
    updated_at {time} not null,
    -- A tombstone: the worker purges what is left. The slug is replaced, so it can be used again.
    deleted_at {time},
    constraint organizations_slug unique (slug)
);
create index organizations_created on organizations (created_at, id);
create index organizations_owner on organizations (owner_user_id);
create index organizations_deleted on organizations (deleted_at) where deleted_at is not null;

-- Counts live beside the organization, because they change at another pace than its row, and its ETag.
create table org_counters (
    org_id {uuid} primary key references organizations (id) on delete cascade,
    members bigint not null,
    owners bigint not null,
    services bigint not null,
    constraint org_keeps_an_owner check (owners >= 1)
);

create table memberships (
    org_id {uuid} not null references organizations (id) on delete cascade,
    id {uuid} not null,
    user_id {uuid} not null references users (id),
    role text not null,
    created_at {time} not null,
    primary key (org_id, id),
    constraint memberships_user unique (org_id, user_id)
);
create index memberships_by_user on memberships (user_id, created_at, org_id);
create index memberships_by_age on memberships (org_id, created_at, id);
create index memberships_by_role on memberships (org_id, role, created_at, id);

create table roles (
    org_id {uuid} not null references organizations (id) on delete cascade,
    id {uuid} not null,
    slug text not null,
    name text not null,
    description text,
    permissions text not null,
    created_at {time} not null,
    updated_at {time} not null,
    primary key (org_id, id),
    constraint roles_slug unique (org_id, slug)
);

-- pending_email is the address while the invitation is pending, and null afterwards: one pending invitation per address.
create table invitations (
    org_id {uuid} not null references organizations (id) on delete cascade,
    id {uuid} not null,
    email text not null,
    pending_email text,
    role text not null,
    invited_by {uuid} not null references users (id),
    status text not null,
    token_hash text not null,
    expires_at {time} not null,
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
    url text not null,
    events text not null,
    secret text not null,
    is_active boolean not null,
    created_at {time} not null,
    updated_at {time} not null,
    primary key (org_id, id),
    constraint webhooks_name unique (org_id, name)
);
