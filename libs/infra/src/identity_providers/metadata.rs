//! SAML metadata (saml-metadata-2.0-os): one identity provider, read by a parser that knows no document types and no external entities.
//!
//! The signature of metadata is not asked: what was fetched came over TLS from an address that an owner wrote down, and what was uploaded
//! came from an owner. Of an aggregate of many providers the only one with the role of an identity provider is read; of several, none.

use chrono::DateTime;
use domain::{
    Time,
    identity::connections::{
        ProviderUrl,
        documents::{Configuration, Metadata, Miss, Published},
    },
};
use roxmltree::{Document, Node, ParsingOptions};

use super::certificates;

const SAML: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
const SIGNATURES: &str = "http://www.w3.org/2000/09/xmldsig#";
const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
/// The protocol that the role must speak.
const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
/// Elements, attributes and texts together: far more than a provider has.
const MOST_NODES: u32 = 50_000;

pub(super) fn read(text: &str, is_usable: &dyn Fn(&ProviderUrl) -> bool) -> Result<Published, Miss> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text.trim_start_matches('\u{feff}'), options).map_err(|_| Miss::Unreadable)?;
    let (entity, role) = provider(&document)?;
    let address = |service: &str, binding: &str| -> Result<Option<ProviderUrl>, Miss> {
        let is_wanted = |node: &Node<'_, '_>| node.attribute("Binding") == Some(binding);
        let Some(found) = children(role, SAML, service).find(is_wanted) else { return Ok(None) };
        let url = found.attribute("Location").unwrap_or_default().trim().parse().map_err(|_| Miss::BadEndpoint)?;
        if is_usable(&url) { Ok(Some(url)) } else { Err(Miss::BadEndpoint) }
    };
    let metadata = Metadata {
        entity_id: entity.attribute("entityID").unwrap_or_default().parse().map_err(|_| Miss::Incomplete)?,
        sign_in_redirect: address("SingleSignOnService", REDIRECT)?,
        sign_in_post: address("SingleSignOnService", POST)?,
        sign_out_redirect: address("SingleLogoutService", REDIRECT)?,
        wants_signed_requests: matches!(role.attribute("WantAuthnRequestsSigned"), Some("true" | "1")),
        valid_until: ends(&[document.root_element(), entity, role])?,
    };
    if metadata.sign_in_redirect.is_none() && metadata.sign_in_post.is_none() {
        return Err(Miss::Incomplete);
    }
    let certificates: Vec<_> = signing(role).filter_map(|text| certificates::read(text).ok()).collect();
    if certificates.is_empty() {
        return Err(Miss::NoCertificate);
    }
    Ok(Published { configuration: Configuration::Metadata(Box::new(metadata)), certificates })
}

fn children<'a, 'i>(of: Node<'a, 'i>, namespace: &'static str, name: &str) -> impl Iterator<Item = Node<'a, 'i>> {
    of.children().filter(move |node| node.has_tag_name((namespace, name)))
}

/// The one entity that is an identity provider, and its role.
fn provider<'a, 'i>(document: &'a Document<'i>) -> Result<(Node<'a, 'i>, Node<'a, 'i>), Miss> {
    let root = document.root_element();
    let entities: Vec<_> = match root {
        one if one.has_tag_name((SAML, "EntityDescriptor")) => vec![one],
        many if many.has_tag_name((SAML, "EntitiesDescriptor")) => children(many, SAML, "EntityDescriptor").collect(),
        _ => return Err(Miss::Unreadable),
    };
    let speaks = |role: &Node<'_, '_>| {
        let protocols = role.attribute("protocolSupportEnumeration").unwrap_or_default();
        protocols.split_ascii_whitespace().any(|protocol| protocol == PROTOCOL)
    };
    let roles = |entity: Node<'a, 'i>| children(entity, SAML, "IDPSSODescriptor").filter(speaks).map(move |role| (entity, role));
    let mut all = entities.into_iter().flat_map(roles);
    match (all.next(), all.next()) {
        (Some(one), None) => Ok(one),
        _ => Err(Miss::Incomplete),
    }
}

/// The texts of the certificates that sign; one without a purpose does, as the standard has it.
fn signing<'a>(role: Node<'a, '_>) -> impl Iterator<Item = &'a str> {
    let keys = children(role, SAML, "KeyDescriptor").filter(|key| matches!(key.attribute("use"), None | Some("signing")));
    let infos = keys.flat_map(|key| children(key, SIGNATURES, "KeyInfo"));
    let data = infos.flat_map(|info| children(info, SIGNATURES, "X509Data"));
    data.flat_map(|data| children(data, SIGNATURES, "X509Certificate")).filter_map(|certificate| certificate.text())
}

/// The earliest end of what it stands in.
fn ends(nodes: &[Node<'_, '_>]) -> Result<Option<Time>, Miss> {
    let all = nodes.iter().filter_map(|node| node.attribute("validUntil"));
    let all = all.map(|text| DateTime::parse_from_rfc3339(text).map(|at| at.to_utc()).map_err(|_| Miss::Unreadable));
    Ok(all.collect::<Result<Vec<_>, _>>()?.into_iter().min())
}
