-- For which organizations a client of the platform may have tokens for itself.

-- deny, allow, require; null: deny. Whether its tokens for itself are for an organization.
alter table client_grants add column organization_usage text;
-- Whether for every organization, and not only for those of org_client_grants; null: no.
alter table client_grants add column allow_any_organization boolean;

-- An organization for which a client may have tokens by a grant.
create table org_client_grants (
    org_id {uuid} not null,
    -- Nil: the platform's, as of the grant.
    grant_org_id {uuid} not null,
    client_grant_id {uuid} not null,
    created_at {time} not null,
    primary key (org_id, client_grant_id),
    constraint org_client_grants_organization foreign key (org_id) references organizations (id) on delete cascade,
    constraint org_client_grants_grant foreign key (grant_org_id, client_grant_id) references client_grants (org_id, id) on delete cascade
);
create index org_client_grants_of on org_client_grants (grant_org_id, client_grant_id, created_at);
