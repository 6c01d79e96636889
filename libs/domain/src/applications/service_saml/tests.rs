use chrono::{TimeZone as _, Utc};
use uuid::Uuid;

use super::*;
use crate::identity::saml::{REFEDS_MFA, TRANSIENT, idp::PASSWORD_TRANSPORT};

const FIRST: &str = "https://portal.example.com/saml/acs";
const OTHER: &str = "https://portal.example.com/saml/other";

fn settings() -> SamlSettings {
    SamlSettings {
        enabled: true,
        entity_id: Issuer::stored("https://portal.example.com/saml".to_owned()),
        acs_urls: [FIRST, OTHER].map(|url| url.parse().unwrap()).into(),
        slo_url: None,
        name_id_format: NameIdFormat::Persistent,
        attributes: SamlAttributes::default(),
        sign_response: false,
        idp_initiated: false,
        encryption_certificate: None,
        request_certificate: None,
    }
}

fn asked(change: impl FnOnce(&mut Requested)) -> Requested {
    let mut asked = Requested { id: "_1".to_owned(), ..Requested::default() };
    change(&mut asked);
    asked
}

#[test]
fn an_answer_goes_where_it_is_registered_whatever_the_request_says() {
    let here = || Err(SamlRefused::Here);
    let (one, many) = (SamlSettings { acs_urls: vec![FIRST.parse().unwrap()], ..settings() }, settings());
    let off = SamlSettings { enabled: false, ..settings() };
    let to = |url: &str| {
        let url = url.to_owned();
        asked(|asked| asked.acs = Some(url))
    };
    let index = || asked(|asked| asked.names_index = true);
    for (request, settings, expected) in [
        (asked(|_| {}), &many, Ok(FIRST.to_owned())),
        (to(FIRST), &many, Ok(FIRST.to_owned())),
        (to(OTHER), &many, Ok(OTHER.to_owned())),
        (to(OTHER), &one, here()),
        (to("https://portal.example.com/saml/acs/"), &many, here()),
        (to("https://PORTAL.example.com/saml/acs"), &many, here()),
        (to("https://portal.example.com/saml/acs?x=1"), &many, here()),
        (to("https://evil.example/saml/acs"), &many, here()),
        (to(""), &many, here()),
        (index(), &one, Ok(FIRST.to_owned())),
        (index(), &many, here()),
        (asked(|_| {}), &off, here()),
        (to(FIRST), &off, here()),
    ] {
        assert_eq!(judge(&request, settings), expected, "{request:?}");
    }
}

#[test]
fn a_service_is_told_what_it_cannot_have() {
    let format = |uri: &str| {
        let uri = uri.to_owned();
        asked(|asked| asked.name_id_format = Some(uri))
    };
    let contexts = |all: &[&str]| {
        let all = all.iter().map(|&class| class.to_owned()).collect();
        asked(|asked| asked.contexts = all)
    };
    let no = |status| Err(SamlRefused::There(FIRST.to_owned(), status));
    for (request, expected) in [
        (format(PERSISTENT), Ok(FIRST.to_owned())),
        (format(UNSPECIFIED), Ok(FIRST.to_owned())),
        (format(EMAIL_ADDRESS), no(Status::InvalidNameIdPolicy)),
        (format(TRANSIENT), no(Status::InvalidNameIdPolicy)),
        (contexts(&[PASSWORD_TRANSPORT]), Ok(FIRST.to_owned())),
        (contexts(&["urn:other", REFEDS_MFA]), Ok(FIRST.to_owned())),
        (contexts(&["urn:oasis:names:tc:SAML:2.0:ac:classes:Kerberos"]), no(Status::NoAuthnContext)),
    ] {
        assert_eq!(judge(&request, &settings()), expected, "{request:?}");
    }
}

#[test]
fn what_signs_is_what_began_last() {
    let at = |day: u32| Utc.with_ymd_and_hms(2026, 11, day, 0, 0, 0).unwrap();
    let one = |n: u128, day: u32| SigningCertificate {
        id: SigningCertificateId::new(Uuid::from_u128(n)),
        der: String::new(),
        valid_from: at(1),
        valid_until: at(30),
        signs_from: at(day),
        created_at: at(1),
    };
    assert_eq!(signing(&[], at(9)), None);
    let both = [one(1, 2), one(2, 9)];
    assert_eq!(signing(&both, at(1)), Some(0), "none began: the first that will");
    assert_eq!(signing(&both, at(8)), Some(0));
    assert_eq!(signing(&both, at(9)), Some(1));
    assert_eq!(signing(&[one(2, 9), one(1, 2)], at(20)), Some(0), "whatever their order");
}

#[test]
fn only_a_service_that_signs_signs_out() {
    let mut settings = settings();
    assert!(settings.check().is_ok());
    settings.slo_url = Some("https://portal.example.com/saml/slo".parse().unwrap());
    assert_eq!(settings.check().unwrap_err().details[0].field, "request_certificate");
    settings.request_certificate = Some("…".to_owned());
    assert!(settings.check().is_ok());
    settings.acs_urls.push(FIRST.parse().unwrap());
    assert_eq!(settings.check().unwrap_err().details[0].code, "duplicate");
    settings.acs_urls = (0..=MAX_ACS_URLS).map(|n| format!("{FIRST}/{n}").parse().unwrap()).collect();
    assert_eq!(settings.check().unwrap_err().details[0].code, "too_many");
}
