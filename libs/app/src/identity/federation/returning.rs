//! A browser comes back from an identity provider. It counts once, in the browser that was sent, and for the connection that it was sent through: no
//! answer of one provider ever reaches another's token endpoint (mix-up, RFC 9700, 4.4). What is asked of the provider is asked outside any
//! transaction.

use std::time::Duration;

use crypto::{Purpose, opaque};
use domain::{
    ConnectionId, Error, Result,
    core::{ports::RateRequest, rate::Limit},
    identity::{
        connections::{Protocol, documents::Configuration},
        federation::{
            Bindings, Expected, ProviderTokens, RelyingParty,
            asserted::{Asserted, Claims},
            attempts::{Failure, Reason, Stage},
        },
    },
};
use store::{
    Change, NoEvent,
    identity::federation::{Upstream, logins::UpstreamLogin},
};

use crate::{
    App, Call,
    identity::flows::{Browser, Cookies, Loaded, Stop, Turn},
};

/// What a browser brings from a provider (RFC 6749, 4.1.2; RFC 9207).
#[derive(Clone, Debug, Default)]
pub struct ProviderAnswer {
    /// What it was sent with.
    pub state: String,
    /// What is exchanged for tokens.
    pub code: Option<String>,
    /// Why there is none.
    pub error: Option<String>,
    /// The same for people.
    pub error_description: Option<String>,
    /// Who answers.
    pub iss: Option<String>,
}

/// Why it is not known who came back.
enum Unheard {
    /// The provider's word does not count, or there was none: the flow's page says so.
    Failed(Failure),
    /// Something of our own.
    Broken(Error),
}

impl From<Failure> for Unheard {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Error> for Unheard {
    fn from(e: Error) -> Self {
        Self::Broken(e)
    }
}

/// A key that is not known may be a new one: it is looked for so often.
const LOOKS: Limit = Limit { burst: 1, period: Duration::from_secs(300) };

impl App {
    /// Takes what a browser brings back.
    pub async fn return_from_provider(
        &self,
        call: &Call,
        browser: &Browser,
        (connection, answer): (ConnectionId, &ProviderAnswer),
    ) -> Result<(Turn, Cookies)> {
        self.admit_browser("flow-steps", call).await?;
        let silent = |turn| Ok((turn, Cookies::default()));
        let known = match opaque::recognises(Purpose::Upstream, &answer.state) {
            true => self.store.public_upstream_login(&opaque::hash(&answer.state)).await?,
            false => None,
        };
        let Some(login) = known.filter(|login| login.connection == connection) else { return silent(Turn::Stop(Stop::Over)) };
        // Or somebody signs others in as themselves.
        if browser.hash().as_ref() != Some(&login.browser) {
            return silent(Turn::Stop(Stop::OtherBrowser));
        }
        let first =
            async |tx: &store::WriteTx| Ok(Change::silent(tx.answer_upstream_login(login.id).await?, NoEvent::Housekeeping));
        if !self.anonymously(call, first).await? {
            return silent(Turn::Continue(login.flow));
        }
        let loaded = match self.load(call, browser, login.flow).await? {
            Ok(loaded) => loaded,
            Err(stop) => return silent(Turn::Stop(stop)),
        };
        match self.heard(call, &login, &loaded, answer).await {
            Ok((upstream, asserted)) if loaded.flow.request.trial.is_some() => {
                silent(self.arrive_to_try(call, (&loaded, &login), &upstream, &asserted).await?)
            }
            Ok((_, asserted)) if loaded.flow.request.link.is_some() => {
                silent(self.arrive_to_link(call, (&loaded, &login), &asserted).await?)
            }
            Ok((upstream, asserted)) => self.arrive(call, browser, (loaded, upstream, login), asserted).await,
            Err(Unheard::Failed(failure)) => {
                silent(self.failed_upstream(call, &loaded, (login.org, login.connection), (failure, None)).await?)
            }
            Err(Unheard::Broken(e)) => Err(e),
        }
    }

    /// The connection as it is now: nobody comes through one that was switched off, or changed, while they were away (T09).
    async fn living_upstream(&self, login: &UpstreamLogin, loaded: &Loaded) -> Result<Upstream, Unheard> {
        let failed = |reason| Err(Failure::at(Stage::Connection, reason).into());
        let is_there = loaded.org() == Some(login.org);
        match self.upstream_of(&loaded.flow.request, (login.org, login.connection)).await? {
            Some(upstream) if is_there && upstream.connection.generation == login.generation => Ok(upstream),
            Some(_) => failed(Reason::ConnectionChanged),
            None => failed(Reason::ConnectionDisabled),
        }
    }

    /// What the provider says of whoever came back.
    async fn heard(
        &self,
        call: &Call,
        login: &UpstreamLogin,
        loaded: &Loaded,
        answer: &ProviderAnswer,
    ) -> Result<(Upstream, Asserted), Unheard> {
        let upstream = self.living_upstream(login, loaded).await?;
        if upstream.connection.protocol == Protocol::Saml {
            return Ok((upstream, self.judged(login).await??));
        }
        check_answer(&upstream, answer)?;
        let bindings = self.store.upstream_bindings(login, &answer.state).await?;
        let redirect_uri = self.callback_url(login.connection);
        let party =
            RelyingParty { connection: &upstream.connection, secret: upstream.secret.as_ref(), redirect_uri: &redirect_uri };
        let code = answer.code.as_deref().unwrap_or_default();
        let tokens = self.upstreams.exchange(&party, code, &bindings).await?;
        let claims = self.provider_claims(call, (&party, login), &tokens, &bindings).await?;
        let at = upstream.connection.effective();
        let issuer = match (&at.issuer, &at.authorization) {
            (Some(issuer), _) => issuer.as_str(),
            (None, Some(url)) => url.as_str(),
            (None, None) => return Err(Failure::at(Stage::Connection, Reason::ConnectionDisabled).into()),
        };
        let names = &upstream.connection.mapping.attributes;
        let asserted = Asserted::read(names, issuer, &claims).map_err(|reason| Failure::at(Stage::Claims, reason))?;
        Ok((upstream, asserted))
    }

    /// The claims of the ID token, where there are keys that verify one, completed by the userinfo address; else of that alone.
    async fn provider_claims(
        &self,
        call: &Call,
        (party, login): (&RelyingParty<'_>, &UpstreamLogin),
        tokens: &ProviderTokens,
        bindings: &Bindings,
    ) -> Result<Claims, Unheard> {
        let connection = party.connection;
        let signs = connection.protocol == Protocol::Oidc && connection.documents.keys.content.is_some();
        let has_userinfo = connection.effective().userinfo.is_some();
        // Nothing signed says when they signed in there.
        if !signs && login.fresh {
            return Err(Failure::at(Stage::Userinfo, Reason::NotFresh).into());
        }
        if !signs {
            return Ok(self.upstreams.userinfo(party, tokens, None).await?);
        }
        let authenticated_since = login.fresh.then_some(login.created_at);
        let expected = Expected { nonce: &bindings.nonce, authenticated_since, now: call.now };
        let mut claims = match self.upstreams.verify(party, tokens, &expected) {
            Err(failure) if failure.reason == Reason::UnknownKey => {
                self.verify_by_new_keys(call, party, tokens, &expected).await?.ok_or(failure)?
            }
            outcome => outcome?,
        };
        if has_userinfo && lacks_something(party, &claims) {
            let subject = claims.get("sub").and_then(serde_json::Value::as_str).map(str::to_owned);
            match self.upstreams.userinfo(party, tokens, subject.as_deref()).await {
                // What was signed goes before what was only sent.
                Ok(more) => more.into_iter().for_each(|(name, value)| {
                    claims.entry(name).or_insert(value);
                }),
                Err(failure) if failure.reason == Reason::UserinfoSubject => return Err(failure.into()),
                // It is not needed to know who it is.
                Err(_) => {}
            }
        }
        Ok(claims)
    }

    /// Looks at the provider's keys again, once in five minutes: they change by themselves. `None`: there was no look.
    async fn verify_by_new_keys(
        &self,
        call: &Call,
        party: &RelyingParty<'_>,
        tokens: &ProviderTokens,
        expected: &Expected<'_>,
    ) -> Result<Option<Claims>, Unheard> {
        let connection = party.connection;
        let Some(url) = connection.documents.configuration.content.as_ref().and_then(Configuration::keys) else {
            return Ok(None);
        };
        let look = RateRequest::new(format!("connection-keys:{}", connection.id), LOOKS);
        if self.kv.admit(&[look]).await?.iter().any(|one| !one.allowed) {
            return Ok(None);
        }
        let Ok(keys) = self.identity_providers.keys(url).await else { return Ok(None) };
        self.anonymously(call, async |tx| {
            tx.keep_keys(connection, &keys).await?;
            Ok(Change::silent((), NoEvent::Housekeeping))
        })
        .await?;
        let mut newer = connection.clone();
        newer.documents.keys.content = Some(keys);
        Ok(Some(self.upstreams.verify(&RelyingParty { connection: &newer, ..*party }, tokens, expected)?))
    }
}

/// Whether the userinfo address may tell something that the ID token does not.
fn lacks_something(party: &RelyingParty<'_>, claims: &Claims) -> bool {
    let names = &party.connection.mapping.attributes;
    let name = |own: &Option<domain::identity::connections::mapping::ClaimName>, usual: &str| {
        own.as_ref().map_or_else(|| usual.to_owned(), |name| name.as_str().to_owned())
    };
    let wanted = [name(&names.subject, "sub"), name(&names.email, "email")];
    let groups = names.groups.as_ref().map(|name| name.as_str().to_owned());
    wanted.into_iter().chain(groups).any(|name| !claims.contains_key(&name))
}

/// Whether it is an answer of this provider, and not a refusal.
fn check_answer(upstream: &Upstream, answer: &ProviderAnswer) -> Result<(), Failure> {
    let connection = &upstream.connection;
    let issuer = connection.effective().issuer;
    let names_itself = matches!(
        &connection.documents.configuration.content,
        Some(Configuration::Discovery(discovery)) if discovery.names_itself
    );
    let fits = match (&answer.iss, &issuer) {
        (Some(iss), Some(issuer)) => iss == issuer.as_str(),
        (Some(_), None) => connection.protocol == Protocol::Oauth2,
        (None, _) => !names_itself,
    };
    if !fits {
        return Err(Failure::at(Stage::Answer, Reason::AnswerIssuer));
    }
    if let Some(error) = &answer.error {
        let words = format!("{error}: {}", answer.error_description.as_deref().unwrap_or_default());
        return Err(Failure::with(Stage::Answer, Reason::ProviderRefused, words.trim_end_matches([':', ' '])));
    }
    match &answer.code {
        Some(code) if !code.is_empty() && code.len() <= 4096 => Ok(()),
        _ => Err(Failure::at(Stage::Answer, Reason::AnswerUnreadable)),
    }
}
