//! A flow of a service that asked by SAML ends: with an assertion, or with a status that says why there is none. Both are signed before the transaction that
//! ends the flow, and given away only if that commits.

use crypto::opaque;
use domain::{
    Error, Event, Kind, Result, ServiceId, Time,
    applications::{
        authorization_requests::AnswersTo,
        service_saml::{NameIdFormat, ServiceSaml},
    },
    core::value::ServiceSlug,
    identity::{
        accounts::User,
        entry::{Entry, counting},
        flows::LASTS,
        saml::{
            FRESH, MessageId, NameId,
            idp::{Encryption, Reply, Statement, Status, context},
        },
    },
};
use store::{Change, NoEvent, WriteTx, applications::service_saml::people::ToldSession};

use super::{
    Answer, Loaded, Stop, Turn,
    finish::{CHANGED, changed},
    saml::decoded,
    subject,
};
use crate::{App, Call};

/// How long a service may take an assertion: it comes by the next form.
const COUNTS: chrono::TimeDelta = chrono::TimeDelta::minutes(5);

/// Why a service is told that nobody signed in.
pub(super) struct Refusing<'a> {
    /// Which.
    pub(super) of: (&'a ServiceSaml, &'a ServiceSlug),
    /// What it had asked.
    pub(super) in_response_to: Option<&'a str>,
    /// Why.
    pub(super) status: Status,
}

impl Loaded {
    /// The service of a flow that was begun by SAML, while it takes that.
    fn of_saml(&self) -> Option<(&ServiceSaml, &ServiceSlug)> {
        self.saml.as_ref().zip(self.client.service.as_ref().map(|service| &service.slug))
    }
    fn in_response_to(&self) -> Option<&str> {
        self.flow.request.saml.as_ref()?.in_response_to.as_deref()
    }
    fn of(&self) -> Result<(domain::OrgId, ServiceId)> {
        self.service().map(|service| (self.client.org(), service)).ok_or_else(changed)
    }
}

impl App {
    /// Tells a service that nobody signed in, in a flow that is over. `asks`: the browser is asked first whether it wants to go there.
    pub(super) async fn refuse_by_saml(&self, call: &Call, loaded: &Loaded, status: Status, asks: bool) -> Result<Turn> {
        let Some(of) = loaded.of_saml() else { return Ok(Turn::Stop(Stop::BadRedirect)) };
        let refusing = Refusing { of, in_response_to: loaded.in_response_to(), status };
        let confirm = asks.then(|| loaded.client.name.clone());
        Ok(match self.saml_refusal(call, refusing, loaded.flow.request.to.clone()).await? {
            Some(answer) => Turn::Answer(Answer { confirm, ..answer }),
            None => Turn::Stop(Stop::BadRedirect),
        })
    }

    /// `None`: SAML is off, or the service takes it no more.
    pub(super) async fn saml_refusal(&self, call: &Call, why: Refusing<'_>, to: AnswersTo) -> Result<Option<Answer>> {
        let (saml, slug) = why.of;
        let (in_response_to, status) = (why.in_response_to.map(str::to_owned), why.status);
        let reply = self.reply(call, (saml, slug), &to, (in_response_to, Err(status))).await?;
        self.signed_answer(reply, to).await
    }

    /// An answer, before it is signed. `None`: there is nothing to sign it with.
    async fn reply(
        &self,
        call: &Call,
        (of, slug): (&ServiceSaml, &ServiceSlug),
        to: &AnswersTo,
        (in_response_to, said): (Option<String>, std::result::Result<Box<Statement>, Status>),
    ) -> Result<Option<Reply>> {
        let Some(saml) = &self.saml else { return Ok(None) };
        let key = self.saml_signing_key(call, saml.as_ref(), (of.org_id, of.service_id)).await?;
        Ok(key.map(|key| Reply {
            id: MessageId::new(self.ids.secret()),
            issued_at: call.now,
            entity_id: self.identity_provider(of.org_id, slug).entity_id,
            acs: to.redirect_uri.clone(),
            in_response_to,
            said,
            sign_response: of.settings.sign_response,
            key,
        }))
    }

    async fn signed_answer(&self, reply: Option<Reply>, to: AnswersTo) -> Result<Option<Answer>> {
        let (Some(saml), Some(reply)) = (&self.saml, reply) else { return Ok(None) };
        let mut fields = vec![("SAMLResponse", saml.reply(reply).await?)];
        fields.extend(to.state.clone().map(|state| ("RelayState", state)));
        Ok(Some(Answer { to, fields, confirm: None }))
    }

    /// Answers with an assertion a flow that misses nothing.
    pub(super) async fn issue_assertion(&self, call: &Call, loaded: Loaded, kept: bool) -> Result<Turn> {
        let Some(of) = loaded.of_saml() else { return Ok(Turn::Stop(Stop::BadRedirect)) };
        let statement = match self.statement(call, &loaded, of.0).await {
            Ok(Ok(statement)) => statement,
            Ok(Err(status)) => return self.end_refused(call, &loaded, status, kept).await,
            Err(e) if e.code == CHANGED => return Ok(Turn::Stop(Stop::Over)),
            Err(e) => return Err(e),
        };
        let told = self.told(of.1, &loaded, &statement);
        let asked = loaded.in_response_to().map(str::to_owned);
        let to = loaded.flow.request.to.clone();
        let reply = self.reply(call, of, &to, (asked, Ok(Box::new(statement)))).await?;
        let Some(answer) = self.signed_answer(reply, to).await? else { return Ok(Turn::Stop(Stop::BadRedirect)) };
        let outcome = self
            .anonymously(call, async |tx| {
                if kept && !tx.end_flow(loaded.mine()).await? {
                    return Err(changed());
                }
                self.write_assertion(tx, call, &loaded, told.as_ref()).await
            })
            .await;
        match outcome {
            Ok(()) => Ok(Turn::Answer(answer)),
            Err(e) if e.code == CHANGED => Ok(Turn::Stop(Stop::Over)),
            Err(e) => Err(e),
        }
    }

    async fn end_refused(&self, call: &Call, loaded: &Loaded, status: Status, kept: bool) -> Result<Turn> {
        if kept {
            let end = async |tx: &WriteTx| Ok(Change::silent(tx.end_flow(loaded.mine()).await?, NoEvent::Housekeeping));
            self.anonymously(call, end).await?;
        }
        self.refuse_by_saml(call, loaded, status, false).await
    }

    /// What the service is told of who is signed in; or the status that it is told instead.
    async fn statement(&self, call: &Call, loaded: &Loaded, of: &ServiceSaml) -> Result<std::result::Result<Statement, Status>> {
        let (Some(session), Some(Entry::Enter(entered))) = (&loaded.session, self.entry_in(call, loaded).or_else(no_entry)?)
        else {
            return Err(changed());
        };
        let user = &session.user;
        // Only an address that is proven is told: a service cannot be told beside it that it is not (T23).
        let email = self.address_is_proven(user).await?.then(|| user.email.to_string());
        let name_id = match self.name_for(call, loaded, of, (user, email.as_deref())).await? {
            Some(name_id) => name_id,
            None => return Ok(Err(Status::RequestDenied)),
        };
        let did = counting(loaded.entrance.as_ref().map(|entrance| &entrance.policy), &session.did);
        let contexts = loaded.flow.request.saml.as_ref().map(|asked| asked.contexts.as_slice()).unwrap_or_default();
        let context = match context(&did, contexts) {
            Ok(context) => context,
            Err(status) => return Ok(Err(status)),
        };
        let authenticated_at = did.newest_first().and_then(|at| Time::from_timestamp(at, 0)).ok_or_else(changed)?;
        let longest = authenticated_at + self.settings.session_longest;
        let until = entered.until.and_then(|until| Time::from_timestamp(until, 0)).map_or(longest, |until| until.min(longest));
        Ok(Ok(Statement {
            id: MessageId::new(self.ids.secret()),
            audience: of.settings.entity_id.as_str().to_owned(),
            name_id,
            session_index: MessageId::new(self.ids.secret()).as_str().to_owned(),
            valid_until: call.now + COUNTS,
            authenticated_at,
            session_until: until,
            context,
            attributes: attributes(of, user, email.as_deref()),
            encryption: self.encryption(of)?,
        }))
    }

    /// By what the service knows somebody; `None`: by nothing that may be told.
    async fn name_for(
        &self,
        call: &Call,
        loaded: &Loaded,
        of: &ServiceSaml,
        (user, email): (&User, Option<&str>),
    ) -> Result<Option<NameId>> {
        let format = of.settings.name_id_format;
        let plain = |value: String| NameId {
            value,
            format: Some(format.uri().to_owned()),
            name_qualifier: None,
            sp_name_qualifier: None,
        };
        Ok(match format {
            NameIdFormat::EmailAddress => email.map(|email| plain(email.to_owned())),
            NameIdFormat::Unspecified => Some(plain(subject(user.id))),
            NameIdFormat::Persistent => {
                let key = loaded.of()?;
                let known = self.store.public_saml_name(key, user.id).await?;
                let value = match known {
                    Some(value) => value,
                    None => {
                        let fresh = MessageId::new(self.ids.secret()).as_str().to_owned();
                        let keep = async |tx: &WriteTx| {
                            Ok(Change::silent(tx.saml_name(key, user.id, &fresh).await?, NoEvent::Housekeeping))
                        };
                        self.anonymously(call, keep).await?
                    }
                };
                let us = loaded.of_saml().map(|(of, slug)| self.identity_provider(of.org_id, slug).entity_id);
                let service = Some(of.settings.entity_id.as_str().to_owned());
                Some(NameId { name_qualifier: us, sp_name_qualifier: service, ..plain(value) })
            }
        })
    }

    fn encryption(&self, of: &ServiceSaml) -> Result<Option<Encryption>> {
        let Some(certificate) = &of.settings.encryption_certificate else { return Ok(None) };
        let mut nonce = [0; 12];
        nonce.copy_from_slice(&self.ids.secret()[..12]);
        Ok(Some(Encryption { certificate: decoded(certificate)?, content_key: self.ids.secret(), nonce }))
    }

    /// What is remembered of a session that the service can end.
    fn told(&self, slug: &ServiceSlug, loaded: &Loaded, said: &Statement) -> Option<ToldSession> {
        let of = loaded.saml.as_ref()?;
        of.settings.slo_url.as_ref()?;
        Some(ToldSession {
            index_hash: opaque::hash(&said.session_index),
            name_hash: self.name_at_service(of, slug, &said.name_id),
            until: said.session_until,
        })
    }

    /// Finds a name identifier among those that a service was told.
    pub(super) fn name_at_service(&self, of: &ServiceSaml, slug: &ServiceSlug, name_id: &NameId) -> String {
        let us = self.identity_provider(of.org_id, slug).entity_id;
        opaque::hash(&name_id.key(&us, of.settings.entity_id.as_str()))
    }

    async fn write_assertion(
        &self,
        tx: &WriteTx,
        call: &Call,
        loaded: &Loaded,
        told: Option<&ToldSession>,
    ) -> Result<Change<()>> {
        let session = self.still_signed_in(tx, call, loaded).await?;
        let (org, service) = loaded.of()?;
        if !tx.still_takes_saml(org, service, &loaded.flow.request.to.redirect_uri).await? {
            return Err(changed());
        }
        if let Some(id) = loaded.in_response_to() {
            // No flow that began with the same request ends later.
            let until = tx.now() + LASTS + FRESH + FRESH;
            if !tx.see_once(&format!("saml request {service}"), &opaque::hash(id), until).await? {
                return Err(changed());
            }
        }
        if let Some(told) = told {
            tx.keep_told_session((org, service), told, (session.user.id, session.id)).await?;
        }
        self.record_entry(tx, loaded, &session).await?;
        let client_id = loaded.client.client_id.clone();
        Ok(Change::new((), org, Event::ClientAuthorized { user_id: session.user.id, session_id: session.id, client_id }))
    }
}

/// Whoever may not enter has been told so before.
fn no_entry(e: Error) -> Result<Option<Entry>> {
    if e.kind == Kind::Forbidden { Ok(None) } else { Err(e) }
}

/// What a service is told beside who it is, by the names that it gave it.
fn attributes(of: &ServiceSaml, user: &User, email: Option<&str>) -> Vec<(String, String)> {
    let names = &of.settings.attributes;
    let all = [
        (&names.sub, Some(subject(user.id))),
        (&names.email, email.map(str::to_owned)),
        (&names.name, email.map(str::to_owned)),
        (&names.org_id, Some(of.org_id.to_string())),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name.as_ref()?.as_str().to_owned(), value?))).collect()
}
