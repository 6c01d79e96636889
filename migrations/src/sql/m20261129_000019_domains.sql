-- Domains that organizations claim, and prove to be theirs.
create table domains (
    org_id {uuid} not null references organizations (id) on delete cascade,
    id {uuid} not null,
    kind text not null,            -- host, sign_in
    domain text not null,          -- in lower case, in its ASCII form
    token {uuid} not null,         -- what is to be published; another one whenever it is claimed anew
    proof text,                    -- how it was proven: dns, http; null: it is not
    verified_at {time},            -- since when it is proven; null: it is not
    checked_at {time},             -- when it was last looked at; null: never
    failing_since {time},          -- since when the proof is missing; null: it is there, or never was
    failed_checks smallint not null, -- daily checks since then that did not find it
    next_check_at {time},          -- when it is looked at again; null: when somebody asks
    created_at {time} not null,
    updated_at {time} not null,
    primary key (org_id, id),
    constraint domains_name unique (org_id, kind, domain),
    constraint domains_verified check ((proof is null) = (verified_at is null))
);
-- An organization has one host.
create unique index domains_host on domains (org_id) where kind = 'host';
-- A host that is proven is one organization's; a claim alone keeps nobody else out.
create unique index domains_verified_host on domains (domain) where kind = 'host' and verified_at is not null;
-- Whose addresses these are: several organizations may prove one domain.
create index domains_sign_in on domains (domain) where kind = 'sign_in' and verified_at is not null;
create index domains_due on domains (next_check_at) where next_check_at is not null;

alter table org_counters add column sign_in_domains bigint not null default 0; -- rows of domains, of kind sign_in
alter table organizations add column custom_domain text;                         -- its row in domains of kind host; null: none
alter table organizations add column domain_verified boolean not null default false; -- whether that is proven
