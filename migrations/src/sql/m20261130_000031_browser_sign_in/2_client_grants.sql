-- What a client may do at an API by itself, and what in the name of people who signed in, are two grants. SQLite changes no constraint of a table
-- that is there, so the table is made anew; the platform has at most 100,000 rows in it, and usually few.

-- Adding a column locks the table to the end of the step: nobody writes between the copy and the new table.
alter table client_grants add column moving boolean;
create table client_grants_moved as
select org_id, id, client_id, resource_server_id, scopes, created_at, updated_at from client_grants;
drop table client_grants;

-- What a client may do at an API. Given by the platform only.
create table client_grants (
    -- Nil: the platform's.
    org_id {uuid} not null,
    id {uuid} not null,
    client_id {uuid} not null,
    resource_server_id {uuid} not null,
    -- Texts with blanks between.
    scopes text not null,
    -- client: by itself; user: in the name of people who signed in.
    subject_type text not null default 'client',
    created_at {time} not null,
    updated_at {time} not null,
    primary key (org_id, id),
    constraint client_grants_api unique (org_id, client_id, resource_server_id, subject_type),
    constraint client_grants_client foreign key (org_id, client_id) references clients (org_id, id) on delete cascade,
    constraint client_grants_resource_server foreign key (org_id, resource_server_id) references resource_servers (org_id, id) on delete cascade
);
create index client_grants_at on client_grants (org_id, resource_server_id);

insert into client_grants (org_id, id, client_id, resource_server_id, scopes, created_at, updated_at)
select org_id, id, client_id, resource_server_id, scopes, created_at, updated_at from client_grants_moved;
drop table client_grants_moved;
