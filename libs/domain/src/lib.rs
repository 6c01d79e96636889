//! The vocabulary of Tenantry: identifiers, parsed values, errors, time, who may do what, and what can happen.
//! Pure: no IO, no async runtime, no ORM, no HTTP. Every other crate speaks in these types.
//!
//! Start at [`authorization::resource`] (the table of what grants what) and [`authorization::policy`] (the one decision over it).

pub mod applications;
pub mod authorization;
pub mod core;
pub mod delivery;
pub mod events;
pub mod identity;
pub mod tenancy;

pub use self::core::clock::{Clock, IdGen, Time};
pub use self::core::error::{Error, Kind, Result, Violation, all};
pub use self::core::id::{Id, IdKind, NotAnId, PLATFORM};
pub use self::core::value::{BadValue, Page, Patch, Total};
pub use applications::api_keys::ApiKeyId;
pub use applications::billing::BillingCredentialsId;
pub use applications::client_grants::ClientGrantId;
pub use applications::plans::PlanId;
pub use applications::resource_servers::ResourceServerId;
pub use applications::services::ServiceId;
pub use authorization::actor::{Actor, Origin, Stamp};
pub use authorization::principal::{ClientId, ScimTokenId};
pub use delivery::log_streams::LogStreamId;
pub use delivery::mail_templates::MailTemplateId;
pub use delivery::webhooks::{DeliveryId, WebhookId};
pub use events::audit::ErasureId;
pub use events::record::EventId;
pub use events::record::{Event, EventName};
pub use identity::accounts::UserId;
pub use identity::connections::ConnectionId;
pub use identity::impersonation::ImpersonationId;
pub use identity::passkeys::{PasskeyChallengeId, PasskeyId};
pub use identity::risk::RiskEventId;
pub use identity::sessions::{GrantId, SessionId};
pub use identity::sign_ins::SignInId;
pub use tenancy::domains::DomainId;
pub use tenancy::invitations::InvitationId;
pub use tenancy::members::MembershipId;
pub use tenancy::oauth_credentials::OAuthCredentialsId;
pub use tenancy::organizations::OrgId;
pub use tenancy::roles::RoleId;
