-- Signing in by what is mailed.

-- The code, and the link, that somebody was mailed in a sign-in. One at a time; a new one takes the place of the one before.
create table mail_codes (
    flow_id {uuid} primary key references flows (id) on delete cascade,
    -- Whose; null: nobody has the address, and it opens nothing.
    user_id {uuid} references users (id) on delete cascade,
    -- Names the link.
    link_hash text not null,
    -- The code of the flow (HMAC).
    code_tag text not null,
    tries integer not null,
    -- Where the code was asked for.
    ip_address text,
    user_agent text,
    created_at {time} not null,
    expires_at {time} not null,
    constraint mail_codes_link unique (link_hash)
);
create index mail_codes_old on mail_codes (expires_at);
create index mail_codes_of on mail_codes (user_id) where user_id is not null;

-- Since when a mailed code is asked for in a sign-in; null: none is.
alter table flows add column mail_asked_at {time};

-- The organization that a mailed link signs in to; null: the platform, or a link for something else.
alter table one_time_links add column org_id {uuid} references organizations (id) on delete cascade;
create index one_time_links_org on one_time_links (org_id) where org_id is not null;
