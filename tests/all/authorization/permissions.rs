//! The permission matrix: who may do what, in every state of an organization, by `domain::authorization::policy` alone. It is printed to a file that
//! is reviewed as text, so that a change of the table in `domain::authorization::resource` shows what it means.

use std::fmt::Write as _;

use domain::{
    Clock, GrantId, OrgId, PLATFORM, SessionId, UserId,
    authorization::{
        policy::{Access, Read, Standing, Write, decide},
        resource::{self, Grant, Needs, Resource, Row},
    },
    core::clock::ManualClock,
    identity::accounts::Person,
    tenancy::{
        organizations::{OrgStatus, Organization, OrganizationView, Tier},
        roles::{Cap, Caps, Role, RoleName},
    },
};

/// One column of the matrix: may this caller do this in an organization of this status?
type Judge = fn(&Actor, OrgStatus) -> bool;

struct Actor {
    name: String,
    role: Option<Role>,
    operator: bool,
}

fn may<R: Resource, A: Access>(actor: &Actor, status: OrgStatus) -> bool {
    decide::<R, A>(&facts(actor, status)).is_ok()
}

macro_rules! kinds {
    ($($kind:ident),* $(,)?) => {
        /// Every kind of the table with its two questions.
        const KINDS: &[(Row, Judge, Judge)] = &[$((resource::$kind::ROW, may::<resource::$kind, Read>, may::<resource::$kind, Write>)),*];
    };
}
kinds![
    Settings,
    Context,
    OrgLifecycle,
    Ownership,
    Members,
    MemberRoles,
    Invitations,
    Roles,
    AuditLog,
    Feed,
    AuditRules,
    Webhooks
];

const STATUSES: [OrgStatus; 4] = [OrgStatus::Pending, OrgStatus::Active, OrgStatus::Suspended, OrgStatus::Rejected];

#[allow(clippy::disallowed_methods, reason = "the matrix is the one test that makes up facts")]
fn facts<A: Access>(actor: &Actor, status: OrgStatus) -> Standing<'static, A> {
    let now = ManualClock::at(tenantry_tests::start_time()).now();
    let (user, id) = (UserId::new(uuid::Uuid::from_u128(1)), |n| uuid::Uuid::from_u128(n));
    let person = Person {
        id: user,
        email: "ann@example.com".parse().unwrap(),
        realm: PLATFORM,
        email_verified: true,
        is_platform_owner: actor.operator,
        session: SessionId::new(id(2)),
        grant: GrantId::new(id(3)),
    };
    let organization = Organization {
        id: OrgId::new(id(4)),
        slug: "acme".parse().unwrap(),
        name: "Acme".parse().unwrap(),
        owner_user_id: user,
        status,
        tier_id: "tier_free".to_owned(),
        max_services: None,
        max_users: None,
        approved_by: None,
        approved_at: None,
        rejected_by: None,
        rejected_at: None,
        rejection_reason: None,
        feature_overrides: None,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let tier = Tier {
        id: "tier_free".to_owned(),
        name: "free".to_owned(),
        display_name: "Free".to_owned(),
        default_max_services: 1,
        default_max_users: 1,
        features: "{}".to_owned(),
        price_cents: 0,
        currency: "usd".to_owned(),
        created_at: now,
    };
    Standing::assembled(person, OrganizationView { organization, members: 1, services: 0, tier }, actor.role.clone())
}

fn actor(name: &str, role: Option<Role>, operator: bool) -> Actor {
    Actor { name: name.to_owned(), role, operator }
}

fn custom(caps: Caps) -> Option<Role> {
    Some(Role { name: RoleName::Custom("custom".parse().unwrap()), caps })
}

fn builtin(name: RoleName) -> Option<Role> {
    Some(Role::builtin(name))
}

fn line(row: &(Row, Judge, Judge), who: &Actor) -> String {
    let cell = |status| {
        let of = |yes, letter| if yes { letter } else { '-' };
        format!("{}{}", of(row.1(who, status), 'r'), of(row.2(who, status), 'w'))
    };
    STATUSES.map(cell).map(|cell| format!("{cell:<11}")).concat().trim_end().to_owned()
}

fn grant(grant: Grant) -> String {
    match grant {
        Grant::Member => "any member".to_owned(),
        Grant::Owner => "owner".to_owned(),
        Grant::Nobody => "nobody".to_owned(),
        Grant::Caps(any) => any.iter().map(|cap| cap.as_str()).collect::<Vec<_>>().join(" or "),
    }
}

fn section(out: &mut String, row: &(Row, Judge, Judge)) {
    let (kind, needs) = (row.0, if row.0.needs == Needs::Active { "active" } else { "not suspended" });
    let operator = if kind.operator { "; a platform owner passes without membership" } else { "" };
    let _ = writeln!(
        out,
        "\n{}\n  read: {}; write: {}; the organization must be {needs}{operator}",
        kind.name,
        grant(kind.read),
        grant(kind.write)
    );
    let _ = writeln!(out, "  {:<42}{}", "", STATUSES.map(|status| format!("{:<11}", status.as_str())).concat().trim_end());
    let none = actor("custom role without capabilities", custom(Caps::NONE), false);
    let mut actors = vec![actor("stranger", None, false), actor("member", builtin(RoleName::Member), false)];
    let plain = line(row, &none);
    actors.push(none);
    // Capabilities that make no difference here would only hide those that do.
    let telling = Cap::ALL
        .iter()
        .map(|cap| actor(&format!("custom role with {}", cap.as_str()), custom([*cap].into_iter().collect()), false));
    actors.extend(telling.filter(|who| line(row, who) != plain));
    actors.push(actor("custom role with every capability", custom(Caps::ALL), false));
    actors.push(actor("admin", builtin(RoleName::Admin), false));
    actors.push(actor("owner", builtin(RoleName::Owner), false));
    actors.push(actor("platform owner, no member", None, true));
    actors.push(actor("platform owner, member", builtin(RoleName::Member), true));
    for who in actors {
        let _ = writeln!(out, "  {:<42}{}", who.name, line(row, &who));
    }
}

#[test]
fn the_matrix_is_the_reviewed_one() {
    let names = |rows: &mut dyn Iterator<Item = &'static str>| rows.collect::<Vec<_>>();
    assert_eq!(
        names(&mut KINDS.iter().map(|kind| kind.0.name)),
        names(&mut resource::TABLE.iter().map(|row| row.name)),
        "a resource is missing: add it to KINDS"
    );
    let mut out = String::from(
        "Who may read (r) and write (w) what, by the status of the organization. Printed by tests/all/authorization/permissions.rs from domain::authorization::policy;\n\
         UPDATE_SNAPSHOTS=1 rewrites it. Nobody who is not signed in gets this far (401). A custom role that is not named is like one\n\
         without capabilities. Rules that depend on the target (an owner, an admin, a role above one's own) come on top: domain::authorization::policy::may_*.\n",
    );
    KINDS.iter().for_each(|row| section(&mut out, row));
    crate::snapshots::compare("permission-matrix.txt", &out);
}
