-- The last renewal of each grant: whoever repeats it at once, because the answer was lost or two tabs asked, gets the same answer.
create table refresh_repeats (
    grant_id {uuid} primary key references grants (id) on delete cascade,
    hash text not null,         -- SHA-256 (hex) of the token that was used
    network text not null,      -- from where: an IPv4 address, or an IPv6 /64
    user_agent text,            -- null: it named none
    answer text not null,       -- the new pair of tokens, sealed
    until {time} not null       -- tokens.refresh_race_seconds after its use, by the database's clock
);
create index refresh_repeats_age on refresh_repeats (until);

-- For what the purge looks for.
create index if not exists sessions_revoked on sessions (revoked_at) where revoked_at is not null;
create index if not exists grants_expiry on grants (refresh_expires_at);
create index if not exists grants_revoked on grants (revoked_at) where revoked_at is not null;
create index if not exists spent_refresh_tokens_age on spent_refresh_tokens (spent_at);
create index if not exists invitations_by_inviter on invitations (invited_by);
