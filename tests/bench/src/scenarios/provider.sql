-- A client of the platform with an API of its own, and sessions in which it may renew tokens. What is there already stays.

insert into clients (org_id, id, client_id, name, redirect_uris, auth_method, organization_usage, created_at, updated_at)
values ($platform, $client, 'bench', 'Bench', 'https://app.example.com/callback', 'client_secret', 'allow', now(), now())
on conflict do nothing;
insert into client_secrets (org_id, client_id, id, hash, shown_to, created_at)
values ($platform, $client, $client, '$secret_hash', $platform, now())
on conflict do nothing;
insert into resource_servers (org_id, id, identifier, name, scopes, token_alg, token_seconds, created_at, updated_at)
values ($platform, $client, '$api', 'Ledger', 'read:ledger', 'RS256', 600, now(), now())
on conflict do nothing;
insert into client_grants (org_id, id, client_id, resource_server_id, scopes, subject_type, created_at, updated_at)
values ($platform, $client, $client, $client, 'read:ledger', 'client', now(), now())
on conflict do nothing;
