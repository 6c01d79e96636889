//! Answers to services (saml-profiles-2.0-os, 4.1.4.2): what is said of somebody is signed, for one service and one address, for some minutes; and encrypted
//! for a service that gave a certificate. A refusal is signed as a whole.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use crypto::xml::{EncryptionKey, SEALED_BY, seal};
use domain::{
    Error, Result,
    identity::saml::idp::{Encryption, Reply, Statement},
};
use x509_parser::parse_x509_certificate;

use super::super::{
    names::{ASSERTION, BEARER, DS, PROTOCOL, SUCCESS, XENC},
    write::{Unsigned, attribute, escaped, key_info, moment, name_id_element},
};

/// How long before it was made an assertion counts: clocks differ.
const BEFORE: TimeDelta = TimeDelta::seconds(60);

pub(in super::super) fn written(reply: &Reply) -> Result<String> {
    let (status, inner) = match &reply.said {
        Ok(statement) => (format!("<samlp:StatusCode Value=\"{SUCCESS}\"/>"), assertion(reply, statement)?),
        Err(status) => {
            let [outer, inner] = status.codes();
            let inner = format!("<samlp:StatusCode Value=\"{inner}\"/>");
            (format!("<samlp:StatusCode Value=\"{outer}\">{inner}</samlp:StatusCode>"), String::new())
        }
    };
    let id = reply.id.as_str();
    let before = format!(
        "<samlp:Response xmlns:samlp=\"{PROTOCOL}\" xmlns:saml=\"{ASSERTION}\" ID=\"{id}\" Version=\"2.0\" IssueInstant=\"{}\" \
         Destination=\"{}\"{}>{}",
        moment(reply.issued_at),
        escaped(&reply.acs),
        attribute("InResponseTo", reply.in_response_to.as_deref()),
        issuer(reply)
    );
    let after = format!("<samlp:Status>{status}</samlp:Status>{inner}</samlp:Response>");
    let document = Unsigned { id: id.to_owned(), before, after };
    let is_signed = reply.sign_response || reply.said.is_err();
    let xml = if is_signed { document.signed(&reply.key)? } else { document.whole() };
    Ok(STANDARD.encode(xml))
}

fn issuer(reply: &Reply) -> String {
    format!("<saml:Issuer>{}</saml:Issuer>", escaped(&reply.entity_id))
}

/// The assertion, signed, and encrypted if it is to be.
fn assertion(reply: &Reply, said: &Statement) -> Result<String> {
    let id = said.id.as_str();
    let (issued, until) = (moment(reply.issued_at), moment(said.valid_until));
    let before = format!(
        "<saml:Assertion xmlns:saml=\"{ASSERTION}\" ID=\"{id}\" Version=\"2.0\" IssueInstant=\"{issued}\">{}",
        issuer(reply)
    );
    let confirmation = format!(
        "<saml:SubjectConfirmation Method=\"{BEARER}\"><saml:SubjectConfirmationData{} NotOnOrAfter=\"{until}\" Recipient=\"{}\"/>\
         </saml:SubjectConfirmation>",
        attribute("InResponseTo", reply.in_response_to.as_deref()),
        escaped(&reply.acs)
    );
    let conditions = format!(
        "<saml:Conditions NotBefore=\"{}\" NotOnOrAfter=\"{until}\"><saml:AudienceRestriction><saml:Audience>{}</saml:Audience>\
         </saml:AudienceRestriction></saml:Conditions>",
        moment(reply.issued_at - BEFORE),
        escaped(&said.audience)
    );
    let authn = format!(
        "<saml:AuthnStatement AuthnInstant=\"{}\" SessionIndex=\"{}\" SessionNotOnOrAfter=\"{}\"><saml:AuthnContext>\
         <saml:AuthnContextClassRef>{}</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>",
        moment(said.authenticated_at),
        escaped(&said.session_index),
        moment(said.session_until),
        escaped(said.context)
    );
    let subject = format!("<saml:Subject>{}{confirmation}</saml:Subject>", name_id_element(&said.name_id));
    let after = format!("{subject}{conditions}{authn}{}</saml:Assertion>", attributes(&said.attributes));
    let signed = Unsigned { id: id.to_owned(), before, after }.signed(&reply.key)?;
    match &said.encryption {
        None => Ok(signed),
        Some(encryption) => encrypted(&signed, encryption),
    }
}

fn attributes(all: &[(String, String)]) -> String {
    if all.is_empty() {
        return String::new();
    }
    let one = |(name, value): &(String, String)| {
        format!(
            "<saml:Attribute Name=\"{}\" NameFormat=\"urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified\"><saml:AttributeValue>{}\
             </saml:AttributeValue></saml:Attribute>",
            escaped(name),
            escaped(value)
        )
    };
    let all: String = all.iter().map(one).collect();
    format!("<saml:AttributeStatement>{all}</saml:AttributeStatement>")
}

/// The key of a certificate, if assertions can be encrypted for it.
pub(in super::super) fn encryption_key(certificate: &[u8]) -> Result<EncryptionKey> {
    let (_, parsed) = parse_x509_certificate(certificate).map_err(Error::internal)?;
    EncryptionKey::from_spki(parsed.tbs_certificate.subject_pki.raw).map_err(|_| Error::internal("no RSA key to encrypt for"))
}

fn encrypted(assertion: &str, by: &Encryption) -> Result<String> {
    let failed = |_| Error::internal("encrypting an assertion failed");
    let wrapped = STANDARD.encode(encryption_key(&by.certificate)?.wrap(&by.content_key).map_err(failed)?);
    let sealed = STANDARD.encode(seal(&by.content_key, by.nonce, assertion.as_bytes()).map_err(failed)?);
    let (method, digest, certificate) = (EncryptionKey::METHOD, EncryptionKey::DIGEST, key_info(&by.certificate));
    let data = |text: &str| format!("<xenc:CipherData><xenc:CipherValue>{text}</xenc:CipherValue></xenc:CipherData>");
    let key = format!(
        "<xenc:EncryptedKey><xenc:EncryptionMethod Algorithm=\"{method}\"><ds:DigestMethod xmlns:ds=\"{DS}\" Algorithm=\"{digest}\"/>\
         </xenc:EncryptionMethod>{certificate}{}</xenc:EncryptedKey>",
        data(&wrapped)
    );
    Ok(format!(
        "<saml:EncryptedAssertion><xenc:EncryptedData xmlns:xenc=\"{XENC}\" Type=\"{XENC}Element\"><xenc:EncryptionMethod \
         Algorithm=\"{SEALED_BY}\"/><ds:KeyInfo xmlns:ds=\"{DS}\">{key}</ds:KeyInfo>{}</xenc:EncryptedData></saml:EncryptedAssertion>",
        data(&sealed)
    ))
}
