//! Our metadata (saml-metadata-2.0-os): what a provider has to know of a connection. Written here, because samael says of the key that
//! decrypts that it signs.

use domain::{Result, identity::saml::SpMetadata};

use super::{
    names::{METADATA, POST, PROTOCOL, REDIRECT, XENC},
    write::{Unsigned, attribute, escaped, key_info, moment},
};

/// What we decrypt, the preferred first. Without it some providers take 3DES.
const METHODS: [&str; 4] = [
    "http://www.w3.org/2009/xmlenc11#aes256-gcm",
    "http://www.w3.org/2009/xmlenc11#aes128-gcm",
    "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
    "http://www.w3.org/2001/04/xmlenc#aes128-cbc",
];

pub(super) fn written(about: &SpMetadata) -> Result<String> {
    let id = about.id.as_str();
    let until = about.valid_until.map(moment);
    let before = format!(
        "<md:EntityDescriptor xmlns:md=\"{METADATA}\" ID=\"{id}\" entityID=\"{}\"{}>",
        escaped(&about.entity_id),
        attribute("validUntil", until.as_deref())
    );
    let signing = about.signing.iter().map(|certificate| key("signing", certificate, ""));
    let methods = encryption_methods();
    let encryption = about.encryption.iter().map(|certificate| key("encryption", certificate, &methods));
    let keys: String = signing.chain(encryption).collect();
    let slo = about.slo.as_deref().map_or_else(String::new, |slo| {
        format!("<md:SingleLogoutService Binding=\"{REDIRECT}\" Location=\"{}\"/>", escaped(slo))
    });
    let after = format!(
        "<md:SPSSODescriptor AuthnRequestsSigned=\"true\" WantAssertionsSigned=\"true\" protocolSupportEnumeration=\"{PROTOCOL}\">\
         {keys}{slo}<md:AssertionConsumerService Binding=\"{POST}\" Location=\"{}\" index=\"0\" isDefault=\"true\"/>\
         </md:SPSSODescriptor></md:EntityDescriptor>",
        escaped(&about.acs)
    );
    let document = Unsigned { id: id.to_owned(), before, after };
    about.key.as_ref().map_or_else(|| Ok(document.whole()), |key| document.signed(key))
}

fn key(purpose: &str, certificate: &[u8], methods: &str) -> String {
    format!("<md:KeyDescriptor use=\"{purpose}\">{}{methods}</md:KeyDescriptor>", key_info(certificate))
}

fn encryption_methods() -> String {
    let content = METHODS.map(|method| format!("<md:EncryptionMethod Algorithm=\"{method}\"/>")).concat();
    format!("{content}<md:EncryptionMethod Algorithm=\"{XENC}rsa-oaep-mgf1p\"/>")
}
