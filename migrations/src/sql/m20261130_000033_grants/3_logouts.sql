-- Clients that are told when somebody's session has ended (OpenID Connect Back-Channel Logout).

-- Where they are told; null: they are not.
alter table clients add column backchannel_logout_uri text;

-- A client to be told of a session that has ended.
create table logouts (
    id {uuid} not null,
    session_id {uuid} not null,
    client_org_id {uuid} not null,
    client_id {uuid} not null,
    -- Whose session it was.
    user_id {uuid} not null,
    -- 0 waits, 1 in flight, 2 delivered, 3 failed.
    state smallint not null,
    attempts integer not null,
    -- When it is tried next; in flight: when somebody else may.
    next_at {time} not null,
    -- Names the claim that it is in flight by.
    lease {uuid},
    -- Why the last attempt failed.
    error text,
    created_at {time} not null,
    updated_at {time} not null,
    primary key (id),
    constraint logouts_once unique (session_id, client_org_id, client_id),
    constraint logouts_client foreign key (client_org_id, client_id) references clients (org_id, id) on delete cascade
);
create index logouts_due on logouts (next_at, id) where state < 2;
create index logouts_old on logouts (updated_at) where state >= 2;
create index logouts_of_client on logouts (client_org_id, client_id);
create index logouts_of_user on logouts (user_id);
