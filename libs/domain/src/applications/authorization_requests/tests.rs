use super::*;

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn client() -> SignInSettings {
    let redirect_uris = vec!["https://app.example.com/callback".parse().unwrap(), "http://localhost:3000/cb".parse().unwrap()];
    SignInSettings { redirect_uris, ..SignInSettings::default() }
}

/// A request that is fine, but for these parameters; an empty value takes one away.
fn request(changes: &[(&str, &str)]) -> BTreeMap<String, String> {
    let usual = [
        ("client_id", "c"),
        ("redirect_uri", "https://app.example.com/callback"),
        ("response_type", "code"),
        ("scope", "openid email"),
        ("state", "s 1"),
        ("nonce", "n"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    usual.iter().chain(changes).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn what_is_asked_for_is_read() {
    let changes = [
        ("prompt", "select_account"),
        ("max_age", "0"),
        ("organization", "acme"),
        ("resource", "https://api/"),
        ("unknown", "x"),
    ];
    let read = read(&request(&changes), &client()).unwrap();
    assert_eq!((read.to.state.as_deref(), read.nonce.as_deref()), (Some("s 1"), Some("n")));
    assert_eq!((read.max_age, read.prompt.login, read.audience.as_deref()), (Some(0), true, Some("https://api/")));
    assert_eq!((read.organization.as_deref(), read.challenge.as_str()), (Some("acme"), CHALLENGE));
    assert_eq!(serde_json::from_str::<AuthorizationRequest>(&serde_json::to_string(&read).unwrap()).unwrap(), read);
}

/// The order of checks: what is told here, and what is told to the client, with its code.
#[test]
fn what_is_wrong_is_told_where_it_belongs() {
    let long = "x".repeat(2001);
    let scopes = (0..101).map(|n| format!("s{n}")).collect::<Vec<_>>().join(" ");
    for (changes, expected) in [
        (vec![("redirect_uri", "")], "redirect_uri"),
        (vec![("redirect_uri", "https://app.example.com/callback/")], "redirect_uri"),
        (vec![("redirect_uri", "https://app.example.com/callback?x=1")], "redirect_uri"),
        (vec![("redirect_uri", "https://APP.example.com/callback")], "redirect_uri"),
        (vec![("redirect_uri", "http://localhost:3001/cb")], "redirect_uri"),
        (vec![("redirect_uri", "https://evil.example/"), ("response_type", "token")], "redirect_uri"),
        (vec![("response_type", "")], "invalid_request"),
        (vec![("response_type", "token")], "unsupported_response_type"),
        (vec![("response_type", "code id_token")], "unsupported_response_type"),
        (vec![("response_mode", "fragment")], "invalid_request"),
        (vec![("response_mode", "query.jwt")], "invalid_request"),
        (vec![("request", "eyJ…")], "request_not_supported"),
        (vec![("code_challenge", "")], "invalid_request"),
        (vec![("code_challenge", "short")], "invalid_request"),
        (vec![("code_challenge", &CHALLENGE.replace('-', "+"))], "invalid_request"),
        (vec![("code_challenge_method", "")], "invalid_request"),
        (vec![("code_challenge_method", "plain")], "invalid_request"),
        (vec![("code_challenge_method", "s256")], "invalid_request"),
        (vec![("scope", &scopes)], "invalid_scope"),
        (vec![("scope", "a\"b")], "invalid_scope"),
        (vec![("prompt", "none login")], "invalid_request"),
        (vec![("max_age", "-1")], "invalid_request"),
        (vec![("max_age", "+1")], "invalid_request"),
        (vec![("max_age", "soon")], "invalid_request"),
        (vec![("max_age", "99999999999")], "invalid_request"),
        (vec![("audience", "a"), ("resource", "b")], "invalid_target"),
        (vec![("nonce", &long)], "invalid_request"),
        (vec![("login_hint", "a\nb")], "invalid_request"),
    ] {
        let told = match read(&request(&changes), &client()) {
            Ok(read) => panic!("{changes:?} was taken: {read:?}"),
            Err(Refused::Here) => "redirect_uri",
            Err(Refused::There(to, code, _)) => {
                assert_eq!((to.state.as_deref(), to.redirect_uri.as_str()), (Some("s 1"), "https://app.example.com/callback"));
                code
            }
        };
        assert_eq!(told, expected, "{changes:?}");
    }
}

#[test]
fn a_client_for_people_alone_names_no_organization() {
    let client = SignInSettings { organization_usage: OrganizationUsage::Deny, ..client() };
    assert!(read(&request(&[]), &client).is_ok());
    let refused = read(&request(&[("organization", "acme")]), &client);
    assert!(matches!(refused, Err(Refused::There(_, "invalid_request", _))), "{refused:?}");
}

#[test]
fn an_installed_program_comes_back_to_the_port_it_got() {
    let native = SignInSettings { application_type: super::super::clients::ApplicationType::Native, ..client() };
    for (uri, expected) in [
        ("http://localhost:51234/cb", true),
        ("http://localhost:51234/other", false),
        ("https://app.example.com:444/callback", false),
    ] {
        assert_eq!(read(&request(&[("redirect_uri", uri)]), &native).is_ok(), expected, "{uri}");
    }
    assert!(read(&request(&[("redirect_uri", "http://localhost:51234/cb")]), &client()).is_err());
}
