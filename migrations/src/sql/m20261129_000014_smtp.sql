-- An organization's own mail server. Its mails leave through it, and through the platform's while it fails.
create table smtp_settings (
    org_id {uuid} primary key references organizations (id) on delete cascade,
    host text not null,          -- a name in its ASCII form, or an address
    port integer not null,       -- 1 to 65535
    security text not null,      -- starttls, tls, none
    username text not null,      -- empty: nobody signs in
    password text,               -- sealed; null: there is none
    from_email text not null,    -- who mails are from
    from_name text,              -- the name beside it; null: none
    ceiling text not null,       -- what whoever chose the server held: owner, admin, or capabilities separated by spaces
    revision {uuid} not null,    -- another one at every change, so that what comes of an attempt is not taken for another server's
    down_since {time},           -- when it first failed since it last took a mail; null: it works
    retry_at {time},             -- when a mail tries it again, until then they leave through the platform's; null: now
    failed_step text,            -- what failed last since it last took a mail: the step, …
    failed_reason text,          -- … the reason, …
    failed_reply text,           -- … the numbers of the server's reply, if it gave one, …
    failed_at {time},            -- … and when
    last_sent_at {time},         -- when it last took a mail, to the minute; null: never
    created_at {time} not null,
    updated_at {time} not null
);
