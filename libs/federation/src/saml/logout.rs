//! Single logout (saml-core-2.0-os, 3.7) by the redirect binding, where the signature is the query's.

use domain::{
    Result,
    identity::saml::{Check, Dispatch, Logout, LogoutExpectation, LogoutRequest, LogoutResponse, MAX_SKEW},
};
use roxmltree::Node;

use super::{
    certificates,
    checks::time,
    extract::{name_id, status},
    names::{ASSERTION, Judged, PROTOCOL, SUCCESS, ensure, is, named, only, plain, refuse},
    redirect, scan,
    signed_info::is_ncname,
    write::{attribute, escaped, moment, name_id_element},
};

/// Sessions that one request may name.
const MOST_SESSIONS: usize = 100;
const PARTIAL: &str = "urn:oasis:names:tc:SAML:2.0:status:PartialLogout";
const RESPONDER: &str = "urn:oasis:names:tc:SAML:2.0:status:Responder";

pub(super) fn read(query: &str, expected: &LogoutExpectation) -> Judged<Logout> {
    let message = redirect::read(query, Some(&certificates::read(&expected.certificates)?))?;
    let document = scan::parse(&message.xml)?;
    let root = document.root_element();
    let name = if message.is_response { "LogoutResponse" } else { "LogoutRequest" };
    ensure(is(root, PROTOCOL, name) && root.attribute("Version") == Some("2.0"), "not a logout message of SAML 2.0")?;
    ensure(document.descendants().skip(1).all(|node| node.is_element() || node.is_text()), "comment or processing instruction")?;
    let id = root.attribute("ID").unwrap_or_default();
    ensure(is_ncname(id), "ID is not a name")?;
    routing(root, expected)?;
    if message.is_response { answered(root, message.relay_state) } else { requested(root, id, message.relay_state, expected) }
}

fn routing(root: Node<'_, '_>, expected: &LogoutExpectation) -> Judged<()> {
    let fits = |check: Check, found: Option<&str>, wanted: &str| match found {
        Some(found) if found == wanted => Ok(()),
        found => refuse(check, found.unwrap_or_default().to_owned()),
    };
    let issuer = only(root, ASSERTION, "Issuer").and_then(plain);
    fits(Check::Issuer, issuer.as_deref(), expected.issuer.as_str())?;
    fits(Check::Destination, root.attribute("Destination"), &expected.slo)?;
    let (text, skew, now) = (root.attribute("IssueInstant"), expected.bounded_skew(), expected.now);
    let oldest = now - skew - domain::identity::saml::FRESH;
    if !time(text).is_some_and(|at| oldest < at && at <= now + skew) {
        return refuse(Check::IssueInstant, text.unwrap_or_default().to_owned());
    }
    match root.attribute("NotOnOrAfter") {
        Some(text) if time(Some(text)).is_none_or(|end| end <= now - skew) => refuse(Check::NotOnOrAfter, text.to_owned()),
        _ => Ok(()),
    }
}

fn requested(root: Node<'_, '_>, id: &str, relay_state: Option<String>, expected: &LogoutExpectation) -> Judged<Logout> {
    let Some(name_id) = only(root, ASSERTION, "NameID").and_then(name_id) else {
        return refuse(Check::Subject, "not exactly one NameID");
    };
    let sessions = named(root, PROTOCOL, "SessionIndex").map(plain);
    let Some(session_indexes) = sessions.collect::<Option<Vec<_>>>() else { return refuse(Check::Document, "SessionIndex") };
    ensure(session_indexes.len() <= MOST_SESSIONS, "too many sessions")?;
    // It is refused as too old before this, whatever the skew is set to meanwhile.
    let seen_until = expected.now + domain::identity::saml::FRESH + MAX_SKEW + MAX_SKEW;
    Ok(Logout::Requested { id: id.to_owned(), seen_until, name_id, session_indexes, relay_state })
}

fn answered(root: Node<'_, '_>, relay_state: Option<String>) -> Judged<Logout> {
    let Some(in_response_to) = root.attribute("InResponseTo") else { return refuse(Check::InResponseTo, "") };
    let is_success = status(root).as_deref() == Some(SUCCESS);
    Ok(Logout::Answered { in_response_to: in_response_to.to_owned(), is_success, relay_state })
}

pub(super) fn ask(request: &LogoutRequest) -> Result<Dispatch> {
    let session = request
        .session_index
        .as_deref()
        .map_or_else(String::new, |index| format!("<samlp:SessionIndex>{}</samlp:SessionIndex>", escaped(index)));
    let head = head("LogoutRequest", &request.id, request.issued_at, request.destination.as_str(), None, &request.entity_id);
    let xml = format!("{head}{}{session}</samlp:LogoutRequest>", name_id_element(&request.name_id));
    let relay_state = request.relay_state.as_ref().map(|relay_state| relay_state.as_str());
    redirect::url(&request.destination, "SAMLRequest", &xml, relay_state, &request.key).map(Dispatch::Redirect)
}

pub(super) fn answer(response: &LogoutResponse) -> Result<Dispatch> {
    let in_response_to = Some(response.in_response_to.as_str());
    let to = response.destination.as_str();
    let head = head("LogoutResponse", &response.id, response.issued_at, to, in_response_to, &response.entity_id);
    let status = if response.is_success {
        format!("<samlp:StatusCode Value=\"{SUCCESS}\"/>")
    } else {
        format!("<samlp:StatusCode Value=\"{RESPONDER}\"><samlp:StatusCode Value=\"{PARTIAL}\"/></samlp:StatusCode>")
    };
    let xml = format!("{head}<samlp:Status>{status}</samlp:Status></samlp:LogoutResponse>");
    redirect::url(&response.destination, "SAMLResponse", &xml, response.relay_state.as_deref(), &response.key)
        .map(Dispatch::Redirect)
}

fn head(
    name: &str,
    id: &domain::identity::saml::MessageId,
    at: domain::Time,
    to: &str,
    in_response_to: Option<&str>,
    issuer: &str,
) -> String {
    format!(
        "<samlp:{name} xmlns:samlp=\"{PROTOCOL}\" xmlns:saml=\"{ASSERTION}\" ID=\"{}\" Version=\"2.0\" IssueInstant=\"{}\" \
         Destination=\"{}\"{}><saml:Issuer>{}</saml:Issuer>",
        id.as_str(),
        moment(at),
        escaped(to),
        attribute("InResponseTo", in_response_to),
        escaped(issuer)
    )
}
