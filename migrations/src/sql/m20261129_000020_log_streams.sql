-- Where logs are forwarded to, and how far each stream has come.

-- A log stream: what is set, and the credentials at the receiver.
create table log_streams (
    -- Whose log; nil: the platform's own, which is why it refers to no organization.
    org_id {uuid} not null,
    id {uuid} not null,
    name text not null,
    -- The name without what the eye does not tell apart.
    name_key text not null,
    -- What the receiver is: Datadog, Splunk, Elastic, Custom, …
    provider text not null,
    -- Where it is.
    url text not null,
    -- How records are written, as JSON: mapping, framing, index, …
    options text not null,
    -- Sealed: the key at the receiver; null: there is none.
    api_key text,
    -- Sealed: a header of the organization's choice; null: there is none.
    auth_header text,
    -- Sealed: what signs bodies; null: nothing does.
    signing_secret text,
    -- Records of one batch at most.
    batch_size integer not null,
    -- Whether records are sent.
    enabled boolean not null,
    -- When it was switched off because it failed for days; null: it was not.
    disabled_at {time},
    created_at {time} not null,
    updated_at {time} not null,
    primary key (org_id, id),
    constraint log_streams_name unique (org_id, name_key)
);

-- How far a stream has come, and when a worker looks at it next.
create table stream_turns (
    org_id {uuid} not null,
    stream_id {uuid} not null,
    -- The number in the feed of the last record that arrived, or was set aside.
    seq bigint not null,
    -- Whether it is looked at at all.
    is_on boolean not null,
    -- When a worker looks at it; while one does, when its lease ends; null: nothing waits.
    due_at {time},
    -- Who works on it; null: nobody.
    lease {uuid},
    -- Failed attempts since the last success.
    failures integer not null,
    -- Records of the next batch at most, after one was refused as a whole; null: as many as the stream may have.
    room integer,
    -- When it first failed since the last success; null: it works.
    failing_since {time},
    -- When the receiver last took something; null: never.
    last_sent_at {time},
    -- The last failure since then: when, …
    failed_at {time},
    -- … why, …
    failed_reason text,
    -- … and the answer's status, if there was an answer.
    failed_status integer,
    -- Records that the receiver refused and that were passed over.
    set_aside bigint not null,
    -- Records that were gone from the feed before they could be sent.
    lost bigint not null,
    primary key (org_id, stream_id),
    constraint stream_turns_stream foreign key (org_id, stream_id) references log_streams (org_id, id) on delete cascade
);
create index stream_turns_due on stream_turns (due_at) where due_at is not null;

alter table org_counters add column log_streams bigint not null default 0;
