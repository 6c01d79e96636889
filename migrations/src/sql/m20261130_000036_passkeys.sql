-- Passkeys.

-- What somebody's device keeps to sign in with.
create table passkeys (
    user_id {uuid} not null references users (id) on delete cascade,
    id {uuid} not null,
    -- What names it (base64url).
    credential_id text not null,
    -- By what devices know the person: random, the same for all passkeys of an account.
    handle {uuid} not null,
    -- Public key, counter and flags: JSON.
    credential text not null,
    -- What the person calls it.
    name text not null,
    created_at {time} not null,
    -- When they last signed in with it; null: not yet.
    last_used_at {time},
    primary key (user_id, id),
    constraint passkeys_credential unique (credential_id)
);

-- What a device was asked, which it answers once.
create table passkey_challenges (
    id {uuid} primary key,
    -- registration, sign_in
    ceremony text not null,
    -- Whose, of a registration; null: whoever answers.
    user_id {uuid} references users (id) on delete cascade,
    -- What was asked, and what the answer is checked against: JSON, sealed.
    asked text not null,
    expires_at {time} not null
);
create index passkey_challenges_old on passkey_challenges (expires_at);
create index passkey_challenges_of on passkey_challenges (user_id) where user_id is not null;

-- The passkey that is asked for in a sign-in; null: none is.
alter table flows add column passkey_challenge_id {uuid};
