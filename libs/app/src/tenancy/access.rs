//! What grants a person anything in an organization; after they have left, signed.

use domain::{
    Result, UserId,
    authorization::{
        policy::{OrgScope, Read, decide},
        resource::MemberAccess as Resource,
    },
    core::value::Slug,
    tenancy::access::MemberAccess,
};

use crate::{App, Caller};

impl App {
    /// Everything that grants a person anything here, and, if they are no member (any more), a signed statement of it: a JWS that
    /// [`crypto::audit::statement::AccessLeft`] reads, made with the key of checkpoints. `NotFound` for whoever the organization has, and
    /// had, nothing to do with.
    pub async fn member_access(&self, c: &Caller, slug: &Slug, user: UserId) -> Result<(MemberAccess, Option<String>)> {
        let standing = self.standing(c, slug).await?;
        let scope: OrgScope<'_, Resource, Read> = decide(&standing)?;
        self.heavy_read(scope.org(), async {
            let access = self.store.member_access(scope, user, c.call.now).await?;
            let statement = if access.is_member() { None } else { Some(self.store.sign_access_left(scope, &access).await?) };
            Ok((access, statement))
        })
        .await
    }
}
