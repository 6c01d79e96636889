//! Our metadata for a service (saml-metadata-2.0-os).

use domain::identity::saml::idp::IdpMetadata;

use super::super::{
    names::{METADATA, POST, PROTOCOL, REDIRECT},
    write::{escaped, key_info},
};

pub(in super::super) fn written(about: &IdpMetadata) -> String {
    let key = |certificate: &Vec<u8>| format!("<md:KeyDescriptor use=\"signing\">{}</md:KeyDescriptor>", key_info(certificate));
    let keys: String = about.certificates.iter().map(key).collect();
    let service =
        |name: &str, binding: &str, at: &str| format!("<md:{name} Binding=\"{binding}\" Location=\"{}\"/>", escaped(at));
    let slo = about.slo.as_deref().map_or_else(String::new, |slo| service("SingleLogoutService", REDIRECT, slo));
    let sso: String = [REDIRECT, POST].map(|binding| service("SingleSignOnService", binding, &about.sso)).concat();
    format!(
        "<md:EntityDescriptor xmlns:md=\"{METADATA}\" entityID=\"{}\"><md:IDPSSODescriptor WantAuthnRequestsSigned=\"{}\" \
         protocolSupportEnumeration=\"{PROTOCOL}\">{keys}{slo}<md:NameIDFormat>{}</md:NameIDFormat>{sso}</md:IDPSSODescriptor>\
         </md:EntityDescriptor>",
        escaped(&about.entity_id),
        about.wants_signed_requests,
        about.name_id_format
    )
}
