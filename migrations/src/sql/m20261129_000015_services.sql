-- OAuth clients, the services of organizations over them, and what a service is sold as.

-- Every OAuth client. An organization's signs in to, and acts in, that organization alone.
create table clients (
    -- Whose it is; nil: the platform's, which is why it refers to no organization.
    org_id {uuid} not null,
    id {uuid} not null,
    -- What the client calls itself in OAuth.
    client_id text not null,
    -- For people.
    name text not null,
    -- Where sign-ins may come back to: exact texts, separated by spaces, of which they hold none.
    redirect_uris text not null,
    created_at {time} not null,
    updated_at {time} not null,
    primary key (org_id, id),
    constraint clients_client_id unique (client_id)
);

-- Secrets of a client. At most two work at a time: the current one, and the one before until its time is over.
create table client_secrets (
    org_id {uuid} not null,
    client_id {uuid} not null,
    id {uuid} not null,
    -- SHA-256 of the secret's text, in hex.
    hash text not null,
    -- The account that was shown the secret.
    shown_to {uuid} not null,
    -- Until when it works; null: for as long as the client is there.
    expires_at {time},
    created_at {time} not null,
    primary key (org_id, client_id, id),
    constraint client_secrets_hash unique (hash),
    constraint client_secrets_client foreign key (org_id, client_id) references clients (org_id, id) on delete cascade
);
create index client_secrets_expiry on client_secrets (expires_at) where expires_at is not null;

-- An application of an organization: the contract's noun over an OAuth client of the same id.
create table services (
    org_id {uuid} not null,
    id {uuid} not null,
    -- Its name in URLs; unique in the organization.
    slug text not null,
    -- web, mobile, desktop or api.
    service_type text not null,
    -- What is asked of a social provider at a sign-in: scopes separated by spaces; empty: the provider's usual ones.
    github_scopes text not null,
    microsoft_scopes text not null,
    google_scopes text not null,
    -- Where a device's user types the code; null: devices do not sign in to it.
    device_activation_uri text,
    -- Until when the client secret before the last rotation works; null: there was no rotation, or none with a grace.
    old_secret_until {time},
    -- How many there are of each: the limits are conditions on these.
    plans bigint not null,
    api_keys bigint not null,
    users bigint not null,
    subscriptions bigint not null,
    created_at {time} not null,
    updated_at {time} not null,
    primary key (org_id, id),
    constraint services_slug unique (org_id, slug),
    constraint services_client foreign key (org_id, id) references clients (org_id, id) on delete cascade
);
create index services_by_age on services (org_id, created_at, id);

-- What a service is sold as.
create table plans (
    org_id {uuid} not null,
    id {uuid} not null,
    service_id {uuid} not null,
    name text not null,
    -- What spellings of the name have in common; unique in the service.
    name_key text not null,
    description text,
    -- A month's price, in hundredths of the currency.
    price_cents bigint not null,
    -- ISO 4217, lower case.
    currency text not null,
    -- JSON: an array of texts.
    features text not null,
    -- The price at Stripe; null: it is not sold there.
    stripe_price_id text,
    -- What users have who chose none; exactly one of a service.
    is_default boolean not null,
    -- Subscriptions to it.
    subscriptions bigint not null,
    created_at {time} not null,
    updated_at {time} not null,
    primary key (org_id, id),
    constraint plans_name unique (org_id, service_id, name_key),
    constraint plans_service foreign key (org_id, service_id) references services (org_id, id) on delete cascade
);
create unique index plans_default on plans (org_id, service_id) where is_default;

-- What access tokens can be for. An organization's lie under hosts that it has proven to be its own.
create table resource_servers (
    -- Nil: the platform's.
    org_id {uuid} not null,
    id {uuid} not null,
    -- The service whose API it is; null: the platform's have none.
    service_id {uuid},
    -- The audience, as an exact text. Nobody mints another API's audience.
    identifier text not null,
    created_at {time} not null,
    primary key (org_id, id),
    constraint resource_servers_identifier unique (identifier),
    constraint resource_servers_service foreign key (org_id, service_id) references services (org_id, id) on delete cascade
);
create index resource_servers_of on resource_servers (org_id, service_id);

-- Access to one service that a member was given directly, beside their role. It ends with the membership.
create table service_grants (
    org_id {uuid} not null,
    service_id {uuid} not null,
    user_id {uuid} not null,
    -- viewer or manager.
    access text not null,
    created_at {time} not null,
    primary key (org_id, service_id, user_id),
    constraint service_grants_service foreign key (org_id, service_id) references services (org_id, id) on delete cascade,
    constraint service_grants_member foreign key (org_id, user_id) references memberships (org_id, user_id) on delete cascade
);
create index service_grants_member on service_grants (org_id, user_id);
