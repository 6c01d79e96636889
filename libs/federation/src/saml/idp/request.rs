//! Requests of services to sign somebody in (saml-core-2.0-os, 3.4.1), by redirect or form. What verifies their signature was registered; of one that has
//! to be signed only what was signed is read.

use domain::identity::saml::{
    Check, FRESH, SKEW,
    idp::{Carried, RequestExpectation, Requested},
};
use roxmltree::Node;

use super::super::{
    certificates::{self, Certificate},
    checks::time,
    guard::{Shape, guard},
    judge::decode,
    names::{ASSERTION, Judged, POST, PROTOCOL, ensure, named, only, plain, refuse},
    redirect, scan,
    signed_info::is_ncname,
    verify::verify,
};

/// Texts that a request may bring.
const LONGEST: usize = 1024;
const MOST_CONTEXTS: usize = 20;
/// What cannot be done, or means that something else is answered than who is there.
const NOT_TAKEN: [&str; 2] = ["Subject", "Conditions"];

pub(in super::super) fn read(carried: &Carried, expected: &RequestExpectation) -> Judged<Requested> {
    let certificates = expected.certificate.as_ref().map(|der| certificates::read(std::slice::from_ref(der))).transpose()?;
    let certificates = certificates.as_deref();
    let (xml, relay_state) = match carried {
        Carried::Query(query) => {
            let message = redirect::read(query, certificates)?;
            ensure(!message.is_response, "not a request")?;
            (message.xml, message.relay_state)
        }
        Carried::Form { request, relay_state } => (signed(&decode(request)?, certificates)?, relay_state.clone()),
    };
    let document = scan::parse(&xml)?;
    guard(&document, Shape::Request)?;
    let asked = said(document.root_element(), expected)?;
    Ok(Requested { relay_state, ..asked })
}

/// What of a form's message may be read.
fn signed(xml: &str, certificates: Option<&[Certificate]>) -> Judged<String> {
    let document = scan::parse(xml)?;
    let signatures = guard(&document, Shape::Request)?;
    match certificates {
        None => Ok(xml.to_owned()),
        Some(certificates) => Ok(verify(xml, &document, &signatures, certificates)?.bytes),
    }
}

fn said(root: Node<'_, '_>, expected: &RequestExpectation) -> Judged<Requested> {
    let id = root.attribute("ID").unwrap_or_default();
    ensure(is_ncname(id), "ID is not a name")?;
    let issuer = only(root, ASSERTION, "Issuer").and_then(plain);
    if issuer.as_deref() != Some(expected.issuer.as_str()) {
        return refuse(Check::Issuer, issuer.unwrap_or_default());
    }
    let destination = root.attribute("Destination");
    // What is signed says where it was sent (saml-bindings-2.0-os, 3.4.5.2 and 3.5.5.2).
    if destination.is_some_and(|to| to != expected.destination) || expected.certificate.is_some() && destination.is_none() {
        return refuse(Check::Destination, destination.unwrap_or_default().to_owned());
    }
    let (text, now) = (root.attribute("IssueInstant"), expected.now);
    if !time(text).is_some_and(|at| now - SKEW - FRESH < at && at <= now + SKEW) {
        return refuse(Check::IssueInstant, text.unwrap_or_default().to_owned());
    }
    ensure(NOT_TAKEN.iter().all(|name| named(root, ASSERTION, name).next().is_none()), "Subject and Conditions are not taken")?;
    ensure(root.attribute("ProtocolBinding").is_none_or(|binding| binding == POST), "ProtocolBinding is not HTTP-POST")?;
    let policy = only(root, PROTOCOL, "NameIDPolicy");
    let qualifier = policy.and_then(|policy| policy.attribute("SPNameQualifier"));
    ensure(qualifier.is_none_or(|name| name == expected.issuer.as_str()), "SPNameQualifier is another service's")?;
    Ok(Requested {
        id: id.to_owned(),
        force_authn: flag(root, "ForceAuthn")?,
        is_passive: flag(root, "IsPassive")?,
        acs: short(root.attribute("AssertionConsumerServiceURL"))?,
        names_index: root.attribute("AssertionConsumerServiceIndex").is_some(),
        name_id_format: short(policy.and_then(|policy| policy.attribute("Format")))?,
        contexts: contexts(root)?,
        relay_state: None,
    })
}

fn flag(root: Node<'_, '_>, name: &str) -> Judged<bool> {
    match root.attribute(name) {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(_) => refuse(Check::Document, "neither true nor false"),
    }
}

fn short(text: Option<&str>) -> Judged<Option<String>> {
    ensure(text.is_none_or(|text| text.len() <= LONGEST), "a text is too long")?;
    Ok(text.map(str::to_owned))
}

/// The classes that are asked for. Of what is better or no better than others nobody here knows: that is a class that no sign-in is of.
fn contexts(root: Node<'_, '_>) -> Judged<Vec<String>> {
    let Some(asked) = only(root, PROTOCOL, "RequestedAuthnContext") else { return Ok(Vec::new()) };
    if let Some(comparison) = asked.attribute("Comparison").filter(|how| !matches!(*how, "exact" | "minimum")) {
        return Ok(vec![comparison.chars().take(20).collect()]);
    }
    let classes: Option<Vec<String>> = named(asked, ASSERTION, "AuthnContextClassRef").map(plain).collect();
    let Some(classes) = classes else { return refuse(Check::Document, "AuthnContextClassRef") };
    ensure(classes.len() <= MOST_CONTEXTS && classes.iter().all(|class| class.len() <= LONGEST), "too many classes")?;
    Ok(classes.into_iter().map(|class| class.trim().to_owned()).collect())
}
