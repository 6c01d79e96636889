//! The harness: a whole Tenantry in the test's own process, and clients that call it the way the SDK does.
//!
//! ```ignore
//! both!(a_slug_is_taken_once, async |app| {
//!     let ann = app.sign_up("ann@example.com").await;
//!     app.create_org(&ann, "acme").await;
//!     app.by(&ann).post("/api/organizations", json!({"slug": "acme", "name": "Other"})).await.refused(400, "DUPLICATE_CONSTRAINT");
//! });
//! ```
//!
//! - [`TestApp`] is a real HTTP server on a free port, on SQLite or on PostgreSQL with Redis, under a clock that only the test moves.
//! - Nothing happens behind a test's back: background work is done when the test calls [`TestApp::worker`].
//! - [`TestApp::finish`] fails a test that leaves deliveries behind, or that saw a 5xx, without saying so, and one that saw an answer
//!   which the OpenAPI document does not describe. [`both!`] calls it.
//! - [`everything`] makes one of everything; a new resource is added there.
//! - [`answers!`] is a table of requests and what each is answered.
//! - [`fuzz`] has what is done to every parser of hostile input.
//! - [`Receiver`] is a customer's webhook endpoint, [`MailServer`] a customer's mail server, [`LogReceiver`] what takes a customer's
//!   log, [`OpenIdProvider`] and [`SamlProvider`] identity providers, [`Browser`] a person's browser, [`PasskeyDevice`] their device, [`RelyingParty`] an application at which they sign in, [`KeyHolder`] a program that holds a key, [`NameServer`] the name server of everybody's domains, [`Cashier`] the payment providers.

mod answers;
mod app;
mod browser;
mod cashier;
mod client;
mod database;
mod document;
pub mod everything;
pub mod fuzz;
mod identity_provider;
mod key_holder;
mod log_receiver;
mod mail_server;
mod mails;
mod name_server;
mod openid_provider;
mod passkeys;
mod people;
mod places;
mod receiver;
mod relying_party;
mod response;
mod run;
mod saml_provider;
mod saml_service;

pub use answers::{Expected, Table, refused, refused_as};
pub use app::{Options, TestApp, start_time};
pub use browser::{Browser, Landed};
pub use cashier::{Asked, Cashier, PAYMENT_KEY};
pub use client::{Client, Request, Serves};
pub use database::Database;
pub use identity_provider::{IDP_CLIENT, IdentityProvider, metadata};
pub use key_holder::KeyHolder;
pub use log_receiver::{LogReceiver, Posted, RECEIVER_KEY, Speaks};
pub use mail_server::{Handed, MailServer, SMTP_PASSWORD};
pub use mails::Mail;
pub use name_server::NameServer;
pub use openid_provider::{Arrived, OpenIdProvider, Signed, back};
pub use passkeys::PasskeyDevice;
pub use people::{Org, PASSWORD, User, text};
pub use places::{PlacedNetwork, database_of_places};
pub use receiver::{Received, Receiver};
pub use relying_party::{Asked as AskedFor, RelyingParty, read_token};
pub use response::Response;
pub use run::{block_on, run};
pub use saml_provider::{SAML_IDP, SamlAsked, SamlProvider, SamlSaid, Signs, unpacked};
pub use saml_service::{SamlAnswer, SamlClient, SamlWanted};

/// What the right side of a row of [`answers!`] is written with.
#[doc(hidden)]
pub mod words {
    pub use crate::{
        Expected::{Done, Invalid, Ok, Status},
        refused, refused_as,
    };
}

/// One test body, run on SQLite (`name::sqlite`) and on PostgreSQL with Redis (`name::postgres`), and finished: see
/// [`TestApp::finish`]. `both!(name, async |app| { … })`, or with [`Options`] before the body.
#[macro_export]
macro_rules! both {
    ($name:ident, $body:expr) => {
        $crate::both!($name, $crate::Options::default(), $body);
    };
    ($name:ident, $options:expr, $body:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "a module of a test uses some of what stands around it")]
            use super::*;
            fn on(database: $crate::Database) {
                $crate::run(database, $options, $body);
            }
            #[test]
            fn sqlite() {
                on($crate::Database::Sqlite);
            }
            #[test]
            fn postgres() {
                on($crate::Database::Postgres);
            }
        }
    };
}
