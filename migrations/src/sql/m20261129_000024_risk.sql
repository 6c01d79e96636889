-- What organizations make of risky sign-ins, and what came of it.

-- No row: the defaults.
create table risk_settings (
    org_id {uuid} primary key references organizations (id) on delete cascade,
    -- log_only, monitor, challenge, block.
    enforcement_mode text not null,
    -- 0 to 100; the lower one is less than the other.
    low_threshold smallint not null,
    medium_threshold smallint not null,
    new_device_score smallint not null,
    impossible_travel_score smallint not null,
    velocity_score smallint not null,
    -- Tries from one network within five minutes that are not too many yet.
    velocity_threshold integer not null,
    updated_at {time} not null,
    constraint risk_settings_thresholds check (low_threshold < medium_threshold)
);

-- A sign-in with the right password, as one organization judged it.
create table risk_events (
    org_id {uuid} not null references organizations (id) on delete cascade,
    id {uuid} not null,
    user_id {uuid} not null references users (id) on delete cascade,
    -- The session that came of it; null: none did. Not a reference: it is kept for longer than its session.
    session_id {uuid},
    -- The sign-in that waits for its code; null: none was asked for.
    challenge_id {uuid},
    -- How the person signed in: password.
    provider text not null,
    -- 0 to 100.
    score smallint not null,
    -- What counted, as JSON.
    factors text not null,
    -- What the thresholds said, and what was done: log_only, allow, challenge_mfa, block.
    verdict text not null,
    action text not null,
    -- Settings and observations, as JSON: the decision can be made again.
    inputs text not null,
    -- From where; null: not known.
    ip_address text,
    geo_country text,
    geo_city text,
    -- Millionths of a degree.
    geo_latitude integer,
    geo_longitude integer,
    created_at {time} not null,
    primary key (org_id, id)
);
create index risk_events_by_age on risk_events (org_id, created_at, id);
create index risk_events_of_session on risk_events (org_id, session_id) where session_id is not null;
create index risk_events_located on risk_events (org_id, user_id, created_at) where session_id is not null and geo_latitude is not null;
create index risk_events_user on risk_events (user_id);
create index risk_events_old on risk_events (created_at);

-- Codes that were mailed because a sign-in looked risky; at most one of an account.
create table sign_in_challenges (
    user_id {uuid} primary key references users (id) on delete cascade,
    -- HMAC of the code.
    code_tag text not null,
    -- SHA-256 of the password hash that the sign-in was right with: another password makes the code worthless.
    proven text not null,
    -- How many more codes may be tried.
    tries integer not null,
    expires_at {time} not null
);
create index sign_in_challenges_old on sign_in_challenges (expires_at);

-- Tries to sign in, right or wrong, from one network within one minute.
create table sign_in_attempts (
    -- SHA-256 of the network.
    network text not null,
    -- Since 1970.
    minute bigint not null,
    attempts integer not null,
    forget_at {time} not null,
    primary key (network, minute)
);
create index sign_in_attempts_old on sign_in_attempts (forget_at);
