-- Identity providers of organizations, and what they publish.

-- A connection.
create table connections (
    -- Whose; nil: the platform's, which is why it refers to no organization.
    org_id {uuid} not null,
    id {uuid} not null,
    -- Its name in sign-in requests. It stays.
    slug text not null,
    name text not null,
    -- oidc, oauth2, saml.
    protocol text not null,
    -- Who we are there.
    client_id text not null,
    -- Sealed; null: there is none.
    client_secret text,
    -- What was written down of the provider; null: what it publishes counts. Issuers are compared byte by byte, and need not be unique.
    issuer text,
    authorization_url text,
    token_url text,
    userinfo_url text,
    -- Where its document is; null: nowhere, or it was uploaded.
    discovery_url text,
    -- What is asked for, separated by blanks; null: the usual.
    scopes text,
    -- JSON that clients keep with it; null: none. We do not read it.
    notes text,
    -- JSON: which claim holds what, and which group gives which role.
    mapping text not null,
    -- What it may give: what whoever last decided whom it speaks for holds. owner, admin, or capabilities separated by blanks.
    ceiling text not null,
    -- Counts changes of whom it speaks for.
    generation bigint not null,
    -- When its documents and certificates are looked at again; while somebody does, when that claim ends.
    next_check_at {time},
    created_at {time} not null,
    updated_at {time} not null,
    primary key (org_id, id),
    constraint connections_slug unique (org_id, slug)
);
create index connections_due on connections (next_check_at) where next_check_at is not null;

-- Where people may sign in through a connection.
create table org_connections (
    org_id {uuid} not null,
    -- Whose the connection is: the organization's own, or nil, the platform's.
    owner {uuid} not null,
    connection_id {uuid} not null,
    enabled boolean not null,
    -- Whether whoever signs in through it and is no member becomes one.
    jit boolean not null,
    primary key (org_id, owner, connection_id),
    constraint org_connections_connection foreign key (owner, connection_id) references connections (org_id, id) on delete cascade
);
create index org_connections_of on org_connections (owner, connection_id);

-- What a provider published, as we read it.
create table connection_documents (
    org_id {uuid} not null,
    connection_id {uuid} not null,
    -- configuration, keys.
    kind text not null,
    -- JSON; null: it never came.
    content text,
    fetched_at {time},
    -- JSON that came later, names other addresses and waits to be accepted; null: none.
    waiting text,
    -- Since when fetching it fails; null: it does not.
    failing_since {time},
    -- Why, the last time.
    failure text,
    -- Whether anybody was told.
    told boolean not null,
    primary key (org_id, connection_id, kind),
    constraint connection_documents_connection foreign key (org_id, connection_id) references connections (org_id, id) on delete cascade
);

-- Certificates that verify a provider's signatures.
create table connection_certs (
    org_id {uuid} not null,
    connection_id {uuid} not null,
    -- Of its DER, in hex.
    sha256 text not null,
    -- In base64.
    der text not null,
    -- Whose it says that it is.
    subject text not null,
    not_before {time} not null,
    not_after {time} not null,
    -- Whether somebody wrote it down; else it was published.
    by_hand boolean not null,
    -- Since when it is not published any more; null: it is.
    gone_at {time},
    -- The last warning of its end, in days before; null: none was given.
    warned integer,
    -- Its place in the list.
    place integer not null,
    primary key (org_id, connection_id, sha256),
    constraint connection_certs_connection foreign key (org_id, connection_id) references connections (org_id, id) on delete cascade
);

-- Which connection speaks for the addresses of a sign-in domain. No row: none does.
create table domain_routes (
    org_id {uuid} not null,
    domain_id {uuid} not null,
    connection_id {uuid} not null,
    primary key (org_id, domain_id),
    constraint domain_routes_domain foreign key (org_id, domain_id) references domains (org_id, id) on delete cascade,
    constraint domain_routes_connection foreign key (org_id, connection_id) references connections (org_id, id) on delete cascade
);
create index domain_routes_to on domain_routes (org_id, connection_id);

alter table domains add column login_policy text not null default 'any';  -- any, or upstream_only: only through its route
alter table domains add column announce boolean not null default true;    -- whether its addresses lead to its route before anybody signed in
alter table org_counters add column connections bigint not null default 0;
