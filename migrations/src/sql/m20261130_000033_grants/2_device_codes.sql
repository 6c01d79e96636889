-- Sign-ins of devices that have no browser (RFC 8628).

-- Whether a client of the platform signs people in on devices; null: no.
alter table clients add column device_flow boolean;

-- A device that waits until somebody answers for it in a browser. It stays after its use, so that a second use is noticed.
create table device_codes (
    -- SHA-256 (hex) of what the device asks with.
    hash text not null,
    -- SHA-256 (hex) of what the person types, in capitals and without its hyphen.
    user_code_hash text not null,
    client_org_id {uuid} not null,
    client_id {uuid} not null,
    -- What the client asked for: JSON.
    request text not null,
    -- The organization that is signed in to: what the client named, then what was approved; null: none.
    org_id {uuid},
    -- Where the device is, and what it calls itself; null: nobody knows.
    ip_address text,
    user_agent text,
    created_at {time} not null,
    expires_at {time} not null,
    -- Until when the row stays.
    kept_until {time} not null,
    -- How long the device waits between two questions, in seconds, and when it asked last.
    interval_seconds integer not null,
    polled_at {time},
    -- The sign-in in which it is answered: that of the browser in which it was typed first; null: it was not.
    flow_id {uuid},
    -- When it was answered, and in which session it was approved; null: it was denied.
    answered_at {time},
    session_id {uuid},
    -- When it was exchanged for tokens, and the grant that came of it.
    used_at {time},
    grant_id {uuid},
    primary key (hash),
    constraint device_codes_user_code unique (user_code_hash),
    constraint device_codes_client foreign key (client_org_id, client_id) references clients (org_id, id) on delete cascade
);
create index device_codes_old on device_codes (kept_until);
create index device_codes_of_client on device_codes (client_org_id, client_id);
create index device_codes_to on device_codes (org_id) where org_id is not null;
create index device_codes_of_session on device_codes (session_id) where session_id is not null;
