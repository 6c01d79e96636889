-- How many there are of what an organization has only so many of: each limit is a condition on its counter.
alter table org_counters add column roles bigint not null default 0;
alter table org_counters add column webhooks bigint not null default 0;
-- Invitations that nobody has answered, cancelled or closed; those that ran out count until they are closed.
alter table org_counters add column pending_invitations bigint not null default 0;
-- Erasures that are not done.
alter table org_counters add column erasures bigint not null default 0;

-- Only of those that have some.
update org_counters set
    roles = (select count(*) from roles r where r.org_id = org_counters.org_id),
    webhooks = (select count(*) from webhooks w where w.org_id = org_counters.org_id),
    pending_invitations =
        (select count(*) from invitations i where i.org_id = org_counters.org_id and i.pending_email is not null),
    erasures = (select count(*) from erasures x where x.org_id = org_counters.org_id)
where org_id in (
    select org_id from roles
    union select org_id from webhooks
    union select org_id from invitations where pending_email is not null
    union select org_id from erasures);
