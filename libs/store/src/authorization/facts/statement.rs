//! A person's facts, as one statement in four forms; and those of a person as whom somebody else acts.

/// The statement, for one request (`$1` grant, `$2` session, `$3` user, `$4` now, `$5` slug) or for each row of a batch: only where its inputs stand differs.
/// Or of a user whose sign-in is somebody else's matter.
macro_rules! facts {
    (of $grant:literal, $session:literal, $user:literal, $now:literal, $slug:literal, organization $join:literal, $lock:literal) => {
        $crate::authorization::facts::statement::facts!(
            did "s.authn", from "grants g
      join sessions s on s.id = g.session_id
      join users u on u.id = g.user_id",
            $slug,
            $join,
            ["g.id = ", $grant, " and s.id = ", $session, " and u.id = ", $user, "
       and g.revoked_at is null and s.revoked_at is null and s.expires_at > ", $now],
            $lock
        )
    };
    (user $user:literal, $slug:literal, organization $join:literal, $lock:literal) => {
        $crate::authorization::facts::statement::facts!(did "cast(null as text)", from "users u", $slug, $join, ["u.id = ", $user], $lock)
    };
    (did $did:literal, from $from:literal, $slug:literal, $join:literal, [$($alive:literal),*], $lock:literal) => {
        concat!(
            "
    select u.email, u.realm, u.email_verified_at, u.is_platform_owner, ",
            $did,
            ", m.role, r.permissions, ",
            $crate::tenancy::member_roles::further!(),
            ", o.sign_in_policy, ",
            $crate::tenancy::organizations::organization_columns!(),
            "
      from ",
            $from,
            "
      ",
            $join,
            " organizations o on o.slug = ",
            $slug,
            "
      ",
            $join,
            " org_counters c on c.org_id = o.id
      ",
            $join,
            " memberships m on m.org_id = o.id and m.user_id = u.id
      left join roles r on r.org_id = m.org_id and r.slug = m.role
     where ",
            $($alive,)*
            "
       and u.deleted_at is null",
            $lock
        )
    };
}
pub(super) use facts;

/// Also for strangers.
pub(super) const LENIENT: &str = facts!(of "$1", "$2", "$3", "$4", "$5", organization "left join", "");
/// Members only; SQLite's, whose writer is alone.
pub(super) const MEMBER: &str = facts!(of "$1", "$2", "$3", "$4", "$5", organization "join", "");
/// The membership stays as it is. Whoever is about to change it goes first (the fair lock of `locks.rs`, shared).
pub(super) const MEMBER_SHARED: &str = facts!(of "$1", "$2", "$3", "$4", "$5", organization "join", "
       and (select pg_advisory_xact_lock_shared(hashtextextended($3::uuid::text, 0))) is not null
       for share of m");
/// The membership may change.
pub(super) const MEMBER_EXCLUSIVE: &str = facts!(of "$1", "$2", "$3", "$4", "$5", organization "join", "
       for no key update of m");

/// `$1` user, `$2` slug: also for strangers.
pub(super) const OF_USER: &str = facts!(user "$1", "$2", organization "left join", "");
/// The same of members only, whose membership stays as it is.
pub(super) const OF_USER_SHARED: &str = facts!(user "$1", "$2", organization "join", "
       and (select pg_advisory_xact_lock_shared(hashtextextended($1::uuid::text, 0))) is not null
       for share of m");
/// And whose membership may change.
pub(super) const OF_USER_EXCLUSIVE: &str = facts!(user "$1", "$2", organization "join", "
       for no key update of m");
