use super::*;
use crate::{
    ConnectionId, OrgId,
    core::clock::Clock,
    identity::connections::{
        SamlSettings,
        certificates::Certificate,
        documents::{Discovery, Documents, Keys, Metadata},
        mapping::Mapping,
    },
    tenancy::smtp::Ceiling,
};
use chrono::TimeDelta;

fn now() -> Time {
    crate::core::clock::ManualClock::at("2026-11-29T00:00:00Z".parse().unwrap()).now()
}

fn connection(protocol: Protocol) -> Connection {
    Connection {
        id: ConnectionId::new(uuid::Uuid::nil()),
        org_id: OrgId::new(uuid::Uuid::nil()),
        slug: "okta".parse().unwrap(),
        name: "Okta".parse().unwrap(),
        protocol,
        enabled: true,
        jit: false,
        client_id: "id".parse().unwrap(),
        has_secret: true,
        endpoints: Endpoints::default(),
        scopes: None,
        notes: None,
        mapping: Mapping::default(),
        saml: SamlSettings::default(),
        ceiling: Ceiling::Owner,
        generation: 1,
        documents: Documents::default(),
        certificates: Vec::new(),
        next_check_at: None,
        created_at: now(),
        updated_at: now(),
    }
}

fn codes(connection: &Connection) -> Vec<&'static str> {
    connection.findings(now()).iter().map(|finding| finding.code).collect()
}

fn url(text: &str) -> crate::identity::connections::ProviderUrl {
    text.parse().unwrap()
}

fn certificate(from: i64, to: i64) -> Certificate {
    Certificate {
        sha256: "00".to_owned(),
        der: String::new(),
        subject: "CN=idp".to_owned(),
        not_before: now() + TimeDelta::days(from),
        not_after: now() + TimeDelta::days(to),
        by_hand: true,
        gone_at: None,
        warned: None,
    }
}

#[test]
fn no_signing_certificate_no_start() {
    let mut saml = connection(Protocol::Saml);
    saml.endpoints.authorization = Some(url("https://idp.example/sso"));
    saml.endpoints.issuer = Some("urn:idp".parse().unwrap());
    for (certificates, found) in [
        (vec![], &["no_certificate"][..]),
        (vec![certificate(-2, -1)], &["no_certificate"]),
        (vec![certificate(1, 2)], &["no_certificate"]),
        (vec![certificate(-2, -1), certificate(-1, 1)], &[]),
    ] {
        saml.certificates = certificates;
        assert_eq!(codes(&saml), found);
        assert_eq!(saml.is_ready(now()), found.is_empty());
    }
    saml.endpoints = Endpoints::default();
    assert_eq!(codes(&saml), ["no_issuer", "no_endpoint"]);
    saml.documents.configuration.content = Some(Configuration::Metadata(Box::new(Metadata {
        entity_id: "urn:idp".parse().unwrap(),
        sign_in_redirect: None,
        sign_in_post: Some(url("https://idp.example/post")),
        sign_out_redirect: None,
        wants_signed_requests: false,
        valid_until: None,
    })));
    assert_eq!(codes(&saml), [""; 0]);
    assert_eq!(saml.effective().authorization, Some(url("https://idp.example/post")));
}

#[test]
fn openid_needs_to_know_who_and_whose_keys() {
    let mut oidc = connection(Protocol::Oidc);
    assert_eq!(codes(&oidc), ["no_issuer", "no_endpoint", "no_identity"]);
    oidc.documents.configuration.content = Some(Configuration::Discovery(Box::new(Discovery {
        issuer: "https://idp.example".parse().unwrap(),
        authorization_endpoint: url("https://idp.example/authorize"),
        token_endpoint: url("https://idp.example/token"),
        userinfo_endpoint: None,
        jwks_uri: url("https://idp.example/keys"),
        end_session_endpoint: None,
        id_token_algorithms: vec!["RS256".to_owned()],
        token_auth_methods: vec![],
        names_itself: false,
    })));
    assert_eq!(codes(&oidc), ["no_identity"]);
    oidc.documents.keys.content = Some(Keys(serde_json::json!({"keys": [{}]})));
    assert_eq!(codes(&oidc), [""; 0]);
    // What was written down goes before what is published.
    oidc.endpoints.token = Some(url("https://mine.example/token"));
    assert_eq!(oidc.effective().token, Some(url("https://mine.example/token")));
    assert_eq!(oidc.effective().issuer.unwrap().as_str(), "https://idp.example");
}

#[test]
fn a_document_that_fails_stops_nobody_by_itself() {
    let mut oauth = connection(Protocol::Oauth2);
    let all = ["authorize", "token", "userinfo"].map(|path| Some(url(&format!("https://idp.example/{path}"))));
    [oauth.endpoints.authorization, oauth.endpoints.token, oauth.endpoints.userinfo] = all;
    assert!(oauth.is_ready(now()));
    oauth.documents.configuration.adopt(Err(Miss::BadStatus), now());
    assert_eq!(codes(&oauth), ["bad_status"]);
    assert!(oauth.is_ready(now()));
}

#[test]
fn whom_it_speaks_for_is_what_trust_compares() {
    let before = connection(Protocol::Saml);
    let same = Connection { name: "Other".parse().unwrap(), enabled: false, jit: true, ..before.clone() };
    assert_eq!(before.trust(), same.trust());
    let mut others = vec![before.clone(); 5];
    others[0].endpoints.issuer = Some("urn:other".parse().unwrap());
    others[1].client_id = "other".parse().unwrap();
    others[2].mapping.attributes.subject = Some("mail".parse().unwrap());
    others[3].certificates = vec![certificate(-1, 1)];
    others[4].endpoints.token = Some(url("https://other.example/token"));
    for other in others {
        assert_ne!(before.trust(), other.trust(), "{other:?}");
    }
}
