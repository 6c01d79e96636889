//! A platform owner acts as somebody else: to see what they see, and to help. See [`domain::identity::impersonation`].

use domain::{
    Error, Event, ImpersonationId, OrgId, PLATFORM, Result, Time, UserId,
    authorization::{policy::PlatformScope, principal::Credential},
    core::value::Slug,
    identity::{
        accounts::User,
        impersonation::{ActClaim, IMPERSONATION_TYP, ImpersonationClaims, ImpersonationCredential, LASTS, MOST_AT_ONCE},
    },
};
use serde::{Deserialize, Serialize};
use store::{
    Change, NoEvent, WriteTx,
    identity::impersonation::{Ended, NewImpersonation},
};

use super::tokens::audience;
use crate::{App, Caller, core::admission::Place};

/// As whom, and why.
pub struct Impersonate {
    /// The account.
    pub user: UserId,
    /// The organization in which to act; needed where they have to do with several.
    pub org: Option<Slug>,
    /// For the log.
    pub reason: Option<String>,
}

/// What is answered to who begins to act as somebody.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Impersonating {
    /// Which.
    pub id: ImpersonationId,
    /// The token.
    pub access_token: String,
    /// When it ends.
    pub expires_at: Time,
    /// As whom.
    pub user: User,
    /// Where.
    pub org: Option<Slug>,
}

impl App {
    /// Begins to act as somebody. `Forbidden` (`platform_owner`) for who operates the platform, `Conflict` (`impersonation_limit`);
    /// `Invalid` if the organization has nothing to do with them, or none was named and several have.
    pub async fn impersonate(&self, c: &Caller, wanted: &Impersonate) -> Result<Impersonating> {
        self.as_operator(c, async |tx, scope| {
            let user = tx.account(wanted.user).await?.user;
            if user.deleted_at.is_some() {
                return Err(Error::not_found("user"));
            }
            if user.is_platform_owner {
                return Err(Error::forbidden("platform_owner", "Nobody acts as a platform owner."));
            }
            let org = place(tx, scope, wanted).await?;
            let new = NewImpersonation {
                id: ImpersonationId::new(tx.uuid()),
                user: user.id,
                org: org.as_ref().map_or(PLATFORM, |(id, _)| *id),
                reason: wanted.reason.clone().unwrap_or_default(),
                expires_at: tx.now() + LASTS,
            };
            tx.insert_impersonation(scope, &new, MOST_AT_ONCE).await?;
            let access_token = self.impersonation_token(tx, scope, &new, &user, org.as_ref())?;
            let change = begun(scope, &new, wanted)?;
            let answer =
                Impersonating { id: new.id, access_token, expires_at: new.expires_at, user, org: org.map(|(_, slug)| slug) };
            Ok(change.map(|()| answer))
        })
        .await
    }

    fn impersonation_token(
        &self,
        tx: &WriteTx,
        scope: PlatformScope<'_>,
        new: &NewImpersonation,
        user: &User,
        org: Option<&(OrgId, Slug)>,
    ) -> Result<String> {
        let operator = scope.require_person()?;
        let slug = org.map(|(_, slug)| slug);
        let claims = ImpersonationClaims {
            token_use: "impersonation".to_owned(),
            sub: user.id,
            email: user.email.to_string(),
            is_platform_owner: false,
            act: ActClaim {
                sub: operator.id,
                email: operator.email.to_string(),
                reason: Some(new.reason.clone()).filter(|reason| !reason.is_empty()),
            },
            sid: operator.session,
            org: slug.cloned(),
            org_id: org.map(|(id, _)| *id),
            aud: audience(slug),
            iss: self.settings.public_url.clone(),
            jti: new.id,
            iat: tx.now().timestamp(),
            exp: new.expires_at.timestamp(),
        };
        self.sign(IMPERSONATION_TYP, &claims, tx.now())
    }

    /// What a token of this type says, if we signed it and it has not expired.
    pub(crate) async fn verify_impersonation(&self, token: &str, now: Time) -> Result<ImpersonationCredential> {
        let claims: ImpersonationClaims = self.verified(token, IMPERSONATION_TYP, now).await?;
        if claims.token_use != "impersonation" || claims.aud != audience(claims.org.as_ref()) {
            return Err(crypto::JwtError::Wrong.into());
        }
        Ok((&claims).into())
    }

    /// Ends an impersonation, whoever's it is. `NotFound` if it does not last any more.
    pub async fn end_impersonation(&self, c: &Caller, id: ImpersonationId) -> Result<()> {
        self.as_operator(c, async |tx, _| {
            let ended = tx.end_impersonation(id).await?.ok_or_else(|| Error::not_found("impersonation"))?;
            Ok(over(&ended))
        })
        .await
    }

    /// Ends the impersonation whose token asks.
    pub(crate) async fn leave_impersonation(&self, c: &Caller, who: &ImpersonationCredential) -> Result<()> {
        let place = self.admit_write(c.who.id(), Place::Own).await?;
        self.write(c, place, async |tx| {
            tx.principal(&Credential::Impersonation(*who)).await?;
            Ok(match tx.end_impersonation(who.id).await? {
                Some(ended) => over(&ended),
                None => Change::silent((), NoEvent::Unchanged),
            })
        })
        .await
    }
}

/// Where to act: in the organization that is named, or the only one that they have to do with.
async fn place(tx: &WriteTx, scope: PlatformScope<'_>, wanted: &Impersonate) -> Result<Option<(OrgId, Slug)>> {
    let mut found = tx.organizations_of(scope, wanted.user, wanted.org.as_ref()).await?;
    match (found.len(), &wanted.org) {
        (0, Some(_)) => Err(Error::field("org_slug", "not_theirs", "They have nothing to do with this organization.")),
        (0 | 1, _) => Ok(found.pop()),
        _ => Err(Error::field(
            "org_slug",
            "ambiguous_organization",
            "They have to do with several organizations. Say in which one to act.",
        )),
    }
}

/// The records of a beginning: the platform's, and that of the organization.
fn begun(scope: PlatformScope<'_>, new: &NewImpersonation, wanted: &Impersonate) -> Result<Change<()>> {
    let (user_id, impersonation_id, reason) = (new.user, new.id, wanted.reason.clone());
    let organization_id = (new.org != PLATFORM).then_some(new.org);
    let event = Event::PlatformImpersonated { user_id, impersonation_id, organization_id, reason: reason.clone() };
    let change = Change::new((), PLATFORM, event);
    let Some(org) = organization_id else { return Ok(change) };
    let operator = scope.require_person()?;
    Ok(change.and(
        org,
        Event::ImpersonationStarted {
            user_id,
            impersonation_id,
            operator_id: operator.id,
            operator_email: operator.email.to_string(),
            reason,
            expires_at: new.expires_at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
        },
    ))
}

/// The records of an end.
fn over(ended: &Ended) -> Change<()> {
    let (user_id, impersonation_id) = (ended.user, ended.id);
    let change = Change::new((), PLATFORM, Event::PlatformImpersonationEnded { user_id, impersonation_id });
    if ended.org == PLATFORM {
        return change;
    }
    change.and(ended.org, Event::ImpersonationEnded { user_id, impersonation_id })
}
