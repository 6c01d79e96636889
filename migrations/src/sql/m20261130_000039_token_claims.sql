-- What ID tokens tell beside what they always do.

-- The client's own claims of them, by their names, as JSON: {"https://app.example.com/org_roles": "org_roles"}; null: none.
alter table clients add column token_claims text;
