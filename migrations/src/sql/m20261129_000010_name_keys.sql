-- Names that identify are compared by what their spellings have in common (NFKC and case folding), which neither database computes alike.
-- Null: written by a version before this column; the row is compared by its name as it stands until it is saved again.
alter table webhooks add column name_key text;
alter table api_keys add column name_key text;

-- Small tables: an organization has at most 100 of each. What a database folds is enough for almost all names; of two that would be one,
-- both stay without until they are saved.
update webhooks set name_key = lower(name)
where not exists (
    select 1 from webhooks other where other.org_id = webhooks.org_id and other.id <> webhooks.id and lower(other.name) = lower(webhooks.name)
);
update api_keys set name_key = lower(name)
where not exists (
    select 1 from api_keys other where other.org_id = api_keys.org_id and other.id <> api_keys.id and lower(other.name) = lower(api_keys.name)
);

create unique index webhooks_name_key on webhooks (org_id, name_key);
create unique index api_keys_name_key on api_keys (org_id, name_key);
