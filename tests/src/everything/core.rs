//! Probes, keys, and pages behind mailed links.

use super::{
    Maker, Noun, Operation,
    access::{Access::Public, op},
    made,
};

pub(super) const NOUNS: &[Noun] = &[
    Noun { parameter: "token", prefix: "inv_", make: made!(no_token) },
    Noun { parameter: "flow_id", prefix: "flow_", make: made!(no_flow) },
    Noun { parameter: "link_id", prefix: "", make: made!(no_flow) },
    Noun { parameter: "asset_name", prefix: "style-", make: made!(no_asset) },
    Noun { parameter: "stylesheet_name", prefix: "", make: made!(stylesheet) },
];

pub(super) const OPERATIONS: &[Operation] = &[
    op("health", Public),
    op("health.live", Public),
    op("health.ready", Public),
    op("jwks", Public),
    op("metrics", Public),
    op("pages.account", Public),
    op("pages.accountPasskey", Public),
    op("pages.asset", Public),
    op("pages.brand", Public),
    op("pages.changeEmail", Public),
    op("pages.forgottenPassword", Public),
    op("pages.invitation", Public),
    op("pages.link", Public),
    op("pages.magicLink", Public),
    op("pages.mailedSignIn", Public),
    op("pages.postAccount", Public),
    op("pages.postChangeEmail", Public),
    op("pages.postForgottenPassword", Public),
    op("pages.postResetPassword", Public),
    op("pages.postSetup", Public),
    op("pages.answerDevice", Public),
    op("pages.answerLink", Public),
    op("pages.device", Public),
    op("pages.postDevice", Public),
    op("pages.postSignIn", Public),
    op("pages.postVerifyEmail", Public),
    op("pages.providerCallback", Public),
    op("pages.resetPassword", Public),
    op("pages.samlBegin", Public),
    op("pages.samlLogout", Public),
    op("pages.samlMetadata", Public),
    op("pages.samlResponse", Public),
    op("pages.setup", Public),
    op("pages.signIn", Public),
    op("pages.signInThrough", Public),
    op("pages.try", Public),
    op("pages.tryAgain", Public),
    op("pages.verifyEmail", Public),
];

/// Of an invitation's page: it works once, so that those who use it make their own.
async fn no_token(_: &Maker<'_>) -> String {
    "inv_nonsense".to_owned()
}

/// Of what pages load: the names are those of the contents.
async fn no_asset(_: &Maker<'_>) -> String {
    "style-0.css".to_owned()
}

/// Of an organization's colours: under any name, those of now.
async fn stylesheet(_: &Maker<'_>) -> String {
    "0.css".to_owned()
}

/// Of a sign-in's page: it belongs to one browser.
async fn no_flow(_: &Maker<'_>) -> String {
    "flow_019ab2c3d4e57f008000000000000099".to_owned()
}
