-- Clients and APIs of the platform, and what a client may do at an API.

-- How the client shows that it is it: client_secret, private_key_jwt; null: client_secret.
alter table clients add column auth_method text;
-- Its public keys: a JWK Set; null: none.
alter table clients add column jwks text;
-- Until when the secret before the last rotation works, of a client of the platform; null: there is none.
alter table clients add column old_secret_until {time};
create index clients_of_platform on clients (org_id, created_at, id);

-- For people; null: a service's, which have no names.
alter table resource_servers add column name text;
alter table resource_servers add column description text;
-- What may be done at the API: texts with blanks between; null: it defines none.
alter table resource_servers add column scopes text;
-- What tokens for it are signed with; null: RS256.
alter table resource_servers add column token_alg text;
-- How long they live; null: 600.
alter table resource_servers add column token_seconds integer;
alter table resource_servers add column updated_at {time};

-- What a client may do at an API. Given by the platform only.
create table client_grants (
    -- Nil: the platform's.
    org_id {uuid} not null,
    id {uuid} not null,
    client_id {uuid} not null,
    resource_server_id {uuid} not null,
    -- Texts with blanks between.
    scopes text not null,
    created_at {time} not null,
    updated_at {time} not null,
    primary key (org_id, id),
    constraint client_grants_api unique (org_id, client_id, resource_server_id),
    constraint client_grants_client foreign key (org_id, client_id) references clients (org_id, id) on delete cascade,
    constraint client_grants_resource_server foreign key (org_id, resource_server_id) references resource_servers (org_id, id) on delete cascade
);
create index client_grants_at on client_grants (org_id, resource_server_id);

-- What works once, and was used: ids of assertions, until they could not be used any more.
create table seen (
    -- Whose they are.
    scope text not null,
    -- SHA-256 (hex).
    digest text not null,
    expires_at {time} not null,
    primary key (scope, digest)
);
create index seen_old on seen (expires_at);
