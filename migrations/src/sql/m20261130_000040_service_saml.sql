-- Services that take SAML from us.

-- What a service registered; without a row it takes none.
create table service_saml (
    org_id {uuid} not null,
    service_id {uuid} not null,
    -- Whether anybody is signed in by it.
    enabled boolean not null,
    -- Who the service says that it is. Not unique: whoever serves several customers is one service to all of them, and each has an entity ID of ours.
    entity_id text not null,
    -- The rest (JSON): addresses, the format of names, attributes, certificates.
    settings text not null,
    created_at {time} not null,
    updated_at {time} not null,
    primary key (org_id, service_id),
    constraint service_saml_service foreign key (org_id, service_id) references services (org_id, id) on delete cascade
);

-- With what we sign for a service: two rows at most.
create table service_saml_keys (
    org_id {uuid} not null,
    id {uuid} not null,
    service_id {uuid} not null,
    -- The private key (PKCS #8, base64), sealed.
    sealed text not null,
    -- Its certificate (DER, base64).
    certificate text not null,
    valid_from {time} not null,
    valid_until {time} not null,
    -- From when on it signs. It is published before.
    signs_from {time} not null,
    created_at {time} not null,
    primary key (org_id, id),
    constraint service_saml_keys_service foreign key (org_id, service_id) references service_saml (org_id, service_id) on delete cascade
);
create index service_saml_keys_of on service_saml_keys (org_id, service_id);

-- By what a service knows somebody, where that is a name made for it (random).
create table service_saml_names (
    org_id {uuid} not null,
    service_id {uuid} not null,
    user_id {uuid} not null references users (id) on delete cascade,
    name text not null,
    created_at {time} not null,
    primary key (org_id, service_id, user_id),
    constraint service_saml_names_service foreign key (org_id, service_id) references service_saml (org_id, service_id) on delete cascade
);
create index service_saml_names_user on service_saml_names (user_id);

-- Sessions of which a service was told that signs people out: by what it names them then.
create table service_saml_sessions (
    org_id {uuid} not null,
    service_id {uuid} not null,
    -- SHA-256 (hex) of the session's index, which is random.
    index_hash text not null,
    -- SHA-256 (hex) of the name identifier with its format.
    name_hash text not null,
    user_id {uuid} not null references users (id) on delete cascade,
    session_id {uuid} not null references sessions (id) on delete cascade,
    created_at {time} not null,
    -- Until when the row stays: the session cannot last longer.
    expires_at {time} not null,
    primary key (org_id, service_id, index_hash),
    constraint service_saml_sessions_service foreign key (org_id, service_id) references service_saml (org_id, service_id) on delete cascade
);
create index service_saml_sessions_name on service_saml_sessions (org_id, service_id, name_hash);
create index service_saml_sessions_user on service_saml_sessions (user_id);
create index service_saml_sessions_session on service_saml_sessions (session_id);
create index service_saml_sessions_old on service_saml_sessions (expires_at);
