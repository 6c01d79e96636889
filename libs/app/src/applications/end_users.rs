//! End users: everybody who uses a service of the organization, as its people and programs look after them.

use domain::{
    Event, Kind, Result, UserId,
    applications::end_users::{EndUser, EndUserDetail},
    authorization::{
        policy::{self, OrgScope, Read, Write, decide},
        resource::EndUsers,
    },
    core::value::Slug,
    tenancy::roles::Role,
};
use store::{Change, NoEvent, WriteTx, applications::end_users::Wanted};

use crate::{App, Caller, tenancy::members::current_role};

impl App {
    /// End users, newest first, and how many there are. `NotFound` for an unknown service.
    pub async fn list_end_users(&self, c: &Caller, slug: &Slug, wanted: &Wanted) -> Result<(Vec<EndUser>, i64)> {
        let standing = self.standing(c, slug).await?;
        let scope: OrgScope<'_, EndUsers, Read> = decide(&standing)?;
        let deep = wanted.after.is_none() && wanted.page.is_deep();
        self.list(scope.org(), deep, self.store.list_end_users(scope, wanted)).await
    }

    /// One of them, with the sessions that can act here and the sign-ins that came here.
    pub async fn get_end_user(&self, c: &Caller, slug: &Slug, user: UserId) -> Result<EndUserDetail> {
        let standing = self.standing(c, slug).await?;
        let scope: OrgScope<'_, EndUsers, Read> = decide(&standing)?;
        let end_user = self.store.get_end_user(scope, user).await?;
        let (session_count, sessions) = self.store.end_user_sessions(scope, user, c.call.now).await?;
        let sign_ins = self.store.end_user_sign_ins(scope, user).await?;
        Ok(EndUserDetail { end_user, session_count, sessions, sign_ins })
    }

    /// Ends their sessions in the organization and its services, nowhere else; how many there were. `Forbidden` (`owner_required`) for
    /// an owner or admin.
    pub async fn end_end_user_sessions(&self, c: &Caller, slug: &Slug, user: UserId) -> Result<u64> {
        self.in_org::<EndUsers, _>(c, slug, async |tx, scope| {
            let end_user = tx.end_user(scope, user).await?;
            if !scope.principal().is_user(user) {
                policy::may_end_sessions(scope, role(tx, scope, user).await?.as_ref())?;
            }
            let count = tx.end_sessions(scope, &end_user).await?;
            if count == 0 {
                return Ok(Change::silent(0, NoEvent::Unchanged));
            }
            let event = Event::SessionsRevoked { user_id: user, count, reason: "organization".to_owned() };
            Ok(Change::new(count, scope.org(), event))
        })
        .await
    }
}

/// The role of an end user who is a member as well.
async fn role(tx: &WriteTx, scope: OrgScope<'_, EndUsers, Write>, user: UserId) -> Result<Option<Role>> {
    match tx.member(scope, user).await {
        Ok(member) => current_role(tx, scope, &member).await.map(Some),
        Err(e) if e.kind == Kind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}
