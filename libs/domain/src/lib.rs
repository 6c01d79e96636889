//! The vocabulary of Tenantry: identifiers, parsed values, errors, time, who may do what, and what can happen.
//! Pure: no IO, no async runtime, no ORM, no HTTP. Every other crate speaks in these types.
//!
//! Start at [`resource`] (the table of what grants what) and [`policy`] (the one decision over it).

pub mod accounts;
pub mod actor;
pub mod audit;
pub mod clock;
pub mod error;
pub mod events;
pub mod guesses;
pub mod id;
pub mod invitations;
pub mod mails;
pub mod members;
pub mod organizations;
pub mod policy;
pub mod ports;
pub mod rate;
pub mod resource;
pub mod roles;
pub mod sessions;
pub mod value;
pub mod webhooks;

pub use actor::{Actor, Origin, Stamp};
pub use clock::{Clock, IdGen, Time};
pub use error::{Error, Kind, Result, Violation, all};
pub use events::{Event, EventName};
pub use id::*;
pub use value::{BadValue, Page, Patch};
