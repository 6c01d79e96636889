-- People who are no members of an organization, at its services.

-- Whether anybody with an account of the platform may begin to use the service.
alter table services add column sign_up boolean not null default false;
-- Whether sign-ins through /auth/{provider} end with tokens in the fragment of its address.
alter table services add column implicit_grant boolean not null default false;

-- What somebody who is no member let a service's client have. Without the row it has nothing.
create table consents (
    org_id {uuid} not null,
    service_id {uuid} not null,
    user_id {uuid} not null,
    -- Texts with blanks between.
    scopes text not null,
    created_at {time} not null,
    -- When they were asked last.
    updated_at {time} not null,
    primary key (org_id, service_id, user_id),
    constraint consents_use foreign key (org_id, service_id, user_id)
        references service_users (org_id, service_id, user_id) on delete cascade
);
create index consents_user on consents (user_id, created_at);
