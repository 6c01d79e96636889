-- How services reach their own users and subscriptions, and what these are.

-- A key opens the service API of its one service.
create table service_api_keys (
    org_id {uuid} not null,
    id {uuid} not null,
    service_id {uuid} not null,
    -- For people.
    name text not null,
    -- What spellings of the name have in common; unique in the service.
    name_key text not null,
    -- The first characters of the secret.
    prefix text not null,
    -- SHA-256 of the secret's text, in hex.
    hash text not null,
    -- Names of permissions, separated by spaces.
    permissions text not null,
    -- Until when it works; null: until it is deleted.
    expires_at {time},
    -- To the minute; null: never.
    last_used_at {time},
    -- Who made it, and was shown its secret. Not a reference: the key outlives its maker's account.
    created_by {uuid} not null,
    created_at {time} not null,
    primary key (org_id, id),
    constraint service_api_keys_name unique (org_id, service_id, name_key),
    constraint service_api_keys_hash unique (hash),
    constraint service_api_keys_service foreign key (org_id, service_id) references services (org_id, id) on delete cascade
);
create index service_api_keys_created_by on service_api_keys (org_id, created_by);

-- Accounts that use a service without being members of its organization.
create table service_users (
    org_id {uuid} not null,
    service_id {uuid} not null,
    user_id {uuid} not null references users (id) on delete cascade,
    -- Whether the account was made for this service: then the service may change its address.
    made_here boolean not null,
    created_at {time} not null,
    primary key (org_id, service_id, user_id),
    constraint service_users_service foreign key (org_id, service_id) references services (org_id, id) on delete cascade
);
create index service_users_by_age on service_users (org_id, service_id, created_at, user_id);
create index service_users_user on service_users (user_id);

-- Which plan a service's user has; at most one of each service.
create table subscriptions (
    org_id {uuid} not null,
    service_id {uuid} not null,
    user_id {uuid} not null,
    plan_id {uuid} not null,
    -- active, trialing, past_due, canceled, incomplete, incomplete_expired, unpaid or paused.
    status text not null,
    -- Until when it is paid; null: it has no end.
    current_period_end {time},
    created_at {time} not null,
    updated_at {time} not null,
    primary key (org_id, service_id, user_id),
    constraint subscriptions_user foreign key (org_id, service_id, user_id)
        references service_users (org_id, service_id, user_id) on delete cascade,
    constraint subscriptions_plan foreign key (org_id, plan_id) references plans (org_id, id)
);
create index subscriptions_by_age on subscriptions (org_id, service_id, created_at, user_id);
create index subscriptions_plan on subscriptions (org_id, plan_id);
create index subscriptions_active on subscriptions (org_id, service_id) where status in ('active', 'trialing', 'past_due');
