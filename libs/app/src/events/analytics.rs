//! Sign-ins of an organization in numbers.

use domain::{
    Result,
    authorization::{
        policy::{OrgScope, Read, Standing, decide},
        resource::Analytics,
    },
    core::value::Slug,
    events::analytics::{Day, Days, ServiceSignIns},
    identity::sign_ins::SignIn,
};

use crate::{App, Caller};

/// Which days, as somebody asks for them.
#[derive(Clone, Copy, Debug)]
pub struct DaysAsked {
    /// The first.
    pub start: Option<Day>,
    /// The last.
    pub end: Option<Day>,
}

impl App {
    /// Sign-ins by day, of the days that have some.
    pub async fn sign_ins_by_day(&self, c: &Caller, slug: &Slug, asked: DaysAsked) -> Result<Vec<(String, i64)>> {
        let standing = self.standing(c, slug).await?;
        let (scope, days) = look(&standing, asked, c)?;
        self.list(scope.org(), false, self.store.sign_ins_by_day(scope, days)).await
    }

    /// Sign-ins by method, most first.
    pub async fn sign_ins_by_method(&self, c: &Caller, slug: &Slug, asked: DaysAsked) -> Result<Vec<(String, i64)>> {
        let standing = self.standing(c, slug).await?;
        let (scope, days) = look(&standing, asked, c)?;
        self.list(scope.org(), false, self.store.sign_ins_by_method(scope, days)).await
    }

    /// Sign-ins to each service, most first.
    pub async fn sign_ins_by_service(&self, c: &Caller, slug: &Slug, asked: DaysAsked) -> Result<Vec<ServiceSignIns>> {
        let standing = self.standing(c, slug).await?;
        let (scope, days) = look(&standing, asked, c)?;
        self.list(scope.org(), false, self.store.sign_ins_by_service(scope, days)).await
    }

    /// The newest sign-ins of those days.
    pub async fn recent_sign_ins(&self, c: &Caller, slug: &Slug, asked: DaysAsked, limit: u32) -> Result<Vec<SignIn>> {
        let standing = self.standing(c, slug).await?;
        let (scope, days) = look(&standing, asked, c)?;
        self.list(scope.org(), false, self.store.recent_sign_ins(scope, days, limit)).await
    }
}

fn look<'f>(standing: &'f Standing<'_, Read>, asked: DaysAsked, c: &Caller) -> Result<(OrgScope<'f, Analytics, Read>, Days)> {
    Ok((decide(standing)?, Days::between(asked.start, asked.end, c.call.now)?))
}
