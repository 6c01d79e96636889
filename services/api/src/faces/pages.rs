//! What people see: pages of the sign-in flow and behind mailed links, rendered here from typed data, and what they load. Pages load
//! nothing from outside and run nothing but `submit.js` and `passkey.js`; a value of somebody else's stands in them escaped, and set apart.

mod account;
mod agents;
mod answer;
mod assets;
mod brand;
pub(crate) mod browser;
mod device;
mod frame;
pub(crate) mod hosts;
mod language;
mod link;
mod mailed;
mod page;
mod qr;
mod render;
mod safe_url;
mod saml;
mod saml_idp;
pub(crate) mod sign_in;
mod templates;
mod texts;
mod through;
mod trial;
mod upstream;

use crate::http::operations::{PAGES, Routes, anybody};

pub(crate) use self::{
    answer::answer,
    frame::{Brand, Frame},
    language::PageLanguage,
    page::{
        Action, Choice, CodeProblem, ConsentFacts, DeviceFacts, ErrorKind, FactorKind, IdentifyProblem, LinkFacts, Page,
        PasswordProblem, Problem, Provider, TrialCheck, TrialFacts, TrialOutcome, Trouble, TroubleKind,
    },
    safe_url::SafeUrl,
};

pub(crate) fn routes(routes: &mut Routes<'_>) {
    routes
        .of(mailed::routes)
        .of(sign_in::routes)
        .of(upstream::routes)
        .of(saml::routes)
        .of(saml_idp::routes)
        .of(device::routes)
        .of(link::routes)
        .of(trial::routes)
        .of(account::routes)
        .of(through::routes)
        .tag(PAGES)
        .add(assets::asset, anybody().unlimited())
        .add(brand::brand, anybody());
}

/// Where the web client lives that invitations lead to, if there is one.
#[derive(Clone, Debug)]
pub struct Dashboard(pub String);
