//! An organization's SAML provider: it says of whoever comes what the test wants it to say, also what no honest provider would. It writes its responses
//! in canonical form already, so that signing is hashing the text, and it shares nothing with what it tests but a signature.

use std::{io::Write, sync::LazyLock};

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use crypto::{
    OsRandom,
    xml::{Digest, SigningKey},
};
use domain::{
    IdGen, Time,
    identity::saml::{MessageId, SpKey},
};
use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use crate::{Browser, Landed, metadata};

/// Who the provider says that it is.
pub const SAML_IDP: &str = "https://idp.acme.example/metadata";
/// Where it is; nobody listens there.
const AT: &str = "http://127.0.0.1:9";
/// Its site, which browsers name as where a form comes from.
const SITE: &str = "https://idp.acme.example";

static KEY: LazyLock<SpKey> = LazyLock::new(|| new_key("idp"));
static OTHER: LazyLock<SpKey> = LazyLock::new(|| new_key("other"));

fn new_key(name: &str) -> SpKey {
    crypto::xml::new_key(name, crate::start_time() - TimeDelta::days(1)).expect("a key")
}

fn pem(key: &SpKey) -> String {
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(&key.certificate))
}

/// A provider with a key of its own, or another one.
#[derive(Clone, Copy)]
pub struct SamlProvider {
    key: &'static LazyLock<SpKey>,
}

/// What is signed of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signs {
    /// The assertion.
    Assertion,
    /// The response.
    Response,
    /// Both.
    Both,
    /// Nothing.
    Nothing,
}

/// A request that the provider got by a browser.
#[derive(Clone, Debug)]
pub struct SamlAsked {
    /// The request.
    pub xml: String,
    /// What came with it.
    pub relay_state: String,
}

impl SamlAsked {
    /// The value of an attribute of the request.
    #[track_caller]
    pub fn attribute(&self, name: &str) -> String {
        let begin = format!(" {name}=\"");
        let at = self.xml.find(&begin).unwrap_or_else(|| panic!("no {name}: {}", self.xml)) + begin.len();
        self.xml[at..].split('"').next().unwrap_or_default().to_owned()
    }

    /// Who asks.
    pub fn entity_id(&self) -> String {
        let at = self.xml.find("<saml:Issuer>").expect("an issuer") + "<saml:Issuer>".len();
        self.xml[at..].split('<').next().unwrap_or_default().to_owned()
    }

    /// Where the answer goes, as a path of ours.
    pub fn acs(&self) -> String {
        self.attribute("AssertionConsumerServiceURL").parse::<Url>().expect("a URL").path().to_owned()
    }
}

/// A response in parts, each to be changed by a test before it is signed.
#[derive(Clone, Debug)]
pub struct SamlSaid {
    parts: [String; 9],
}

/// The ID of a message.
fn fresh() -> String {
    MessageId::new(OsRandom::new().secret()).as_str().to_owned()
}

fn moment(at: Time, offset: i64) -> String {
    (at + TimeDelta::seconds(offset)).format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl SamlSaid {
    /// With `from` replaced by `to` wherever it is. It has to be somewhere.
    #[must_use]
    #[track_caller]
    pub fn with(mut self, from: &str, to: &str) -> Self {
        assert!(self.parts.iter().any(|part| part.contains(from)), "nothing of {from:?} to replace: {self:?}");
        self.parts = self.parts.map(|part| part.replace(from, to));
        self
    }

    /// The assertion's ID.
    pub fn id(&self) -> String {
        self.parts[3].split('"').nth(1).unwrap_or_default().to_owned()
    }

    /// With another one.
    #[must_use]
    pub fn with_id(self, id: &str) -> Self {
        let own = self.id();
        self.with(&own, id)
    }

    /// The request that it answers.
    pub fn request(&self) -> String {
        let (_, rest) = self.parts[0].split_once("InResponseTo=\"").expect("a request");
        rest.split('"').next().unwrap_or_default().to_owned()
    }

    /// The assertion, signed by a key if there is one.
    pub fn assertion(&self, by: Option<&SpKey>) -> String {
        let [_, _, _, assertion, issuer, subject, conditions, authn, attributes] = &self.parts;
        let whole = |signature: &str| {
            format!(
                "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" {assertion}>{issuer}{signature}{subject}{conditions}{authn}{attributes}</saml:Assertion>"
            )
        };
        let id = assertion.split('"').nth(1).unwrap_or_default();
        whole(&by.map(|by| signature(&whole(""), id, by)).unwrap_or_default())
    }

    /// The response around something, signed by a key if there is one.
    pub fn response(&self, inner: &str, by: Option<&SpKey>) -> String {
        let [response, response_issuer, status, ..] = &self.parts;
        let whole = |signature: &str| {
            format!(
                "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" {response}>{response_issuer}{signature}{status}{inner}</samlp:Response>"
            )
        };
        whole(&by.map(|by| signature(&whole(""), "_response", by)).unwrap_or_default())
    }
}

/// The message in a query of the redirect binding.
#[track_caller]
pub fn unpacked(url: &Url, name: &str) -> String {
    let (_, value) = url.query_pairs().find(|(known, _)| known == name).unwrap_or_else(|| panic!("no {name}: {url}"));
    let packed = STANDARD.decode(value.as_bytes()).expect("base64");
    std::io::read_to_string(DeflateDecoder::new(packed.as_slice())).expect("a message")
}

/// The enveloped signature of a canonical text with this ID.
fn signature(text: &str, id: &str, by: &SpKey) -> String {
    let digest = STANDARD.encode(Digest::Sha256.of(text.as_bytes()));
    let info = format!(
        "<ds:SignedInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm=\"{}\"></ds:SignatureMethod><ds:Reference URI=\"#{id}\"><ds:Transforms><ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"></ds:Transform><ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:Transform></ds:Transforms><ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>",
        SigningKey::METHOD
    );
    let value = STANDARD.encode(SigningKey::from_pkcs8(by.expose()).expect("a key").sign(info.as_bytes()).expect("a signature"));
    // Within its Signature it declares nothing that is declared already.
    let info = info.replacen(" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"", "", 1);
    format!(
        "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">{info}<ds:SignatureValue>{value}</ds:SignatureValue></ds:Signature>"
    )
}

impl Default for SamlProvider {
    fn default() -> Self {
        Self { key: &KEY }
    }
}

impl SamlProvider {
    /// One that says that it is the same, with another key.
    pub fn other() -> Self {
        Self { key: &OTHER }
    }

    /// Its key.
    pub fn key(&self) -> &SpKey {
        self.key
    }

    /// Its certificate, as PEM.
    pub fn certificate(&self) -> String {
        pem(self.key)
    }

    /// Its metadata.
    pub fn metadata(&self) -> String {
        let logout = format!(
            "<md:SingleLogoutService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"{AT}/slo\"/>\
             <md:SingleSignOnService "
        );
        metadata(AT, SAML_IDP, &[&self.certificate()]).replacen("<md:SingleSignOnService ", &logout, 1)
    }

    /// What makes a connection to it, with these settings beside the usual ones.
    pub fn connection(&self, settings: Value) -> Value {
        let mut body = json!({
            "connection_id": "okta", "name": "Acme Okta", "provider_type": "saml", "client_id": "urn:tenantry",
            "document": self.metadata(),
        });
        for (name, value) in settings.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        body
    }

    /// Takes a browser in that was sent here by redirect.
    #[track_caller]
    pub fn receives(&self, landed: Landed) -> SamlAsked {
        let Landed::Away(url) = landed else { panic!("the browser stayed: {landed:?}") };
        assert!(url.as_str().starts_with(&format!("{AT}/sso?SAMLRequest=")), "{url}");
        let field = |name: &str| url.query_pairs().find(|(known, _)| known == name).expect("a parameter").1.into_owned();
        let xml = unpacked(&url, "SAMLRequest");
        assert!(!field("Signature").is_empty() && field("SigAlg").ends_with("rsa-sha256"), "{url}");
        SamlAsked { xml, relay_state: field("RelayState") }
    }

    /// What an honest provider says to a request of somebody with this address.
    pub fn says(&self, asked: &SamlAsked, now: Time, email: &str) -> SamlSaid {
        let (acs, sp, id) = (asked.attribute("AssertionConsumerServiceURL"), asked.entity_id(), asked.attribute("ID"));
        let assertion = fresh();
        let (begin, issued, end, session) = (moment(now, -60), moment(now, 0), moment(now, 300), moment(now, 28_800));
        SamlSaid {
            parts: [
                format!("Destination=\"{acs}\" ID=\"_response\" InResponseTo=\"{id}\" IssueInstant=\"{issued}\" Version=\"2.0\""),
                format!("<saml:Issuer xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{SAML_IDP}</saml:Issuer>"),
                "<samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"></samlp:StatusCode></samlp:Status>"
                    .to_owned(),
                format!("ID=\"{assertion}\" IssueInstant=\"{issued}\" Version=\"2.0\""),
                format!("<saml:Issuer>{SAML_IDP}</saml:Issuer>"),
                format!("<saml:Subject><saml:NameID Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\">id of {email}</saml:NameID><saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"><saml:SubjectConfirmationData InResponseTo=\"{id}\" NotOnOrAfter=\"{end}\" Recipient=\"{acs}\"></saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject>"),
                format!("<saml:Conditions NotBefore=\"{begin}\" NotOnOrAfter=\"{end}\"><saml:AudienceRestriction><saml:Audience>{sp}</saml:Audience></saml:AudienceRestriction></saml:Conditions>"),
                format!("<saml:AuthnStatement AuthnInstant=\"{issued}\" SessionIndex=\"session of {email}\" SessionNotOnOrAfter=\"{session}\"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>"),
                format!("<saml:AttributeStatement><saml:Attribute Name=\"mail\"><saml:AttributeValue>{email}</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>"),
            ],
        }
    }

    /// That, signed in this way.
    pub fn signed(&self, said: &SamlSaid, signs: Signs) -> String {
        let by = |wanted: &[Signs]| wanted.contains(&signs).then_some(self.key());
        let assertion = said.assertion(by(&[Signs::Assertion, Signs::Both]));
        said.response(&assertion, by(&[Signs::Response, Signs::Both]))
    }

    /// The query of a message for the redirect binding, signed.
    pub fn query(&self, name: &str, xml: &str, relay_state: &str) -> String {
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::default());
        packed.write_all(xml.as_bytes()).expect("a message");
        let packed = STANDARD.encode(packed.finish().expect("a message"));
        let fields = [(name, packed.as_str()), ("RelayState", relay_state), ("SigAlg", SigningKey::METHOD)];
        let signed = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let key = SigningKey::from_pkcs8(self.key.expose()).expect("a key");
        let signature = STANDARD.encode(key.sign(signed.as_bytes()).expect("a signature"));
        let signature: String = form_urlencoded::byte_serialize(signature.as_bytes()).collect();
        format!("{signed}&Signature={signature}")
    }

    /// A request to sign somebody out, at our address for that; `index`: of one session.
    pub fn signs_out(&self, slo: &str, now: Time, (email, index): (&str, Option<&str>)) -> String {
        let id = fresh();
        let index = index.map_or_else(String::new, |index| format!("<samlp:SessionIndex>{index}</samlp:SessionIndex>"));
        format!(
            "<samlp:LogoutRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{id}\" Version=\"2.0\" IssueInstant=\"{}\" Destination=\"{slo}\"><saml:Issuer>{SAML_IDP}</saml:Issuer><saml:NameID Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\">id of {email}</saml:NameID>{index}</samlp:LogoutRequest>",
            moment(now, 0)
        )
    }

    /// The answer to such a request of ours.
    pub fn signed_out(&self, slo: &str, now: Time, in_response_to: &str) -> String {
        let id = fresh();
        format!(
            "<samlp:LogoutResponse xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{id}\" Version=\"2.0\" IssueInstant=\"{}\" Destination=\"{slo}\" InResponseTo=\"{in_response_to}\"><saml:Issuer>{SAML_IDP}</saml:Issuer><samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status></samlp:LogoutResponse>",
            moment(now, 0)
        )
    }

    /// Posts a document to where a request wants its answer, from the provider's site.
    pub async fn posts(&self, browser: &Browser, asked: &SamlAsked, xml: &str) -> Landed {
        let response = STANDARD.encode(xml);
        let fields = [("SAMLResponse", response.as_str()), ("RelayState", asked.relay_state.as_str())];
        browser.post_from(SITE, &asked.acs(), &fields).await
    }

    /// Signs somebody in here who was sent, and lets the browser go back.
    pub async fn signs_in(&self, browser: &Browser, landed: Landed, now: Time, email: &str) -> Landed {
        let asked = self.receives(landed);
        let xml = self.signed(&self.says(&asked, now, email), Signs::Both);
        self.posts(browser, &asked, &xml).await
    }
}
