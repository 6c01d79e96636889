-- Where a client begins a sign-in that nobody there asked for (OpenID Connect Core, 4); null: nowhere.
alter table clients add column initiate_login_uri text;
