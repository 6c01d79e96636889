-- $orgs organizations with ten memberships each on average: every tenth has 55 members, the others 5. Twice as many memberships as
-- people, so everybody belongs to two. Everything follows from a row's number, so the benchmark knows every id, slug and token.

create function pg_temp.id(kind int, n bigint) returns uuid language sql immutable as
$$ select (lpad(to_hex(kind), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
create function pg_temp.org_of(membership bigint) returns bigint language sql immutable as
$$ select membership / 100 * 10 + case when membership % 100 < 55 then 0 else 1 + (membership % 100 - 55) / 5 end $$;
create function pg_temp.token(n bigint) returns text language sql immutable as
$$ select 'rt_' || rtrim(translate(encode(decode(lpad(to_hex(n), 64, '0'), 'hex'), 'base64'), '+/', '-_'), '=') $$;

insert into users (id, realm, email, password_hash, is_platform_owner, email_verified_at, created_at, updated_at)
select pg_temp.id(1, n), '00000000-0000-0000-0000-000000000000', 'user' || n || '@example.com', '$hash', false, now(), now(), now()
from generate_series(0, $orgs * 5 - 1) n;

insert into organizations (id, slug, name, owner_user_id, status, tier_id, version, created_at, updated_at)
select pg_temp.id(2, o), 'org-' || o, 'Company ' || o,
    pg_temp.id(1, (o / 10 * 100 + case when o % 10 = 0 then 0 else 55 + (o % 10 - 1) * 5 end) % ($orgs * 5)),
    'active', 'tier_enterprise', 1, now(), now()
from generate_series(0, $orgs - 1) o;
insert into org_counters (org_id, members, owners, services)
select pg_temp.id(2, o), case when o % 10 = 0 then 55 else 5 end, 1, 0 from generate_series(0, $orgs - 1) o;

insert into memberships (org_id, id, user_id, role, created_at)
select pg_temp.id(2, pg_temp.org_of(m)), pg_temp.id(3, m), pg_temp.id(1, m % ($orgs * 5)),
    case when m % 100 = 0 or m % 100 >= 55 and (m % 100 - 55) % 5 = 0 then 'owner' else 'member' end,
    now() + m % 100 * interval '1 second'
from generate_series(0, $orgs * 10 - 1) m;

insert into sessions (id, user_id, method, created_at, last_seen_at, expires_at)
select pg_temp.id(4, n), pg_temp.id(1, n), 'password', now(), now(), now() + interval '30 days' from generate_series(0, $orgs * 5 - 1) n;
insert into grants (id, session_id, user_id, org_id, refresh_hash, refresh_expires_at, created_at)
select pg_temp.id(5, n), pg_temp.id(4, n), pg_temp.id(1, n), pg_temp.id(2, pg_temp.org_of(n)),
    encode(sha256(convert_to(pg_temp.token(n), 'UTF8')), 'hex'), now() + interval '30 days', now()
from generate_series(0, $orgs * 5 - 1) n;
