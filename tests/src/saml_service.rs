//! A service that takes SAML from us: it asks what a test wants it to ask, signed or not, and judges what it is answered by what our metadata says.

use std::{io::Write, sync::LazyLock};

use base64::{Engine, engine::general_purpose::STANDARD};
use crypto::{
    OsRandom,
    xml::{Digest, SigningKey},
};
use domain::{
    IdGen, Time,
    identity::saml::{Expectation, MessageId, Outcome, SKEW, SpKey},
};
use flate2::{Compression, write::DeflateEncoder};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::{Browser, Landed, Response};

const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const SITE: &str = "https://portal.example.com";

static KEY: LazyLock<SpKey> = LazyLock::new(|| crypto::xml::new_key("portal", crate::start_time()).expect("a key"));

/// The service.
#[derive(Clone, Debug)]
pub struct SamlClient {
    /// Who it says that it is.
    pub entity_id: String,
    /// Where it takes answers.
    pub acs: String,
    /// Where it takes answers to its logout requests.
    pub slo: String,
}

impl Default for SamlClient {
    fn default() -> Self {
        let at = |what: &str| format!("{SITE}/saml/{what}");
        Self { entity_id: at("metadata"), acs: at("acs"), slo: at("slo") }
    }
}

/// A request of the service, before it is sent.
#[derive(Clone, Debug)]
pub struct SamlWanted {
    /// Its id.
    pub id: String,
    /// It.
    pub xml: String,
}

/// What a page brings to the service.
#[derive(Clone, Debug)]
pub struct SamlAnswer {
    /// Where it is sent.
    pub acs: String,
    /// The response.
    pub xml: String,
    /// What the service sent along.
    pub relay_state: Option<String>,
}

impl SamlAnswer {
    /// The status codes, the outer one first, without their common beginning.
    pub fn status(&self) -> Vec<String> {
        let all = self.xml.split("StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:").skip(1);
        all.map(|rest| rest.split('"').next().unwrap_or_default().to_owned()).collect()
    }
    /// What stands between two texts, the first time.
    #[track_caller]
    pub fn between(&self, begin: &str, end: &str) -> String {
        let (_, rest) = self.xml.split_once(begin).unwrap_or_else(|| panic!("no {begin}: {}", self.xml));
        rest.split(end).next().unwrap_or_default().to_owned()
    }
    /// By what the service knows who signed in.
    #[track_caller]
    pub fn name_id(&self) -> String {
        self.between("<saml:NameID", "</saml:NameID>").split('>').nth(1).unwrap_or_default().to_owned()
    }
    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<String> {
        let (_, rest) = self.xml.split_once(&format!("<saml:Attribute Name=\"{name}\""))?;
        let (_, rest) = rest.split_once("<saml:AttributeValue>")?;
        Some(rest.split('<').next().unwrap_or_default().to_owned())
    }
}

fn text_of(html: &str) -> String {
    let mut out = html.to_owned();
    for (escape, c) in
        [("&#x2f;", "/"), ("&#x2B;", "+"), ("&#x3D;", "="), ("&quot;", "\""), ("&#x27;", "'"), ("&lt;", "<"), ("&gt;", ">")]
    {
        out = out.replace(escape, c);
    }
    out.replace("&amp;", "&")
}

impl SamlClient {
    /// Its key, which signs and decrypts.
    pub fn key() -> &'static SpKey {
        &KEY
    }
    /// That key's certificate, as PEM.
    pub fn certificate() -> String {
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(&KEY.certificate))
    }

    /// What sets it up, with these settings beside the usual ones.
    pub fn settings(&self, settings: Value) -> Value {
        let mut body = json!({"enabled": true, "entity_id": self.entity_id, "acs_url": self.acs});
        for (name, value) in settings.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        body
    }

    /// A request for our address, with more attributes and elements.
    pub fn asks(&self, sso: &str, now: Time, (attributes, inner): (&str, &str)) -> SamlWanted {
        let (id, entity_id) = (MessageId::new(OsRandom::new().secret()).as_str().to_owned(), &self.entity_id);
        let now = now.format("%Y-%m-%dT%H:%M:%SZ");
        // In canonical form, so that signing is hashing the text.
        let mut all = vec![
            ("Destination", sso.to_owned()),
            ("ID", id.clone()),
            ("IssueInstant", now.to_string()),
            ("Version", "2.0".to_owned()),
        ];
        all.extend(attributes.split(' ').filter_map(|one| one.split_once('=')).map(|(name, value)| (name, value.to_owned())));
        all.sort_unstable();
        let attributes: String = all.into_iter().map(|(name, value)| format!(" {name}=\"{value}\"")).collect();
        let xml = format!(
            "<samlp:AuthnRequest xmlns:samlp=\"{PROTOCOL}\"{attributes}><saml:Issuer xmlns:saml=\"{ASSERTION}\">{entity_id}</saml:Issuer>{inner}</samlp:AuthnRequest>"
        );
        SamlWanted { id, xml }
    }

    /// A request to sign somebody out, at our address for that.
    pub fn signs_out(&self, slo: &str, now: Time, (name_id, index): (&str, Option<&str>)) -> String {
        let (id, entity_id) = (MessageId::new(OsRandom::new().secret()).as_str().to_owned(), &self.entity_id);
        let index = index.map_or_else(String::new, |index| format!("<samlp:SessionIndex>{index}</samlp:SessionIndex>"));
        format!(
            "<samlp:LogoutRequest xmlns:samlp=\"{PROTOCOL}\" xmlns:saml=\"{ASSERTION}\" ID=\"{id}\" Version=\"2.0\" IssueInstant=\"{}\" Destination=\"{slo}\"><saml:Issuer>{entity_id}</saml:Issuer><saml:NameID Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\">{name_id}</saml:NameID>{index}</samlp:LogoutRequest>",
            now.format("%Y-%m-%dT%H:%M:%SZ")
        )
    }

    /// The query of a message for the redirect binding; signed by a key if there is one.
    pub fn query(xml: &str, relay_state: &str, by: Option<&SpKey>) -> String {
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::default());
        packed.write_all(xml.as_bytes()).expect("a message");
        let packed = STANDARD.encode(packed.finish().expect("a message"));
        let mut fields = vec![("SAMLRequest", packed.as_str()), ("RelayState", relay_state)];
        fields.extend(by.map(|_| ("SigAlg", SigningKey::METHOD)));
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let Some(by) = by else { return query };
        let key = SigningKey::from_pkcs8(by.expose()).expect("a key");
        let signature = STANDARD.encode(key.sign(query.as_bytes()).expect("a signature"));
        let signature: String = form_urlencoded::byte_serialize(signature.as_bytes()).collect();
        format!("{query}&Signature={signature}")
    }

    /// A request with a signature in it, for the form of the POST binding.
    pub fn signed(wanted: &SamlWanted, by: &SpKey) -> String {
        let digest = STANDARD.encode(Digest::Sha256.of(wanted.xml.as_bytes()));
        let info = format!(
            "<ds:SignedInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm=\"{}\"></ds:SignatureMethod><ds:Reference URI=\"#{}\"><ds:Transforms><ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"></ds:Transform><ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:Transform></ds:Transforms><ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>",
            SigningKey::METHOD,
            wanted.id
        );
        let key = SigningKey::from_pkcs8(by.expose()).expect("a key");
        let value = STANDARD.encode(key.sign(info.as_bytes()).expect("a signature"));
        let info = info.replacen(" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"", "", 1);
        let signature = format!(
            "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">{info}<ds:SignatureValue>{value}</ds:SignatureValue></ds:Signature>"
        );
        wanted.xml.replacen("</saml:Issuer>", &format!("</saml:Issuer>{signature}"), 1)
    }

    /// Sends a request by a form of the service's site.
    pub async fn posts(browser: &Browser, path: &str, xml: &str, relay_state: &str) -> Landed {
        let packed = STANDARD.encode(xml);
        browser.post_from(SITE, path, &[("SAMLRequest", &packed), ("RelayState", relay_state)]).await
    }

    /// What a page brings to the service.
    #[track_caller]
    pub fn receives(page: &Response) -> SamlAnswer {
        let html = page.text();
        let value = |begin: &str| {
            let (_, rest) = html.split_once(begin)?;
            Some(text_of(rest.split('"').next().unwrap_or_default()))
        };
        let packed = value("name=\"SAMLResponse\" value=\"").unwrap_or_else(|| panic!("no answer: {page}"));
        let xml = String::from_utf8(STANDARD.decode(packed).expect("base64")).expect("UTF-8");
        let acs = value("<form method=\"post\" action=\"").unwrap_or_else(|| panic!("no form: {page}"));
        SamlAnswer { acs, xml, relay_state: value("name=\"RelayState\" value=\"") }
    }

    /// Judges an answer to a request by what our metadata says.
    pub fn judges(&self, metadata: &str, wanted: &SamlWanted, answer: &SamlAnswer, now: Time) -> Outcome {
        let certificates = metadata.split("<ds:X509Certificate>").skip(1).map(|rest| rest.split('<').next().unwrap_or_default());
        let (_, rest) = metadata.split_once("entityID=\"").expect("an entity ID");
        let expected = Expectation {
            issuer: rest.split('"').next().unwrap_or_default().parse().expect("an issuer"),
            certificates: certificates.map(|one| STANDARD.decode(one).expect("a certificate")).collect(),
            entity_id: self.entity_id.clone(),
            acs: self.acs.clone(),
            request_id: MessageId::stored(wanted.id.clone()),
            authenticated_since: None,
            keys: vec![KEY.clone()],
            unauthenticated_cbc: false,
            subject: None,
            skew: SKEW,
            now,
        };
        federation::saml::judge(&STANDARD.encode(&answer.xml), &expected)
    }
}
