//! What a response says, as plain data: read from verified bytes, and of a response that is not signed itself the routing from the original.
//! Nothing is judged here; what is missing stays missing.

use domain::identity::saml::{Attribute, NameId};
use roxmltree::Node;

use super::{
    judge::Evidence,
    names::{ASSERTION, BEARER, Judged, PROTOCOL, elements, is, named, only, plain, refuse},
    scan,
};
use domain::identity::saml::Check;

/// A response. Fields are texts as they came.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) is_response_signed: bool,
    pub(super) issuer: Option<String>,
    pub(super) destination: Option<String>,
    pub(super) in_response_to: Option<String>,
    pub(super) issue_instant: Option<String>,
    pub(super) status: Option<String>,
    pub(super) assertion: Assertion,
}

#[derive(Clone, Debug)]
pub(super) struct Assertion {
    pub(super) id: Option<String>,
    pub(super) version: Option<String>,
    pub(super) issuer: Option<String>,
    pub(super) issue_instant: Option<String>,
    pub(super) name_id: Option<NameId>,
    /// The bearer confirmations.
    pub(super) confirmations: Vec<Confirmation>,
    pub(super) conditions: Option<Conditions>,
    pub(super) authn: Option<Authn>,
    pub(super) attributes: Vec<Attribute>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Confirmation {
    pub(super) recipient: Option<String>,
    pub(super) in_response_to: Option<String>,
    pub(super) not_before: Option<String>,
    pub(super) not_on_or_after: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Conditions {
    pub(super) not_before: Option<String>,
    pub(super) not_on_or_after: Option<String>,
    /// The audiences of each restriction.
    pub(super) restrictions: Vec<Vec<String>>,
    /// The name of one that is not known.
    pub(super) unknown: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Authn {
    pub(super) instant: Option<String>,
    pub(super) session_index: Option<String>,
    pub(super) session_not_on_or_after: Option<String>,
    pub(super) context: Option<String>,
}

pub(super) fn extract(evidence: &Evidence) -> Judged<Said> {
    let outer = scan::parse(&evidence.response)?;
    let inner = scan::parse(&evidence.assertion)?;
    let (response, root) = (outer.root_element(), inner.root_element());
    let found = if is(root, ASSERTION, "Assertion") { Some(root) } else { only(root, ASSERTION, "Assertion") };
    let Some(assertion) = found else { return refuse(Check::Document, "not exactly one assertion") };
    Ok(Said {
        is_response_signed: evidence.is_response_signed,
        issuer: only(response, ASSERTION, "Issuer").and_then(plain),
        destination: attribute(response, "Destination"),
        in_response_to: attribute(response, "InResponseTo"),
        issue_instant: attribute(response, "IssueInstant"),
        status: status(response),
        assertion: read(assertion),
    })
}

/// The status code, and the one within it if there is one.
pub(super) fn status(response: Node<'_, '_>) -> Option<String> {
    let code = only(only(response, PROTOCOL, "Status")?, PROTOCOL, "StatusCode")?;
    let inner = only(code, PROTOCOL, "StatusCode").and_then(|code| code.attribute("Value"));
    let code = code.attribute("Value")?;
    Some(inner.map_or_else(|| code.to_owned(), |inner| format!("{code} {inner}")))
}

fn read(assertion: Node<'_, '_>) -> Assertion {
    let subject = only(assertion, ASSERTION, "Subject");
    Assertion {
        id: attribute(assertion, "ID"),
        version: attribute(assertion, "Version"),
        issuer: only(assertion, ASSERTION, "Issuer").and_then(plain),
        issue_instant: attribute(assertion, "IssueInstant"),
        name_id: subject.and_then(|subject| only(subject, ASSERTION, "NameID")).and_then(name_id),
        confirmations: subject.map_or_else(Vec::new, confirmations),
        conditions: only(assertion, ASSERTION, "Conditions").map(conditions),
        authn: only(assertion, ASSERTION, "AuthnStatement").map(authn),
        attributes: named(assertion, ASSERTION, "AttributeStatement").flat_map(attributes).collect(),
    }
}

fn attribute(node: Node<'_, '_>, name: &str) -> Option<String> {
    node.attribute(name).map(str::to_owned)
}

/// A name identifier that is plain text, of which something is seen.
pub(super) fn name_id(node: Node<'_, '_>) -> Option<NameId> {
    let value = plain(node).filter(|value| !value.trim().is_empty())?;
    let [format, name_qualifier, sp_name_qualifier] =
        ["Format", "NameQualifier", "SPNameQualifier"].map(|name| attribute(node, name).filter(|value| !value.is_empty()));
    Some(NameId { value, format, name_qualifier, sp_name_qualifier })
}

fn confirmations(subject: Node<'_, '_>) -> Vec<Confirmation> {
    let all = named(subject, ASSERTION, "SubjectConfirmation").filter(|node| node.attribute("Method") == Some(BEARER));
    let data = all.map(|node| only(node, ASSERTION, "SubjectConfirmationData"));
    data.map(|data| data.map_or_else(Confirmation::default, confirmation)).collect()
}

fn confirmation(data: Node<'_, '_>) -> Confirmation {
    Confirmation {
        recipient: attribute(data, "Recipient"),
        in_response_to: attribute(data, "InResponseTo"),
        not_before: attribute(data, "NotBefore"),
        not_on_or_after: attribute(data, "NotOnOrAfter"),
    }
}

fn conditions(node: Node<'_, '_>) -> Conditions {
    let audiences = |restriction| named(restriction, ASSERTION, "Audience").filter_map(plain).collect();
    // An assertion is used once, here, and nothing is issued on the strength of it: two conditions that always hold.
    let is_known = |node: &Node<'_, '_>| {
        ["AudienceRestriction", "OneTimeUse", "ProxyRestriction"].iter().any(|name| is(*node, ASSERTION, name))
    };
    Conditions {
        not_before: attribute(node, "NotBefore"),
        not_on_or_after: attribute(node, "NotOnOrAfter"),
        restrictions: named(node, ASSERTION, "AudienceRestriction").map(audiences).collect(),
        unknown: elements(node).find(|node| !is_known(node)).map(|node| node.tag_name().name().to_owned()),
    }
}

fn authn(node: Node<'_, '_>) -> Authn {
    let context = only(node, ASSERTION, "AuthnContext").and_then(|context| only(context, ASSERTION, "AuthnContextClassRef"));
    Authn {
        instant: attribute(node, "AuthnInstant"),
        session_index: attribute(node, "SessionIndex"),
        session_not_on_or_after: attribute(node, "SessionNotOnOrAfter"),
        context: context.and_then(plain),
    }
}

fn attributes<'a>(statement: Node<'a, '_>) -> Vec<Attribute> {
    let read = |node: Node<'a, '_>| {
        let values = named(node, ASSERTION, "AttributeValue").filter_map(plain).collect();
        Some(Attribute { name: attribute(node, "Name")?, friendly_name: attribute(node, "FriendlyName"), values })
    };
    named(statement, ASSERTION, "Attribute").filter_map(read).collect()
}
