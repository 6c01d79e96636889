-- Who uses an organization's services, and who signed in to it.

-- One row: an account that uses at least one of the organization's services. It is kept by whoever adds a user to a service or removes one.
create table end_users (
    org_id {uuid} not null references organizations (id) on delete cascade,
    user_id {uuid} not null references users (id) on delete cascade,
    -- How many of the organization's services they use; the row goes with the last.
    services bigint not null,
    -- Since when they use one.
    created_at {time} not null,
    primary key (org_id, user_id)
);
create index end_users_by_age on end_users (org_id, created_at, user_id);
create index end_users_user on end_users (user_id);
alter table org_counters add column end_users bigint not null default 0;
insert into end_users (org_id, user_id, services, created_at)
select org_id, user_id, count(*), min(created_at) from service_users group by org_id, user_id;
update org_counters set end_users = (select count(*) from end_users e where e.org_id = org_counters.org_id)
where org_id in (select org_id from end_users);

-- One row: a session that entered an organization, or the platform, once however often it switched between them.
create table sign_ins (
    -- Nil: the platform.
    org_id {uuid} not null,
    id {uuid} not null,
    user_id {uuid} not null references users (id) on delete cascade,
    -- Not a reference: it is kept for longer than its session.
    session_id {uuid} not null,
    -- The service that was signed in to; nil: the organization itself.
    service_id {uuid} not null,
    -- How the session signed in: password.
    method text not null,
    -- From where and with what; null: not known.
    ip_address text,
    user_agent text,
    created_at {time} not null,
    -- Whether it is in sign_in_days.
    counted boolean not null,
    primary key (org_id, id),
    constraint sign_ins_session unique (org_id, session_id, service_id)
);
create index sign_ins_by_age on sign_ins (org_id, created_at, id);
create index sign_ins_of_user on sign_ins (org_id, user_id, created_at, id);
create index sign_ins_user on sign_ins (user_id);
create index sign_ins_old on sign_ins (created_at);
create index sign_ins_uncounted on sign_ins (created_at) where not counted;

-- Sign-ins a day. A job of the worker adds what is not counted yet.
create table sign_in_days (
    -- Nil: the platform.
    org_id {uuid} not null,
    -- In UTC, as 2026-11-29.
    day text not null,
    -- Nil: the organization itself.
    service_id {uuid} not null,
    method text not null,
    sign_ins bigint not null,
    primary key (org_id, day, service_id, method)
);
create index sign_in_days_old on sign_in_days (day);
