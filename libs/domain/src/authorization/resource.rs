//! THE TABLE: every resource of an organization, and what grants reading and writing it. Nothing else decides who may do what.
//! Special powers are rows too ([`OrgLifecycle`], [`Ownership`]), not new verbs.

use crate::{
    applications::{service_keys::ServicePermission, services::AccessLevel},
    tenancy::roles::Cap,
};

/// What grants an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Any membership; for a program: that it is the organization's.
    Member,
    /// The role `owner`.
    Owner,
    /// Whoever holds any one of these.
    Caps(&'static [Cap]),
    /// Nobody, through the API.
    Nobody,
}

/// In which states of the organization a resource can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// The organization must be active.
    Active,
    /// It must not be suspended: a pending one can be looked at and named.
    NotSuspended,
}

/// What grants reading and writing to one sort of principal.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    /// What grants reading.
    pub read: Grant,
    /// What grants writing.
    pub write: Grant,
}

impl Access {
    /// What grants writing, or reading.
    pub const fn of(self, write: bool) -> Grant {
        if write { self.write } else { self.read }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The resource's name, as the permission matrix prints it.
    pub name: &'static str,
    /// What grants it to people: their membership's role.
    pub people: Access,
    /// What grants it to the organization's programs: API keys and clients. `Nobody` where only a person will do.
    pub programs: Access,
    /// In which states of the organization.
    pub needs: Needs,
    /// Whether a platform owner passes without membership.
    pub operator: bool,
}

/// A resource kind: a type-level name of a row.
pub trait Resource {
    /// Its row.
    const ROW: Row;
}

/// Sees every resource kind as a type; see [`visit_all`].
pub trait Visitor {
    /// One kind.
    fn visit<R: Resource>(&mut self);
}

macro_rules! table {
    ($($(#[$doc:meta])* $kind:ident: $name:literal,
        people(read $read:expr, write $write:expr), programs(read $program_read:expr, write $program_write:expr),
        needs $needs:ident, operator $operator:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub enum $kind {}
            impl Resource for $kind {
                const ROW: Row = Row {
                    name: $name,
                    people: Access { read: $read, write: $write },
                    programs: Access { read: $program_read, write: $program_write },
                    needs: Needs::$needs,
                    operator: $operator,
                };
            }
        )*
        /// Every row.
        pub const TABLE: &[Row] = &[$($kind::ROW),*];

        /// Shows a visitor every kind, in the order of the table.
        pub fn visit_all(visitor: &mut impl Visitor) {
            $(visitor.visit::<$kind>();)*
        }
    };
}

use AccessLevel::{Manager, Viewer};
use Cap::{
    AuditLogsView, BillingManage, EndUsersManage, EndUsersView, IntegrationsManage, MembersManage, MembersView, RiskEventsView,
    RiskPoliciesManage, RolesManage, ServicesCreate, ServicesManage, ServicesView, SettingsManage, WebhooksManage,
};
use Grant::{Caps, Member, Nobody, Owner};

table! {
    /// The organization's own row: name, limits, state.
    Settings: "settings",
        people(read Member, write Caps(&[SettingsManage])), programs(read Member, write Caps(&[SettingsManage])),
        needs NotSuspended, operator true;
    /// The organization's own mail server. What leaves through it, whoever chose it can read.
    Smtp: "smtp",
        people(read Caps(&[SettingsManage]), write Caps(&[SettingsManage])),
        programs(read Caps(&[SettingsManage]), write Caps(&[SettingsManage])),
        needs Active, operator true;
    /// The organization's own OAuth clients at social providers. Whoever chose one can sign people in through it.
    OAuthCredentials: "oauth_credentials",
        people(read Caps(&[SettingsManage]), write Caps(&[SettingsManage])),
        programs(read Caps(&[SettingsManage]), write Caps(&[SettingsManage])),
        needs Active, operator true;
    /// The organization's own texts for its mails.
    MailTemplates: "mail_templates",
        people(read Caps(&[SettingsManage]), write Caps(&[SettingsManage])),
        programs(read Caps(&[SettingsManage]), write Caps(&[SettingsManage])),
        needs Active, operator true;
    /// How the organization looks.
    Branding: "branding",
        people(read Member, write Caps(&[SettingsManage])), programs(read Member, write Caps(&[SettingsManage])),
        needs Active, operator true;
    /// The organization's own host, and whether it has proven that.
    Host: "host",
        people(read Member, write Caps(&[SettingsManage])), programs(read Member, write Caps(&[SettingsManage])),
        needs Active, operator true;
    /// Domains of its people's addresses.
    SignInDomains: "sign_in_domains",
        people(read Caps(&[IntegrationsManage]), write Caps(&[IntegrationsManage])),
        programs(read Caps(&[IntegrationsManage]), write Caps(&[IntegrationsManage])),
        needs Active, operator true;
    /// Connections to identity providers. Whoever changes whom one speaks for bounds what it may give.
    Connections: "connections",
        people(read Caps(&[IntegrationsManage]), write Caps(&[IntegrationsManage])),
        programs(read Caps(&[IntegrationsManage]), write Caps(&[IntegrationsManage])),
        needs Active, operator false;
    /// How its people have to sign in. Only a person says so.
    SignInRules: "sign_in_policy",
        people(read Caps(&[SettingsManage]), write Caps(&[SettingsManage])),
        programs(read Caps(&[SettingsManage]), write Nobody),
        needs Active, operator true;
    /// Acting in the organization: `select`.
    Context: "context",
        people(read Member, write Member), programs(read Nobody, write Nobody),
        needs Active, operator false;
    /// Deleting the organization.
    OrgLifecycle: "lifecycle",
        people(read Owner, write Owner), programs(read Nobody, write Nobody),
        needs NotSuspended, operator false;
    /// Handing the organization over.
    Ownership: "ownership",
        people(read Owner, write Owner), programs(read Nobody, write Nobody),
        needs NotSuspended, operator false;
    /// Who is a member; writing is adding and removing.
    Members: "members",
        people(read Member, write Caps(&[MembersManage])),
        programs(read Caps(&[MembersView, MembersManage]), write Caps(&[MembersManage])),
        needs NotSuspended, operator false;
    /// The caller's own membership; writing is leaving.
    OwnMembership: "own_membership",
        people(read Member, write Member), programs(read Nobody, write Nobody),
        needs NotSuspended, operator false;
    /// Which role a member has. Only people hand out authority.
    MemberRoles: "member_roles",
        people(read Member, write Caps(&[RolesManage])), programs(read Caps(&[MembersView, MembersManage]), write Nobody),
        needs NotSuspended, operator false;
    /// Everything that grants a person anything here.
    MemberAccess: "member_access",
        people(read Caps(&[MembersManage]), write Nobody), programs(read Caps(&[MembersManage]), write Nobody),
        needs NotSuspended, operator false;
    /// Invitations. One names the person who invites, and is worth what that person may give when it is accepted.
    Invitations: "invitations",
        people(read Caps(&[MembersManage]), write Caps(&[MembersManage])), programs(read Caps(&[MembersManage]), write Nobody),
        needs Active, operator false;
    /// Custom roles.
    Roles: "roles",
        people(read Caps(&[RolesManage]), write Caps(&[RolesManage])), programs(read Nobody, write Nobody),
        needs Active, operator false;
    /// The audit log; written by every change, never through the API.
    AuditLog: "audit_log",
        people(read Caps(&[AuditLogsView]), write Nobody), programs(read Caps(&[AuditLogsView]), write Nobody),
        needs Active, operator false;
    /// The event feed: what webhooks post, in its order. Whoever may point a webhook somewhere may read it as well.
    Feed: "feed",
        people(read Caps(&[AuditLogsView, WebhooksManage]), write Nobody),
        programs(read Caps(&[AuditLogsView, WebhooksManage]), write Nobody),
        needs Active, operator false;
    /// The organization's sign-ins in numbers.
    Analytics: "analytics",
        people(read Caps(&[AuditLogsView]), write Nobody), programs(read Caps(&[AuditLogsView]), write Nobody),
        needs Active, operator false;
    /// How long the audit log is kept, and whose content is erased from it.
    AuditRules: "audit_rules",
        people(read Caps(&[AuditLogsView]), write Owner), programs(read Nobody, write Nobody),
        needs Active, operator false;
    /// What the organization makes of risky sign-ins.
    RiskPolicy: "risk_policy",
        people(read Caps(&[RiskEventsView, RiskPoliciesManage]), write Caps(&[RiskPoliciesManage])),
        programs(read Caps(&[RiskEventsView, RiskPoliciesManage]), write Caps(&[RiskPoliciesManage])),
        needs Active, operator true;
    /// Its sign-ins as they were judged.
    RiskEvents: "risk_events",
        people(read Caps(&[RiskEventsView, RiskPoliciesManage]), write Nobody),
        programs(read Caps(&[RiskEventsView, RiskPoliciesManage]), write Nobody),
        needs Active, operator true;
    /// Outgoing webhooks and their deliveries.
    Webhooks: "webhooks",
        people(read Caps(&[WebhooksManage]), write Caps(&[WebhooksManage])),
        programs(read Caps(&[WebhooksManage]), write Caps(&[WebhooksManage])),
        needs Active, operator false;
    /// Log streams: where the log is forwarded to. Whoever may point one somewhere can read the log there, as the contract wants it.
    LogStreams: "log_streams",
        people(read Caps(&[IntegrationsManage]), write Caps(&[IntegrationsManage])),
        programs(read Caps(&[IntegrationsManage]), write Caps(&[IntegrationsManage])),
        needs Active, operator false;
    /// Tokens of the organization's directory. Programs are shown none: whoever got hold of a key could outlive its revocation.
    ScimTokens: "scim_tokens",
        people(read Caps(&[IntegrationsManage]), write Caps(&[IntegrationsManage])), programs(read Nobody, write Nobody),
        needs Active, operator false;
    /// API keys of the organization. Keys do not make keys: whoever got hold of one could outlive its revocation.
    ApiKeys: "api_keys",
        people(read Caps(&[IntegrationsManage]), write Caps(&[IntegrationsManage])), programs(read Nobody, write Nobody),
        needs Active, operator false;
    /// All services: their list (of which whoever holds no permission sees what was granted directly), and making one. A new one comes
    /// with a client secret, which only people are shown.
    Services: "services",
        people(read Member, write Caps(&[ServicesCreate])),
        programs(read Caps(&[ServicesView, ServicesManage]), write Nobody),
        needs Active, operator false;
    /// One service's settings. This and what follows belongs to one service: see [`OfService`] for what else grants it.
    OneService: "service",
        people(read Caps(&[ServicesView, ServicesManage]), write Caps(&[ServicesManage])),
        programs(read Caps(&[ServicesView, ServicesManage]), write Caps(&[ServicesManage])),
        needs Active, operator false;
    /// Deleting a service, with everything that belongs to it.
    ServiceLifecycle: "service_lifecycle",
        people(read Owner, write Owner), programs(read Nobody, write Nobody),
        needs Active, operator false;
    /// The secrets of a service's client. Programs are shown none: whoever got hold of a key could outlive its revocation.
    ClientSecrets: "client_secrets",
        people(read Caps(&[ServicesManage]), write Caps(&[ServicesManage])), programs(read Nobody, write Nobody),
        needs Active, operator false;
    /// How a service takes SAML from us: where it is told who somebody is, and what it is signed with. Keys are shown to nobody.
    ServiceSaml: "service_saml",
        people(read Caps(&[ServicesManage]), write Caps(&[ServicesManage])),
        programs(read Caps(&[ServicesManage]), write Caps(&[ServicesManage])),
        needs Active, operator false;
    /// Access to single services that members were given directly. Only people hand out authority.
    ServiceAccess: "service_access",
        people(read Caps(&[MembersManage]), write Caps(&[MembersManage])),
        programs(read Caps(&[MembersManage]), write Nobody),
        needs NotSuspended, operator false;
    /// A service's API keys. Keys do not make keys.
    ServiceKeys: "service_keys",
        people(read Caps(&[ServicesManage]), write Caps(&[ServicesManage])), programs(read Nobody, write Nobody),
        needs Active, operator false;
    /// A service's users, in the service API.
    ServiceUsers: "service_users",
        people(read Nobody, write Nobody), programs(read Nobody, write Nobody),
        needs Active, operator false;
    /// Everybody who uses a service of the organization; writing is ending their sessions.
    EndUsers: "end_users",
        people(read Caps(&[EndUsersView, EndUsersManage]), write Caps(&[EndUsersManage])),
        programs(read Caps(&[EndUsersView, EndUsersManage]), write Caps(&[EndUsersManage])),
        needs Active, operator false;
    /// Who subscribes to what of a service, in the service API.
    Subscriptions: "subscriptions",
        people(read Nobody, write Nobody), programs(read Nobody, write Nobody),
        needs Active, operator false;
    /// A service in numbers, in the service API.
    ServiceAnalytics: "service_analytics",
        people(read Nobody, write Nobody), programs(read Nobody, write Nobody),
        needs Active, operator false;
    /// The organization's own accounts at payment providers. Where money goes, a person says.
    BillingCredentials: "billing_credentials",
        people(read Caps(&[BillingManage]), write Caps(&[BillingManage])), programs(read Nobody, write Nobody),
        needs Active, operator false;
    /// The organization as a customer of the platform; writing is opening the provider's pages, on which it manages what it pays.
    BillingAccount: "billing_account",
        people(read Caps(&[BillingManage]), write Owner), programs(read Nobody, write Nobody),
        needs NotSuspended, operator false;
    /// A service's plans.
    Plans: "plans",
        people(read Caps(&[ServicesView, ServicesManage]), write Caps(&[ServicesManage])),
        programs(read Caps(&[ServicesView, ServicesManage]), write Caps(&[ServicesManage])),
        needs Active, operator false;
}

/// A resource that belongs to one service: what grants it beside the table.
pub trait OfService: Resource {
    /// The least access to that service, given to a member directly, that grants reading and writing; `None`: none does.
    const GRANTED: Ways<AccessLevel>;
    /// What a key of that service needs for it; `None`: no key reaches it.
    const KEYS: Ways<ServicePermission>;
}

/// What grants reading and writing, if something does.
#[derive(Clone, Copy, Debug)]
pub struct Ways<T> {
    /// What grants reading.
    pub read: Option<T>,
    /// What grants writing.
    pub write: Option<T>,
}

impl<T: Copy> Ways<T> {
    /// What grants writing, or reading.
    pub const fn of(self, write: bool) -> Option<T> {
        if write { self.write } else { self.read }
    }
}

/// Sees every resource kind that belongs to one service; see [`visit_all_of_service`].
pub trait OfServiceVisitor {
    /// One kind.
    fn visit<R: OfService>(&mut self);
}

macro_rules! of_service {
    ($($kind:ident: granted(read $read:expr, write $write:expr), keys(read $key_read:expr, write $key_write:expr);)*) => {
        $(
            impl OfService for $kind {
                const GRANTED: Ways<AccessLevel> = Ways { read: $read, write: $write };
                const KEYS: Ways<ServicePermission> = Ways { read: $key_read, write: $key_write };
            }
        )*
        /// Shows a visitor every kind that belongs to one service.
        pub fn visit_all_of_service(visitor: &mut impl OfServiceVisitor) {
            $(visitor.visit::<$kind>();)*
        }
    };
}

use ServicePermission::{ReadAnalytics, ReadService, ReadSubscriptions, ReadUsers, WriteService, WriteSubscriptions, WriteUsers};

of_service! {
    OneService: granted(read Some(Viewer), write Some(Manager)), keys(read Some(ReadService), write Some(WriteService));
    ServiceLifecycle: granted(read None, write None), keys(read None, write None);
    ClientSecrets: granted(read Some(Manager), write Some(Manager)), keys(read None, write None);
    ServiceSaml: granted(read Some(Manager), write Some(Manager)), keys(read None, write None);
    ServiceKeys: granted(read Some(Manager), write Some(Manager)), keys(read None, write None);
    Plans: granted(read Some(Viewer), write Some(Manager)), keys(read None, write None);
    ServiceUsers: granted(read None, write None), keys(read Some(ReadUsers), write Some(WriteUsers));
    Subscriptions: granted(read None, write None), keys(read Some(ReadSubscriptions), write Some(WriteSubscriptions));
    ServiceAnalytics: granted(read None, write None), keys(read Some(ReadAnalytics), write None);
}
