//! Probes, keys, and pages behind mailed links.

use super::{
    Maker, Noun, Operation,
    access::{Access::Public, op},
    made,
};

pub(super) const NOUNS: &[Noun] = &[Noun { parameter: "token", prefix: "inv_", make: made!(no_token) }];

pub(super) const OPERATIONS: &[Operation] = &[
    op("health", Public),
    op("health.live", Public),
    op("health.ready", Public),
    op("jwks", Public),
    op("metrics", Public),
    op("pages.changeEmail", Public),
    op("pages.invitation", Public),
    op("pages.postChangeEmail", Public),
    op("pages.postResetPassword", Public),
    op("pages.postSetup", Public),
    op("pages.postVerifyEmail", Public),
    op("pages.resetPassword", Public),
    op("pages.setup", Public),
    op("pages.verifyEmail", Public),
];

/// Of an invitation's page: it works once, so that those who use it make their own.
async fn no_token(_: &Maker<'_>) -> String {
    "inv_nonsense".to_owned()
}
