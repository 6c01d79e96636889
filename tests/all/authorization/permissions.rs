//! The permission matrix: who may do what, in every state of an organization, by `domain::authorization::policy` alone. It is printed to a file that
//! is reviewed as text, so that a change of the table in `domain::authorization::resource` shows what it means.

use std::fmt::Write as _;

use domain::{
    ApiKeyId, ClientId, Clock, GrantId, OrgId, PLATFORM, ScimTokenId, ServiceId, SessionId, UserId,
    applications::{
        api_keys::{ApiKey, Networks},
        service_keys::{ServiceKey, ServicePermission},
        services::AccessLevel,
    },
    authorization::{
        in_service::{ServiceFacts, decide_in_service},
        policy::{Access, Read, Standing, Write, decide},
        principal::{Client, Principal, ScimToken},
        resource::{self, Grant, Needs, Resource, Row},
    },
    core::clock::ManualClock,
    identity::{accounts::Person, authentications::Authentications, entry::SignInPolicy, sessions::SessionCredential},
    tenancy::{
        organizations::{OrgStatus, Organization, OrganizationView, Tier},
        roles::{Cap, Caps, Role, RoleName},
    },
};
use uuid::Uuid;

/// One column of the matrix: may this caller do this in an organization of this status?
type Judge = fn(&Actor, OrgStatus) -> bool;

struct Actor {
    name: String,
    principal: Principal,
    role: Option<Role>,
}

fn may<R: Resource, A: Access>(actor: &Actor, status: OrgStatus) -> bool {
    decide::<R, A>(&facts(actor, status)).is_ok()
}

/// Every kind of the table with its two questions.
#[derive(Default)]
struct Kinds(Vec<(Row, Judge, Judge)>);

impl resource::Visitor for Kinds {
    fn visit<R: Resource>(&mut self) {
        self.0.push((R::ROW, may::<R, Read>, may::<R, Write>));
    }
}

const STATUSES: [OrgStatus; 4] = [OrgStatus::Pending, OrgStatus::Active, OrgStatus::Suspended, OrgStatus::Rejected];

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn org_id() -> OrgId {
    OrgId::new(id(4))
}

#[expect(clippy::disallowed_methods, reason = "the matrix makes up facts")]
fn person(operator: bool) -> Principal {
    let who =
        SessionCredential { user: UserId::new(id(1)), session: SessionId::new(id(2)), grant: GrantId::new(id(3)), from: None };
    let did = Authentications::stored(None);
    Principal::Person(Person::signed_in(&who, "ann@example.com".parse().unwrap(), PLATFORM, true, operator, did))
}

fn api_key(org_id: OrgId, caps: Caps) -> Principal {
    let now = ManualClock::at(tenantry_tests::start_time()).now();
    Principal::ApiKey(ApiKey {
        id: ApiKeyId::new(id(5)),
        org_id,
        name: "key".parse().unwrap(),
        prefix: String::new(),
        caps,
        networks: Networks::default(),
        expires_at: None,
        old_secret_until: None,
        last_used_at: None,
        created_by: UserId::new(id(1)),
        created_at: now,
        updated_at: now,
    })
}

#[expect(clippy::disallowed_methods, reason = "the matrix makes up facts")]
fn facts<A: Access>(actor: &Actor, status: OrgStatus) -> Standing<'static, A> {
    let now = ManualClock::at(tenantry_tests::start_time()).now();
    let organization = Organization {
        id: org_id(),
        slug: "acme".parse().unwrap(),
        name: "Acme".parse().unwrap(),
        owner_user_id: UserId::new(id(1)),
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
        brand_logo_url: None,
        brand_primary_color: None,
        custom_domain: None,
        domain_verified: false,
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
    let view = OrganizationView { organization, members: 1, services: 0, tier };
    Standing::assembled(actor.principal.clone(), view, actor.role.clone(), &SignInPolicy::default(), now)
}

fn actor(name: &str, role: Option<Role>, operator: bool) -> Actor {
    Actor { name: name.to_owned(), principal: person(operator), role }
}

fn program(name: &str, principal: Principal) -> Actor {
    Actor { name: name.to_owned(), principal, role: None }
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
    let access = |access: resource::Access| format!("read: {}; write: {}", grant(access.read), grant(access.write));
    let _ = writeln!(out, "\n{}\n  people {}; the organization must be {needs}{operator}", kind.name, access(kind.people));
    let _ = writeln!(out, "  programs {}", access(kind.programs));
    let _ = writeln!(out, "  {:<42}{}", "", STATUSES.map(|status| format!("{:<11}", status.as_str())).concat().trim_end());
    for who in people(row).into_iter().chain(programs(row)) {
        let _ = writeln!(out, "  {:<42}{}", who.name, line(row, &who));
    }
}

/// One for each capability that makes a difference here; the others would only hide those that do.
fn telling(row: &(Row, Judge, Judge), plain: &Actor, with: impl Fn(Cap) -> Actor) -> Vec<Actor> {
    let plain = line(row, plain);
    Cap::ALL.iter().map(|cap| with(*cap)).filter(|who| line(row, who) != plain).collect()
}

fn people(row: &(Row, Judge, Judge)) -> Vec<Actor> {
    let none = actor("custom role without capabilities", custom(Caps::NONE), false);
    let with = |cap: Cap| actor(&format!("custom role with {}", cap.as_str()), custom([cap].into_iter().collect()), false);
    let telling = telling(row, &none, with);
    let mut actors = vec![actor("stranger", None, false), actor("member", builtin(RoleName::Member), false), none];
    actors.extend(telling);
    actors.push(actor("custom role with every capability", custom(Caps::ALL), false));
    actors.push(actor("admin", builtin(RoleName::Admin), false));
    actors.push(actor("owner", builtin(RoleName::Owner), false));
    actors.push(actor("platform owner, no member", None, true));
    actors.push(actor("platform owner, member", builtin(RoleName::Member), true));
    actors
}

fn programs(row: &(Row, Judge, Judge)) -> Vec<Actor> {
    let none = program("API key without capabilities", api_key(org_id(), Caps::NONE));
    let with = |cap: Cap| program(&format!("API key with {}", cap.as_str()), api_key(org_id(), [cap].into_iter().collect()));
    let telling = telling(row, &none, with);
    let mut actors = vec![program("API key of another organization", api_key(OrgId::new(id(9)), Caps::ALL)), none];
    actors.extend(telling);
    actors.push(program("API key with every capability", api_key(org_id(), Caps::ALL)));
    let client = Client { id: ClientId::new(id(6)), org_id: org_id(), caps: Caps::ALL };
    actors.push(program("client with every capability", Principal::Client(client)));
    let service_key = service_key(org_id(), 8, ServicePermission::ALL);
    actors.push(program("service's API key, everything", service_key));
    actors.push(program("directory's token", Principal::ScimToken(ScimToken { id: ScimTokenId::new(id(7)), org_id: org_id() })));
    actors.push(program("job", Principal::Job("job")));
    actors
}

/// What grants a kind that belongs to one service, beside the table.
#[derive(Default)]
struct OfOneService(String);

impl resource::OfServiceVisitor for OfOneService {
    fn visit<R: resource::OfService>(&mut self) {
        let (granted, keys) = (R::GRANTED, R::KEYS);
        let by = |level: Option<AccessLevel>| level.map_or("nobody", AccessLevel::as_str);
        let with = |permission: Option<ServicePermission>| permission.map_or("nobody", ServicePermission::as_str);
        let (read, write) = (by(granted.read), by(granted.write));
        let _ = writeln!(self.0, "\n{}\n  given directly: read: {read}; write: {write}", R::ROW.name);
        let _ = writeln!(self.0, "  keys of the service: read: {}; write: {}", with(keys.read), with(keys.write));
        for (who, actor, access) in callers_of_one_service() {
            let of = |yes: bool, letter: char| if yes { letter } else { '-' };
            let cell = format!(
                "{}{}",
                of(may_in_service::<R, Read>(&actor, access), 'r'),
                of(may_in_service::<R, Write>(&actor, access), 'w')
            );
            if cell != "--" {
                let _ = writeln!(self.0, "  {who:<42}{cell}");
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the matrix makes up facts")]
fn may_in_service<R: resource::OfService, A: Access>(actor: &Actor, granted: Option<AccessLevel>) -> bool {
    let service = ServiceFacts::<A>::assembled(ServiceId::new(id(8)), granted);
    decide_in_service::<R, A>(&facts(actor, OrgStatus::Active), Some(&service)).is_ok()
}

fn service_key(org_id: OrgId, service: u128, permissions: &[ServicePermission]) -> Principal {
    Principal::ServiceKey(ServiceKey {
        id: ApiKeyId::new(id(5)),
        org_id,
        service_id: ServiceId::new(id(service)),
        name: "key".parse().unwrap(),
        prefix: String::new(),
        permissions: permissions.iter().copied().collect(),
        expires_at: None,
        last_used_at: None,
        created_by: UserId::new(id(1)),
        created_at: ManualClock::at(tenantry_tests::start_time()).now(),
    })
}

fn callers_of_one_service() -> Vec<(String, Actor, Option<AccessLevel>)> {
    let member = || actor("member", builtin(RoleName::Member), false);
    let mut callers = vec![("member".to_owned(), member(), None)];
    for level in [AccessLevel::Viewer, AccessLevel::Manager] {
        callers.push((format!("member who was given {}", level.as_str()), member(), Some(level)));
    }
    let stranger = actor("stranger", None, false);
    callers.push(("stranger who was given manager".to_owned(), stranger, Some(AccessLevel::Manager)));
    callers.push(("owner".to_owned(), actor("owner", builtin(RoleName::Owner), false), None));
    let organizations = program("", api_key(org_id(), Caps::ALL));
    callers.push(("API key of the organization, everything".to_owned(), organizations, Some(AccessLevel::Manager)));
    for permission in ServicePermission::ALL {
        let name = format!("key of the service with {}", permission.as_str());
        callers.push((name, program("", service_key(org_id(), 8, &[*permission])), None));
    }
    let elsewhere = [("another service", org_id(), 9), ("another organization", OrgId::new(id(9)), 8)];
    for (whose, org, service) in elsewhere {
        let key = program("", service_key(org, service, ServicePermission::ALL));
        callers.push((format!("key of {whose}, everything"), key, None));
    }
    callers
}

fn one_service() -> String {
    let mut found = OfOneService::default();
    resource::visit_all_of_service(&mut found);
    let head =
        "\nOf one service: what reaches it beside the table, in an active organization. Callers who may nothing are left out.\n";
    format!("{head}{}", found.0)
}

#[test]
fn the_matrix_is_the_reviewed_one() {
    let mut kinds = Kinds::default();
    resource::visit_all(&mut kinds);
    assert_eq!(kinds.0.len(), resource::TABLE.len());
    let mut out = String::from(
        "Who may read (r) and write (w) what, by the status of the organization. Printed by tests/all/authorization/permissions.rs from domain::authorization::policy;\n\
         UPDATE_SNAPSHOTS=1 rewrites it. Nobody who is not signed in gets this far (401). A custom role that is not named is like one\n\
         without capabilities. Rules that depend on the target (an owner, an admin, a role above one's own) come on top: domain::authorization::policy::may_*.\n",
    );
    kinds.0.iter().for_each(|row| section(&mut out, row));
    out.push_str(&one_service());
    crate::snapshots::compare("permission-matrix.txt", &out);
}
