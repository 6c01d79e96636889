-- Who was active in a month. Sign-ins from before this step that were counted already are not in it.

-- One row: an account that signed in to an organization in a month, and one for each service that it signed in to. Kept until the month after.
create table active_users (
    org_id {uuid} not null,
    -- In UTC, as 2026-11.
    month text not null,
    -- Nil: the organization, with all of its services.
    service_id {uuid} not null,
    user_id {uuid} not null references users (id) on delete cascade,
    primary key (org_id, month, service_id, user_id)
);
create index active_users_user on active_users (user_id);
create index active_users_old on active_users (month);

-- How many that were. Whoever writes a row above adds to this.
create table active_user_months (
    org_id {uuid} not null,
    month text not null,
    service_id {uuid} not null,
    users bigint not null,
    -- How many the payment provider was told of, of the organization.
    reported bigint not null,
    primary key (org_id, month, service_id)
);
create index active_user_months_old on active_user_months (month);
