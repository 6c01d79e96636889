-- Further roles of members, beside the one that their membership names.

-- A role that a member has beside their membership's, from one source. It ends with the membership; a role that somebody has stays.
create table member_roles (
    org_id {uuid} not null,
    id {uuid} not null,
    user_id {uuid} not null,
    role_id {uuid} not null,
    -- The connection whose mapping gave it, and which takes it with it; null: somebody gave it directly.
    connection_id {uuid},
    created_at {time} not null,
    primary key (org_id, id),
    constraint member_roles_member foreign key (org_id, user_id) references memberships (org_id, user_id) on delete cascade,
    constraint member_roles_role foreign key (org_id, role_id) references roles (org_id, id),
    constraint member_roles_connection foreign key (org_id, connection_id) references connections (org_id, id) on delete cascade
);
create unique index member_roles_direct on member_roles (org_id, user_id, role_id) where connection_id is null;
create unique index member_roles_mapped on member_roles (org_id, user_id, role_id, connection_id) where connection_id is not null;
create index member_roles_role on member_roles (org_id, role_id);
create index member_roles_connection on member_roles (org_id, connection_id, role_id) where connection_id is not null;

-- Whether to look for further roles at all: of this member, and in this organization. True as soon as there was one; it stays true.
alter table memberships add column more_roles boolean not null default false;
alter table organizations add column more_roles boolean not null default false;

-- What a sign-in noted that did not fail (JSON); null: nothing.
alter table connection_attempts add column notes text;
