//! What we send: requests and metadata. Their signatures are verified by our own verification of responses' parts in `interop`, by pysaml2 in
//! the script beside the fixtures; here it is what they say.

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    core::ports::SamlServiceProvider,
    identity::saml::{AuthnRequest, Binding, Dispatch, MessageId, SpMetadata},
};
use roxmltree::Document;
use tenantry_federation::saml::ServiceProvider;

use crate::provider::{ACS, OURS, SP, now};

pub(crate) fn request(binding: Binding, destination: &str) -> AuthnRequest {
    AuthnRequest {
        id: MessageId::new([7; 32]),
        issued_at: now(),
        destination: destination.parse().unwrap(),
        binding,
        entity_id: SP.to_owned(),
        acs: ACS.to_owned(),
        relay_state: "state-1.~_".parse().unwrap(),
        force_authn: false,
        name_id_format: None,
        contexts: vec![],
        key: OURS.clone(),
    }
}

pub(crate) fn metadata() -> SpMetadata {
    SpMetadata {
        id: MessageId::new([8; 32]),
        entity_id: SP.to_owned(),
        acs: ACS.to_owned(),
        slo: Some("https://sp.test/saml/slo".to_owned()),
        signing: vec![OURS.certificate.clone(), crate::provider::OTHER.certificate.clone()],
        encryption: vec![OURS.certificate.clone()],
        valid_until: None,
        key: None,
    }
}

pub(crate) fn posted(request: &AuthnRequest) -> String {
    let Dispatch::Post { fields, .. } = ServiceProvider::start().unwrap().ask(request).unwrap() else { panic!("a form") };
    String::from_utf8(STANDARD.decode(&fields[0].1).unwrap()).unwrap()
}

#[test]
fn a_request_says_what_was_asked_for() {
    let wanted = AuthnRequest {
        force_authn: true,
        name_id_format: Some("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent".to_owned()),
        contexts: vec!["urn:a".to_owned(), "urn:b&<\">".to_owned()],
        ..request(Binding::Post, "https://idp.test/sso?tenant=a&x=%22")
    };
    let xml = posted(&wanted);
    let document = Document::parse(&xml).unwrap();
    let root = document.root_element();
    assert_eq!(root.attribute("ID"), Some(wanted.id.as_str()));
    assert_eq!(root.attribute("Destination"), Some("https://idp.test/sso?tenant=a&x=%22"));
    assert_eq!(root.attribute("AssertionConsumerServiceURL"), Some(ACS));
    assert_eq!(root.attribute("ForceAuthn"), Some("true"));
    assert_eq!(root.attribute("IssueInstant"), Some("2026-01-15T12:00:00.000Z"));
    let names: Vec<_> = root.children().map(|child| child.tag_name().name()).collect();
    assert_eq!(names, ["Issuer", "Signature", "NameIDPolicy", "RequestedAuthnContext"], "in the schema's order");
    assert!(document.descendants().any(|node| node.text() == Some("urn:b&<\">")));
    assert!(!posted(&request(Binding::Post, "https://idp.test/sso")).contains("ForceAuthn"));
}

#[test]
fn a_redirect_keeps_the_query_that_is_there() {
    let provider = ServiceProvider::start().unwrap();
    for (destination, begin) in [
        ("https://idp.test/sso", "https://idp.test/sso?SAMLRequest="),
        ("https://idp.test/sso?tenant=a", "https://idp.test/sso?tenant=a&SAMLRequest="),
    ] {
        let Dispatch::Redirect(url) = provider.ask(&request(Binding::Redirect, destination)).unwrap() else { panic!("a URL") };
        assert!(url.starts_with(begin), "{url}");
        assert!(url.contains("&RelayState=state-1.~_&SigAlg=http%3A%2F%2F") && url.contains("&Signature="), "{url}");
    }
}

/// T10: nothing that comes from outside gets out of its place in what a page shows or a browser follows.
#[test]
fn t10_markup_stays_text() {
    for hostile in
        ["javascript:alert(1)", "data:text/html,x", "https://idp.test/\r\nSet-Cookie:x", "https://idp.test/ x", "//idp.test"]
    {
        assert!(hostile.parse::<domain::identity::connections::ProviderUrl>().is_err(), "{hostile}");
    }
    let quoted = "https://idp.test/sso?a=\"'<script>";
    let request =
        AuthnRequest { entity_id: "\"><x a='\u{1}".to_owned(), acs: "\"/><y>\r\n".to_owned(), ..request(Binding::Post, quoted) };
    let xml = posted(&request);
    let document = Document::parse(&xml).unwrap();
    assert_eq!(document.root_element().attribute("Destination"), Some(quoted));
    assert_eq!(document.root_element().attribute("AssertionConsumerServiceURL"), Some("\"/><y>\r\n"));
    let provider = ServiceProvider::start().unwrap();
    let about = SpMetadata { entity_id: "\"><x>&".to_owned(), acs: "'\"<y/>".to_owned(), ..metadata() };
    let xml = provider.metadata(&about).unwrap();
    assert_eq!(Document::parse(&xml).unwrap().root_element().attribute("entityID"), Some("\"><x>&"));
}

#[test]
fn metadata_says_which_key_is_for_what() {
    let provider = ServiceProvider::start().unwrap();
    let about = SpMetadata { valid_until: Some(now()), ..metadata() };
    let xml = provider.metadata(&about).unwrap();
    let document = Document::parse(&xml).unwrap();
    let keys: Vec<_> = document.descendants().filter(|node| node.tag_name().name() == "KeyDescriptor").collect();
    let uses: Vec<_> = keys.iter().map(|key| key.attribute("use").unwrap()).collect();
    assert_eq!(uses, ["signing", "signing", "encryption"]);
    let methods: Vec<_> = keys[2].children().filter_map(|node| node.attribute("Algorithm")).collect();
    assert_eq!(methods.first(), Some(&"http://www.w3.org/2009/xmlenc11#aes256-gcm"));
    assert!(methods.iter().all(|method| !method.contains("tripledes") && !method.contains("rsa-1_5")));
    let certificates: Vec<_> = document.descendants().filter(|node| node.tag_name().name() == "X509Certificate").collect();
    assert_eq!(STANDARD.decode(certificates[0].text().unwrap()).unwrap(), OURS.certificate);
    assert_eq!(document.root_element().attribute("validUntil"), Some("2026-01-15T12:00:00.000Z"));
    let signed = provider.metadata(&SpMetadata { key: Some(OURS.clone()), ..about }).unwrap();
    let root = Document::parse(&signed).unwrap();
    assert_eq!(root.root_element().first_element_child().unwrap().tag_name().name(), "Signature", "first, as the schema has it");
}

#[test]
fn a_key_that_cannot_be_used_is_our_defect() {
    let broken = domain::identity::saml::SpKey::new(vec![1, 2, 3], vec![]);
    let request = AuthnRequest { key: broken, ..request(Binding::Redirect, "https://idp.test/sso") };
    let refused = ServiceProvider::start().unwrap().ask(&request).unwrap_err();
    assert_eq!(refused.kind, domain::Kind::Internal);
}

#[tokio::test]
async fn the_port_judges_and_makes_keys_on_its_own_threads() {
    use crate::provider::{Parts, Signs, expected};
    let provider = ServiceProvider::start().unwrap();
    let outcome = provider.judge(STANDARD.encode(Parts::default().genuine(Signs::Both)), expected()).await.unwrap();
    assert!(outcome.verdict.is_ok());
    let key = provider.new_key("acme".to_owned(), now()).await.unwrap();
    assert!(provider.ask(&AuthnRequest { key, ..request(Binding::Post, "https://idp.test/sso") }).is_ok());
}
