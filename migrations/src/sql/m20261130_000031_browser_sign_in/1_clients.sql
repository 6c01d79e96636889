-- What a client of the platform needs to have people sign in: where they come back to, and for which organizations.

-- web, native; null: web. Native ones get another port from the system each time they start.
alter table clients add column application_type text;
-- Where a browser may go after people have signed out: exact texts, separated by spaces; null: nowhere.
alter table clients add column post_logout_redirect_uris text;
-- deny, allow, require; null: allow. Whether people sign in to an organization there.
alter table clients add column organization_usage text;
-- What its ID tokens are signed with; null: RS256.
alter table clients add column id_token_alg text;
