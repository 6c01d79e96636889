use super::*;

fn at(hours: i64) -> Time {
    "2026-11-29T00:00:00Z".parse::<Time>().unwrap() + TimeDelta::hours(hours)
}

fn url(text: &str) -> ProviderUrl {
    text.parse().unwrap()
}

fn discovery(issuer: &str, token: &str) -> Configuration {
    Configuration::Discovery(Box::new(Discovery {
        issuer: issuer.parse().unwrap(),
        authorization_endpoint: url("https://idp.example/authorize"),
        token_endpoint: url(token),
        userinfo_endpoint: None,
        jwks_uri: url("https://idp.example/keys"),
        end_session_endpoint: None,
        id_token_algorithms: vec!["RS256".to_owned()],
        token_auth_methods: vec!["client_secret_basic".to_owned()],
        names_itself: false,
    }))
}

const ISSUER: &str = "https://idp.example";
const TOKEN: &str = "https://idp.example/token";

fn known() -> Document<Configuration> {
    let mut document = Document::default();
    document.adopt(Ok(discovery(ISSUER, TOKEN)), at(0));
    document
}

#[test]
fn the_clock_never_changes_who_it_is_nor_where_secrets_go() {
    let mut document = known();
    assert_eq!(document.refresh(Ok(discovery(ISSUER, "https://evil.example/token")), at(6)), News::Waits);
    assert_eq!(document.content, Some(discovery(ISSUER, TOKEN)));
    assert_eq!(document.waiting, Some(discovery(ISSUER, "https://evil.example/token")));
    // Told once, and forgotten when it goes back.
    assert_eq!(document.refresh(Ok(discovery(ISSUER, "https://evil.example/token")), at(12)), News::None);
    assert_eq!(document.refresh(Ok(discovery(ISSUER, TOKEN)), at(18)), News::None);
    assert_eq!((document.waiting.is_none(), document.fetched_at), (true, Some(at(18))));

    let mut document = known();
    document.refresh(Ok(discovery("https://other.example", TOKEN)), at(6));
    assert_eq!(document.content, Some(discovery(ISSUER, TOKEN)));
    assert_eq!(document.failing.map(|f| f.reason), Some(Miss::IssuerMismatch));
}

#[test]
fn what_is_no_address_changes_by_itself() {
    let mut document = known();
    let Configuration::Discovery(mut found) = discovery(ISSUER, TOKEN) else { unreachable!() };
    found.id_token_algorithms.push("ES256".to_owned());
    assert_eq!(document.refresh(Ok(Configuration::Discovery(found.clone())), at(6)), News::None);
    assert_eq!(document.content, Some(Configuration::Discovery(found)));
}

#[test]
fn a_failure_takes_nothing_away_and_is_told_after_a_day_once() {
    let mut document = known();
    let told: Vec<_> = (1..40).filter(|hour| document.refresh(Err(Miss::Unreachable), at(*hour)) != News::None).collect();
    assert_eq!(told, [25]);
    assert_eq!(document.content, Some(discovery(ISSUER, TOKEN)));
    document.refresh(Ok(discovery(ISSUER, TOKEN)), at(40));
    assert_eq!(document.failing, None);
}

#[test]
fn somebody_who_asks_gets_what_is_there() {
    let mut document = known();
    document.adopt(Ok(discovery("https://other.example", "https://other.example/token")), at(1));
    assert_eq!(document.content, Some(discovery("https://other.example", "https://other.example/token")));
    document.adopt(Err(Miss::Unreadable), at(2));
    assert_eq!((document.content.is_none(), document.failing.map(|f| f.reason)), (true, Some(Miss::Unreadable)));
}

#[test]
fn reasons_are_read_as_they_are_written() {
    for miss in Miss::ALL {
        assert_eq!(Miss::stored(miss.as_str()), Some(*miss));
    }
}

#[test]
fn keys_change_by_themselves() {
    let mut keys = Document::default();
    keys.adopt(Ok(Keys(serde_json::json!({"keys": [1]}))), at(0));
    assert_eq!(keys.refresh(Ok(Keys(serde_json::json!({"keys": [2, 3]}))), at(1)), News::None);
    assert_eq!(keys.content.map(|keys| keys.count()), Some(2));
}
