//! How an organization lets a service take SAML from us. Keys are made here and shown to nobody; whoever may say where answers go says it of everybody who
//! signs in to the service, as with its redirect URIs.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use domain::{
    Error, Event, OrgId, Result, ServiceId, Time,
    applications::{
        service_saml::{MAX_NOTICE, SamlSettings, ServiceSaml, SigningCertificate, SigningCertificateId, USUAL_NOTICE, signing},
        services::Service,
    },
    authorization::{
        in_service::{InService, decide_in_service},
        policy::Write,
        resource::ServiceSaml as Resource,
    },
    core::{
        ports::Saml,
        value::{ServiceSlug, Slug},
    },
    identity::saml::{SpKey, idp::IdpMetadata},
    tenancy::features::Feature,
};
use serde::{Deserialize, Serialize};
use store::{Change, NoEvent, WriteTx};

use crate::{App, Call, Caller};

/// Who we are to a service: addresses name the organization by its id, which stays when it is renamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityProvider {
    /// Our entity ID, where our metadata is.
    pub entity_id: String,
    /// Where its requests go.
    pub sso: String,
    /// Where its logout requests go.
    pub slo: String,
    /// Where people come who begin here.
    pub begin: String,
}

/// The certificates of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningCertificates {
    /// All of them, by age.
    pub all: Vec<SigningCertificate>,
    /// The place of the one that signs.
    pub signing: usize,
}

fn none() -> Error {
    Error::not_found("SAML settings of this service")
}

impl App {
    /// Who we are to a service.
    pub fn identity_provider(&self, org: OrgId, service: &ServiceSlug) -> IdentityProvider {
        let at = |what: &str| format!("{}/saml/{org}/{service}/{what}", self.settings.public_url);
        IdentityProvider { entity_id: at("metadata"), sso: at("sso"), slo: at("slo"), begin: at("authenticate") }
    }

    fn saml_of_services(&self) -> Result<&dyn Saml> {
        let off = || Error::conflict("saml_disabled", "SAML is switched off on this installation. Ask its operator.");
        self.saml.as_deref().ok_or_else(off)
    }

    /// What a service registered. `NotFound`: it takes no SAML.
    pub async fn get_service_saml(&self, c: &Caller, slug: &Slug, service: &ServiceSlug) -> Result<ServiceSaml> {
        let standing = self.standing(c, slug).await?;
        let found = self.store.service_facts(&standing, service).await?;
        self.store.get_service_saml(decide_in_service(&standing, found.as_ref())?).await?.ok_or_else(none)
    }

    /// Lets a service take SAML, by these settings and no others. `Forbidden` (`feature_not_in_tier`), `Conflict` (`saml_disabled`).
    pub async fn set_service_saml(
        &self,
        c: &Caller,
        slug: &Slug,
        service: &ServiceSlug,
        wanted: (SamlSettings, WrittenCertificates),
    ) -> Result<ServiceSaml> {
        let saml = self.saml_of_services()?;
        let settings = self.with_certificates(saml, wanted)?;
        settings.check()?;
        self.in_service::<Resource, _>(c, slug, service, async |tx, scope| {
            if settings.enabled && !scope.view().has_feature(Feature::SamlIdp) {
                let text = "SAML for services is not part of this organization's tier.";
                return Err(Error::forbidden("feature_not_in_tier", text));
            }
            set(tx, scope, &settings).await
        })
        .await
    }

    /// Reads certificates that somebody wrote down.
    fn with_certificates(
        &self,
        saml: &dyn Saml,
        (settings, written): (SamlSettings, WrittenCertificates),
    ) -> Result<SamlSettings> {
        let read = |field: &'static str, text: &Option<String>| match text {
            None => Ok(None),
            Some(text) => match self.identity_providers.certificate(text) {
                Ok(certificate) => Ok(Some(certificate.der)),
                Err(bad) => Err(Error::field(field, bad.code, bad.message)),
            },
        };
        let encryption = read("encryption_certificate", &written.encryption)?;
        let opens = |der: &String| STANDARD.decode(der).is_ok_and(|der| saml.can_encrypt_for(&der));
        if encryption.as_ref().is_some_and(|der| !opens(der)) {
            let text = "Use a certificate of an RSA key: with others nothing can be encrypted.";
            return Err(Error::field("encryption_certificate", "not_rsa", text));
        }
        let request_certificate = read("request_certificate", &written.request)?;
        Ok(SamlSettings { encryption_certificate: encryption, request_certificate, ..settings })
    }

    /// A service takes SAML no more. Its keys, and the names that it knew people by, are gone for good.
    pub async fn delete_service_saml(&self, c: &Caller, slug: &Slug, service: &ServiceSlug) -> Result<()> {
        self.in_service::<Resource, _>(c, slug, service, async |tx, scope| {
            let service = tx.lock_service(scope).await?.service;
            if !tx.delete_service_saml(scope).await? {
                return Err(none());
            }
            Ok(Change::new((), scope.org(), updated(&service, vec!["saml"])))
        })
        .await
    }

    /// A service's certificates. They are made when they are needed first. `NotFound`: it takes no SAML.
    pub async fn saml_certificates(&self, c: &Caller, slug: &Slug, service: &ServiceSlug) -> Result<SigningCertificates> {
        let of = self.get_service_saml(c, slug, service).await?;
        self.saml_signing_key(&c.call, self.saml_of_services()?, (of.org_id, of.service_id)).await?;
        let standing = self.standing(c, slug).await?;
        let found = self.store.service_facts(&standing, service).await?;
        let all = self.store.saml_certificates(decide_in_service(&standing, found.as_ref())?).await?;
        let signing = signing(&all, c.call.now).ok_or_else(none)?;
        Ok(SigningCertificates { all, signing })
    }

    /// Makes another certificate, which signs after so many seconds (a week if not said) and is published until then beside the one that does.
    pub async fn rotate_saml_certificate(
        &self,
        c: &Caller,
        slug: &Slug,
        service: &ServiceSlug,
        notice: Option<i64>,
    ) -> Result<SigningCertificates> {
        let notice = notice.map_or(USUAL_NOTICE, TimeDelta::seconds);
        if !(TimeDelta::zero()..=MAX_NOTICE).contains(&notice) {
            let text = format!("Use at most {} days.", MAX_NOTICE.num_days());
            return Err(Error::field("signs_in_seconds", "out_of_range", text));
        }
        // Whoever may not is refused before a key is made for them.
        let of = self.get_service_saml(c, slug, service).await?;
        let saml = self.saml_of_services()?;
        self.saml_signing_key(&c.call, saml, (of.org_id, of.service_id)).await?;
        let key = saml.new_key(of.service_id.to_string(), c.call.now).await?;
        let fresh = self.certificate_of(&key, c.call.now)?;
        self.in_service::<Resource, _>(c, slug, service, async |tx, scope| {
            let service = tx.lock_service(scope).await?.service;
            tx.lock_service_saml(scope).await?.ok_or_else(none)?;
            let id = SigningCertificateId::new(tx.uuid());
            let fresh = SigningCertificate { id, signs_from: tx.now() + notice, created_at: tx.now(), ..fresh.clone() };
            tx.next_saml_key(scope, &fresh, &key).await?;
            let all = tx.saml_certificates_of(scope).await?;
            let signing = signing(&all, tx.now()).ok_or_else(none)?;
            let event = updated(&service, vec!["saml_certificate"]);
            Ok(Change::new(SigningCertificates { all, signing }, scope.org(), event))
        })
        .await
    }

    /// Ends the overlap of two certificates: the newest signs, from now on and alone. `Conflict` (`no_overlap`).
    pub async fn end_saml_overlap(&self, c: &Caller, slug: &Slug, service: &ServiceSlug) -> Result<()> {
        self.in_service::<Resource, _>(c, slug, service, async |tx, scope| {
            let service = tx.lock_service(scope).await?.service;
            tx.lock_service_saml(scope).await?.ok_or_else(none)?;
            if !tx.end_saml_overlap(scope).await? {
                return Err(Error::conflict("no_overlap", "There is one certificate only. Make another one first."));
            }
            Ok(Change::new((), scope.org(), updated(&service, vec!["saml_certificate"])))
        })
        .await
    }

    /// With what we sign for a service. The first key is made when it is needed; of several who need it at once, one keeps theirs. `None`: it takes no
    /// SAML any more.
    pub(crate) async fn saml_signing_key(
        &self,
        call: &Call,
        saml: &dyn Saml,
        (org, service): (OrgId, ServiceId),
    ) -> Result<Option<SpKey>> {
        let known = self.store.public_saml_signing_key(org, service, call.now).await?;
        if known.is_some() {
            return Ok(known);
        }
        let made = saml.new_key(service.to_string(), call.now).await?;
        let first = self.certificate_of(&made, call.now)?;
        self.anonymously(call, async |tx| {
            tx.first_saml_key((org, service), &first, &made).await?;
            Ok(Change::silent((), NoEvent::Housekeeping))
        })
        .await?;
        self.store.public_saml_signing_key(org, service, call.now).await
    }

    /// A key's certificate, as one that signs from now on.
    fn certificate_of(&self, key: &SpKey, now: Time) -> Result<SigningCertificate> {
        let read = self.identity_providers.certificate(&STANDARD.encode(&key.certificate)).map_err(Error::internal)?;
        Ok(SigningCertificate {
            id: SigningCertificateId::new(self.ids.uuid(now)),
            der: read.der,
            valid_from: read.not_before,
            valid_until: read.not_after,
            signs_from: now,
            created_at: now,
        })
    }

    /// Our metadata for a service, in XML. `None`: it takes no SAML.
    pub async fn idp_metadata(&self, call: &Call, organization: &str, service: &str) -> Result<Option<String>> {
        self.admit_browser("saml-metadata", call).await?;
        let Some(saml) = &self.saml else { return Ok(None) };
        let Some(found) = self.saml_service(organization, service).await? else { return Ok(None) };
        let of = (found.saml.org_id, found.saml.service_id);
        self.saml_signing_key(call, saml.as_ref(), of).await?;
        let all = self.store.public_saml_certificates(of.0, of.1).await?;
        let first = signing(&all, call.now).map(|at| all[at].id);
        let (signs, others): (Vec<_>, Vec<_>) = all.iter().partition(|one| Some(one.id) == first);
        let certificates = signs.into_iter().chain(others).filter_map(|one| STANDARD.decode(&one.der).ok()).collect();
        let settings = &found.saml.settings;
        let us = self.identity_provider(of.0, &found.slug);
        let about = IdpMetadata {
            entity_id: us.entity_id,
            sso: us.sso,
            slo: settings.slo_url.as_ref().map(|_| us.slo),
            certificates,
            name_id_format: settings.name_id_format.uri(),
            wants_signed_requests: settings.request_certificate.is_some(),
        };
        saml.idp_metadata(&about).map(Some)
    }
}

/// Certificates of a service as somebody wrote them down: PEM, or base64 of the DER.
#[derive(Clone, Debug, Default)]
pub struct WrittenCertificates {
    /// For whom assertions are encrypted.
    pub encryption: Option<String>,
    /// What signs its requests.
    pub request: Option<String>,
}

async fn set(tx: &WriteTx, scope: InService<'_, Resource, Write>, settings: &SamlSettings) -> Result<Change<ServiceSaml>> {
    let service = tx.lock_service(scope).await?.service;
    let before = tx.lock_service_saml(scope).await?;
    let changed = match &before {
        Some(before) => settings.differences(&before.settings),
        None => vec!["saml"],
    };
    if let Some(before) = before.clone().filter(|_| changed.is_empty()) {
        return Ok(Change::silent(before, NoEvent::Unchanged));
    }
    let saml = ServiceSaml {
        org_id: scope.org(),
        service_id: scope.service(),
        settings: settings.clone(),
        created_at: before.map_or(tx.now(), |before| before.created_at),
        updated_at: tx.now(),
    };
    tx.put_service_saml(scope, &saml).await?;
    Ok(Change::new(saml, scope.org(), updated(&service, changed)))
}

fn updated(service: &Service, changed: Vec<&'static str>) -> Event {
    let (slug, name) = (service.slug.to_string(), service.settings.name.to_string());
    Event::ServiceUpdated { service_id: service.id, slug, name, changed }
}
