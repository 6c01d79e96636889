-- Sign-ins in a browser.

-- SHA-256 (hex) of what the browser's cookie says; null: the session has no browser of ours.
alter table sessions add column browser_hash text;
create unique index sessions_browser on sessions (browser_hash) where browser_hash is not null;

-- The client that a grant is for; null: our own API's.
alter table grants add column client_org_id {uuid};
alter table grants add column client_id {uuid};
-- What was granted: texts with blanks between.
alter table grants add column scope text;
-- The API that access tokens are for, beside our own userinfo; null: that only.
alter table grants add column audience text;
-- Where the browser was that the client sent to sign in; null: nobody knows.
alter table grants add column ip_address text;
create index grants_of_client on grants (client_org_id, client_id) where client_id is not null;

-- A sign-in in a browser, from a client's request to its answer.
create table flows (
    id {uuid} not null,
    client_org_id {uuid} not null,
    client_id {uuid} not null,
    -- What the client asked for: JSON.
    request text not null,
    -- SHA-256 (hex) of the name of a request that the client left here before (RFC 9126); null: it came with the browser.
    request_uri_hash text,
    -- SHA-256 (hex) of what the browser's cookie says; null: no browser has come yet.
    browser_hash text,
    -- The organization that is signed in to; null: none, or not known yet.
    org_id {uuid},
    -- The address that was typed.
    email text,
    -- Whose sign-in waits for its second factor, and that sign-in; null: none does.
    user_id {uuid},
    waiting_id {uuid},
    -- How often somebody signed in in it: of two who do at the same moment one does.
    sign_ins integer not null,
    -- From when on a session has to have authenticated to count; null: whenever.
    fresh_since {time},
    created_at {time} not null,
    expires_at {time} not null,
    -- When it was answered.
    ended_at {time},
    primary key (id),
    constraint flows_request_uri unique (request_uri_hash),
    constraint flows_client foreign key (client_org_id, client_id) references clients (org_id, id) on delete cascade
);
create index flows_old on flows (expires_at);
create index flows_of_client on flows (client_org_id, client_id);
create index flows_to on flows (org_id) where org_id is not null;
create index flows_email on flows (email) where email is not null;
create index flows_user on flows (user_id) where user_id is not null;
create index flows_browser on flows (browser_hash) where browser_hash is not null;

-- A code that a client exchanges for tokens, once. It stays after its use, so that a second use is noticed.
create table codes (
    -- SHA-256 (hex).
    hash text not null,
    client_org_id {uuid} not null,
    client_id {uuid} not null,
    session_id {uuid} not null,
    -- The organization that was signed in to; nil: none.
    org_id {uuid} not null,
    -- What the client asked for: JSON.
    request text not null,
    -- Where the browser was; null: nobody knows.
    ip_address text,
    created_at {time} not null,
    -- Until when it can be exchanged.
    expires_at {time} not null,
    -- Until when the row stays.
    kept_until {time} not null,
    -- When it was used, and the grant that came of it; null: it was not, or none did.
    used_at {time},
    grant_id {uuid},
    primary key (hash),
    constraint codes_client foreign key (client_org_id, client_id) references clients (org_id, id) on delete cascade,
    constraint codes_session foreign key (session_id) references sessions (id) on delete cascade
);
create index codes_old on codes (kept_until);
create index codes_of_client on codes (client_org_id, client_id);
create index codes_of_session on codes (session_id);
create index codes_to on codes (org_id);
