//! Requests to sign somebody in (saml-core-2.0-os, 3.4.1; saml-profiles-2.0-os, 4.1.4.1).

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    Result,
    identity::saml::{AuthnRequest, Binding, Dispatch},
};

use super::{
    names::{ASSERTION, POST, PROTOCOL},
    redirect,
    write::{Unsigned, attribute, escaped, moment},
};

pub(super) fn ask(request: &AuthnRequest) -> Result<Dispatch> {
    let xml = written(request);
    match request.binding {
        Binding::Redirect => {
            let relay_state = Some(request.relay_state.as_str());
            redirect::url(&request.destination, "SAMLRequest", &xml.whole(), relay_state, &request.key).map(Dispatch::Redirect)
        }
        Binding::Post => Ok(Dispatch::Post {
            action: request.destination.as_str().to_owned(),
            fields: vec![
                ("SAMLRequest", STANDARD.encode(xml.signed(&request.key)?)),
                ("RelayState", request.relay_state.as_str().to_owned()),
            ],
        }),
    }
}

fn written(request: &AuthnRequest) -> Unsigned {
    let id = request.id.as_str();
    let force = if request.force_authn { " ForceAuthn=\"true\"" } else { "" };
    let [destination, acs, issuer] = [request.destination.as_str(), &request.acs, &request.entity_id].map(escaped);
    let before = format!(
        "<samlp:AuthnRequest xmlns:samlp=\"{PROTOCOL}\" xmlns:saml=\"{ASSERTION}\" ID=\"{id}\" Version=\"2.0\" \
         IssueInstant=\"{}\" Destination=\"{destination}\"{force} ProtocolBinding=\"{POST}\" \
         AssertionConsumerServiceURL=\"{acs}\"><saml:Issuer>{issuer}</saml:Issuer>",
        moment(request.issued_at)
    );
    let format = attribute("Format", request.name_id_format.as_deref());
    let after = format!("<samlp:NameIDPolicy{format} AllowCreate=\"true\"/>{}</samlp:AuthnRequest>", contexts(&request.contexts));
    Unsigned { id: id.to_owned(), before, after }
}

fn contexts(classes: &[String]) -> String {
    if classes.is_empty() {
        return String::new();
    }
    let class = |class: &String| format!("<saml:AuthnContextClassRef>{}</saml:AuthnContextClassRef>", escaped(class));
    let classes: String = classes.iter().map(class).collect();
    format!("<samlp:RequestedAuthnContext Comparison=\"exact\">{classes}</samlp:RequestedAuthnContext>")
}
