//! A token is exchanged for one for another organization (RFC 8693): the same person in the same session at the same client, as far as the other
//! organization lets them in as they signed in. What it may do, and where, is never more than what the first one may.

use crypto::{Purpose, opaque};
use domain::{
    Error, Event, GrantId, Kind, OrgId, Result,
    applications::{
        client_grants::{TokenClient, refuse},
        clients::OrganizationUsage,
        resource_servers::Scopes,
    },
    identity::sessions::GrantRow,
};
use store::{
    Change, WriteTx,
    applications::token_clients::Presented,
    identity::sessions::{ClientsGrant, LivingGrant},
};

use super::{UserTokens, claims::UserClaims};
use crate::{
    App, Call,
    applications::dpop::{Shown, kept_with},
    core::limits::rate_request,
};

/// How many grants a client may have of one session.
const MOST_OF_A_SESSION: i64 = 100;

/// A token, and what is wanted for it.
pub struct TokenExchange {
    /// An access token of this client, in somebody's name.
    pub subject_token: String,
    /// The organization, by id or slug.
    pub organization: String,
    /// Fewer scopes; `None`: those of the token.
    pub scopes: Option<Scopes>,
    /// The API, if it is named again.
    pub audience: Option<String>,
}

/// The organization does not take them, or is none; or the API is another one.
fn invalid_target(why: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(Kind::Protocol, "invalid_target", why)
}

/// RFC 8693, 2.2.2: whatever is wrong with the token.
fn invalid_subject() -> Error {
    refuse("invalid_request", "`subject_token` is no access token that this client got for somebody, or holds no more.")
}

impl App {
    /// Exchanges a token. The one that is presented goes on. `Protocol` with the codes of RFC 6749 and 8693; `invalid_target` where the organization
    /// does not let them in, with `step_up_required` in its description if they would have to do more first.
    pub async fn exchange_token(&self, call: &Call, shown: &Shown, asked: &TokenExchange) -> Result<UserTokens> {
        let (client, key) = self.authenticate_holder(call, shown).await?;
        self.fresh_keys(call.now).await?;
        let claims = self.user_claims(&asked.subject_token, call.now).await?;
        let claims = claims.filter(|claims| claims.azp == client.client_id).ok_or_else(invalid_subject)?;
        // What is bound to a key is nothing without it, and what comes of it is bound to the same one.
        if claims.key().is_some_and(|bound| key.as_deref() != Some(bound)) {
            return Err(invalid_subject());
        }
        let limit = self.settings.limits.account.writes;
        self.admit("clients", &[rate_request("exchanges", &claims.sid.to_string(), limit)]).await?;
        let org = self.switched_to(&client, &asked.organization).await?;
        let refresh = opaque::mint(Purpose::Refresh, self.ids.as_ref());
        let work =
            async |tx: &WriteTx| self.switch(tx, call, (&claims, &client, asked), (org, &refresh.hash, key.as_deref())).await;
        let mut living = self.anonymously(call, work).await?;
        living.granted.key = key;
        let refreshes = living.granted.scopes.iter().any(|scope| scope.as_str() == "offline_access");
        self.tokens(&living, &client, (None, refreshes.then_some(refresh.text)), call.now).await
    }

    /// The organization that a client names, if people sign in to it there.
    async fn switched_to(&self, client: &Presented, named: &str) -> Result<OrgId> {
        let unknown = || invalid_target("There is no such `organization`, it is not active, or this person may not enter it.");
        let org = self.organization_named(named).await?.ok_or_else(unknown)?.id;
        let settings = self.store.client_of_flow((client.of.org(), client.id)).await?.ok_or_else(unknown)?;
        match &client.of {
            TokenClient::Of(own, _) if *own != org => Err(invalid_target("This client signs people in to its own organization.")),
            _ if settings.sign_in.organization_usage == OrganizationUsage::Deny => {
                Err(invalid_target("This client signs nobody in to an organization."))
            }
            _ => Ok(org),
        }
    }

    async fn switch(
        &self,
        tx: &WriteTx,
        call: &Call,
        (claims, client, asked): (&UserClaims, &Presented, &TokenExchange),
        (org, refresh_hash, key): (OrgId, &str, Option<&str>),
    ) -> Result<Change<LivingGrant>> {
        let longest = self.settings.session_longest;
        let subject = tx.living_grant(claims.gid, longest).await?.ok_or_else(invalid_subject)?;
        // The membership before the grant, as a removal locks them.
        tx.keep_member(org, subject.user.id).await?;
        self.keep_consent(tx, subject.granted.client, subject.user.id).await?;
        let subject = tx.lock_living_grant(subject.granted.grant.id, longest).await?.ok_or_else(invalid_subject)?;
        self.may_go_on(&subject, call).map_err(|e| if e.kind == Kind::Protocol { invalid_subject() } else { e })?;
        let session = subject.granted.grant.session_id;
        // One exchange of a session counts at a time.
        tx.lock_session(session, longest).await?.ok_or_else(invalid_subject)?;
        if tx.count_clients_grants(session, subject.granted.client).await? >= MOST_OF_A_SESSION {
            return Err(refuse("invalid_request", "This client has too many tokens of this sign-in: revoke some, or use those."));
        }
        let granted = ClientsGrant {
            grant: GrantRow { id: GrantId::new(tx.uuid()), org_id: org, ..subject.granted.grant.clone() },
            scopes: narrowed(claims, asked)?,
            audience: self.same_audience(&subject, asked)?,
            key: kept_with(client, key),
            // As old as what it comes from: an API that was taken back and granted again later is another grant here as well.
            ..subject.granted.clone()
        };
        let until = tx.end_of_session(session, tx.now() + self.settings.refresh_ttl, longest).await?;
        tx.insert_clients_grant(&granted, refresh_hash, until).await?;
        let living = tx.living_grant(granted.grant.id, longest).await?.ok_or_else(invalid_subject)?;
        self.may_go_on(&living, call).map_err(|e| if e.kind == Kind::Protocol { invalid_target(e.message) } else { e })?;
        self.entered(tx, &living, client).await
    }

    async fn entered(&self, tx: &WriteTx, living: &LivingGrant, client: &Presented) -> Result<Change<LivingGrant>> {
        let (user, grant) = (&living.user, &living.granted.grant);
        tx.acts(domain::Actor::User { id: user.id, email: user.email.clone() });
        let service = matches!(client.of, TokenClient::Of(..)).then_some(client.id);
        tx.record_sign_in(grant.org_id, grant.session_id, service).await?;
        let client_id = client.client_id.clone();
        let event = Event::ClientAuthorized { user_id: user.id, session_id: grant.session_id, client_id };
        Ok(Change::new(living.clone(), grant.org_id, event))
    }

    fn same_audience(&self, subject: &LivingGrant, asked: &TokenExchange) -> Result<Option<String>> {
        let known = subject.granted.audience.as_deref();
        match asked.audience.as_deref() {
            None => Ok(known.map(str::to_owned)),
            Some(other) if other == self.userinfo_audience() => Ok(None),
            other if other == known => Ok(known.map(str::to_owned)),
            Some(_) => Err(invalid_target("The token is for another API.")),
        }
    }
}

fn narrowed(claims: &UserClaims, asked: &TokenExchange) -> Result<Scopes> {
    let held = Scopes::stored(&claims.scope);
    let Some(scopes) = asked.scopes.as_ref().filter(|scopes| !scopes.is_empty()) else { return Ok(held) };
    let scopes = scopes.within(&held);
    if scopes.is_empty() { Err(refuse("invalid_scope", "The token has none of these scopes.")) } else { Ok(scopes) }
}
