-- What a session did to authenticate, and what an organization demands of its people's sessions.

-- JSON, at most 8 entries {m: method, t: Unix seconds, c: connection}; null: a password, at a time that nobody knows.
alter table sessions add column authn text;
-- JSON; null: nothing is demanded beyond a sign-in.
alter table organizations add column sign_in_policy text;
